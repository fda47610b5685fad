//! Reduce by shared columns: every rank combines one part of all inputs, straight into the root's output.
//!
//! ```text
//! P = 3                  for 0   for 1   for 2
//!    input of 0         [  a   |   a   |   a  ]    read
//!    input of 1         [  b   |   b   |   b  ]    read        rank 1 combines a∘b∘c of its column
//!    input of 2         [  c   |   c   |   c  ]    read
//!    the root's output  [      |       |      ]    written
//!                                  ▲
//!                                rank 1
//! ```
//!
//! The work is shared as in [`reduce_scatter_gather`](super::reduce_scatter_gather), but nothing is collected
//! afterwards: the root lends its output as well. Contributions are combined in rank order, so the reduction need
//! not commute.
//!
//! Cost: P-1 rounds, N - len(r) elements to be read of every rank, and as many to be written of the root.

use crate::peers::{Lengths, Loan, Peers, once, per_rank, share_cost};
use crate::{Cost, Element, Layout, Reduction, Result};

/// Results are finished.
pub(super) fn shared_columns<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
    root: usize,
) -> Result<()> {
    let columns = Layout::even(input.len(), peers.size());
    let own = columns.len(peers.rank());
    let expected = |rank| Lengths { read: own, write: if rank == root { own } else { 0 } };
    // Only the root has an output.
    let places = Layout::even(output.len(), peers.size());
    let row =
        places.cut(output).enumerate().map(|(rank, write)| Loan { read: &input[columns.block(rank)], write });
    peers.share(row, expected, once, |loans| {
        let inputs = per_rank(loans.iter().map(|loan| loan.read));
        op.reduce_columns(&inputs, loans[root].write);
    })
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let columns = Layout::even(length, ranks);
    let halves = if rank == root { 2 } else { 1 };
    share_cost(ranks, rank, |other| halves * columns.len(other), length == 0)
}
