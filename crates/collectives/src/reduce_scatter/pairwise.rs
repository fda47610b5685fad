//! Pairwise reduce-scatter: in step s every rank sends the rank s to its right the block which that one
//! needs.
//!
//! ```text
//! P = 4     step 1   0→1→2→3→0      step 2   0↔2  1↔3      step 3   0→3→2→1→0
//! ```
//!
//! Nothing but original contributions travels, straight from the input to the rank that combines them, so
//! no intermediate buffer is needed and each block's order is its owner's choice. Contributions arrive from
//! r-1, r-2, ..., 0 and then from P-1, ..., r+1: put in front of what is there, each of the two runs is in
//! rank order; a reduction that doesn't commute keeps them apart and joins them at the end.
//!
//! Cost: P-1 rounds, all blocks but the rank's own sent: N(P-1)/P elements, the least possible. Each step has
//! another partner, which on a network means longer ways than the ring's.

use crate::element::scratch;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Reduction, Result};

pub(crate) fn pairwise<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let rank = peers.rank();
    output.copy_from_slice(&input[blocks.block(rank)]);
    // The contributions of higher ranks, where the order matters.
    let mut higher = scratch(0);
    for distance in 1..peers.size() {
        let (to, from) = (peers.right(distance), peers.left(distance));
        let send = &input[blocks.block(to)];
        peers.send_recv_with(to, send, from, output.len(), |x| {
            if op.commutes() || from < rank {
                op.fold_left(x, output);
            } else if from == peers.size() - 1 {
                higher = x.to_vec();
            } else {
                op.fold_left(x, &mut higher);
            }
        })?;
    }
    op.fold(output, &higher); // empty if there is nothing to join
    Ok(())
}

pub(crate) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let ranks = blocks.parts();
    Cost { messages: ranks - 1, elements: blocks.total() - blocks.len(rank), rounds: ranks - 1 }
}
