//! Ring reduce-scatter: P partial sums travel round the ring, each picking up one contribution a step.
//!
//! ```text
//! P = 4, the partial sum of block 0 (it ends on rank 0):
//!
//!   rank 1 ──► rank 2 ──► rank 3 ──► rank 0
//!     b          b∘c       b∘c∘d     b∘c∘d∘a        the order is the ring's, not the ranks'
//! ```
//!
//! Invariant: what a rank sends in step s holds s+1 contributions. The four sums start on different ranks,
//! so in every step every rank sends one, and takes and extends another.
//!
//! Cost: P-1 rounds; every rank sends all blocks but its own: N(P-1)/P elements, the least possible.
//! The order in which contributions are combined differs from block to block, so the reduction must commute.
//!
//! Source: P. Patarasuk, X. Yuan, Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations, 2009.

use crate::element::scratch;
use crate::layout::disjoint;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Reduction, Result};

/// Out of place: partial sums live in two buffers of one block, one leaving while the other arrives.
pub(super) fn ring<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (ranks, rank) = (peers.size(), peers.rank());
    // The block sent in step s. After P-1 steps the one taken is the rank's own.
    let index = |step: usize| (rank + 2 * ranks - 1 - step) % ranks;
    let longest = (0..ranks).map(|i| blocks.len(i)).max().unwrap_or(0);
    let (mut leaving, mut arriving) = (scratch(longest), scratch(longest));
    leaving[..blocks.len(index(0))].copy_from_slice(&input[blocks.block(index(0))]);
    for step in 0..ranks - 1 {
        let send = &leaving[..blocks.len(index(step))];
        let next = index(step + 1);
        let own = &input[blocks.block(next)];
        let sum = if step == ranks - 2 { &mut *output } else { &mut arriving[..own.len()] };
        peers.send_recv_with(peers.right(1), send, peers.left(1), own.len(), |x| op.combine(sum, x, own))?;
        std::mem::swap(&mut leaving, &mut arriving);
    }
    if ranks == 1 {
        output.copy_from_slice(input);
    }
    Ok(())
}

/// In place, for the ring all-reduce: rank r begins by sending block `first`, one less than its right
/// neighbour's, and ends up with the whole sum of block `first` + 1. The other blocks hold partial sums then.
pub(crate) fn accumulate<T: Element>(
    peers: &Peers<'_>,
    blocks: &Layout,
    buffer: &mut [T],
    first: usize,
    op: &dyn Reduction<T>,
) -> Result<()> {
    let ranks = peers.size();
    for step in 0..ranks - 1 {
        let sent = (first + ranks - step) % ranks;
        let extended = (first + ranks - step - 1) % ranks;
        let (send, extend) = disjoint(buffer, blocks.block(sent), blocks.block(extended));
        let count = extend.len();
        peers.send_recv_with(peers.right(1), send, peers.left(1), count, |x| op.fold_left(x, extend))?;
    }
    Ok(())
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let ranks = blocks.parts();
    Cost { messages: ranks - 1, elements: blocks.total() - blocks.len(rank), rounds: ranks - 1 }
}
