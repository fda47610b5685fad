//! Flat reduce: the root takes every rank's buffer in rank order and combines it with what it has.
//!
//! ```text
//!   root: ((x0 ∘ x1) ∘ x2) ∘ x3 ...
//! ```
//!
//! Cost: every rank but the root sends N elements; the root is busy for P-1 rounds.

use crate::peers::Peers;
use crate::{Cost, Element, Reduction, Result};

pub(super) fn flat<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
    root: usize,
) -> Result<()> {
    if peers.rank() != root {
        return peers.send(root, input);
    }
    for rank in 0..peers.size() {
        match (rank == root, rank == 0) {
            (true, true) => output.copy_from_slice(input),
            (true, false) => op.fold(output, input),
            (false, true) => peers.recv(rank, output)?,
            (false, false) => peers.recv_with(rank, input.len(), |x| op.fold(output, x))?,
        }
    }
    Ok(())
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let messages = usize::from(rank != root);
    Cost { messages, elements: messages * length, rounds: ranks - 1 }
}
