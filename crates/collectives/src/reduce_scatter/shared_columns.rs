//! Reduce-scatter by shared columns: every rank reads its block of all ranks' inputs at once.
//!
//! ```text
//! P = 3              for 0   for 1   for 2
//!    input of 0     [  a   |   a   |   a  ]
//!    input of 1     [  b   |   b   |   b  ]         output of rank 1 = a∘b∘c, straight from three inputs
//!    input of 2     [  c   |   c   |   c  ]
//!                              ▲
//!                            rank 1
//! ```
//!
//! As in [`pairwise`](mod@super::pairwise) nothing but original contributions is read, and in rank order, so the
//! reduction need not commute. But that reads one at a time and stores a partial sum after each; here a sum is
//! complete when it is stored, once.
//!
//! Cost: P-1 rounds, all blocks but the rank's own: N(P-1)/P elements, the least possible. A block without elements
//! isn't lent.

use crate::peers::{Lengths, Loan, Peers, once, per_rank, share_cost};
use crate::{Cost, Element, Layout, Reduction, Result};

/// Results are finished.
pub(super) fn shared_columns<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let own = Lengths { read: output.len(), write: 0 };
    let expected = |_| own;
    let row = (0..peers.size()).map(|rank| Loan::read(&input[blocks.block(rank)]));
    peers.share(row, expected, once, |loans| {
        let inputs = per_rank(loans.iter().map(|loan| loan.read));
        op.reduce_columns(&inputs, output);
    })
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    share_cost(blocks.parts(), rank, |other| blocks.len(other), blocks.total() == 0)
}
