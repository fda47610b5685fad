//! Pairwise all-to-all: in step s every rank sends to the rank s to its right and takes from the rank s to
//! its left.
//!
//! ```text
//! P = 4     step 1   0→1→2→3→0      step 2   0↔2  1↔3      step 3   0→3→2→1→0
//! ```
//!
//! In each step everyone has one to send to and one to take from, so no line is ever idle or shared.
//!
//! Cost: P-1 rounds, P-1 messages a rank, all blocks but its own. No all-to-all can send fewer bytes; for
//! short blocks [`bruck`](super::bruck) needs fewer rounds.

use super::{Blocks, keep};
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

pub(super) fn pairwise<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    blocks: Blocks<'_>,
) -> Result<()> {
    keep(peers, input, output, blocks);
    for distance in 1..peers.size() {
        let (to, from) = (peers.right(distance), peers.left(distance));
        let send = &input[blocks.sent.block(to)];
        peers.send_recv(to, send, from, &mut output[blocks.taken.block(from)])?;
    }
    Ok(())
}

/// The same, but blocks are shown where they lie, the rank's own first; and there is a computation while the
/// first of the others is under way.
pub(super) fn visit<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: Blocks<'_>,
    look: &mut dyn FnMut(usize, &[T]),
    compute: &mut dyn FnMut(),
) -> Result<()> {
    look(peers.rank(), &input[blocks.sent.block(peers.rank())]);
    if peers.size() == 1 {
        compute();
    }
    for distance in 1..peers.size() {
        let (to, from) = (peers.right(distance), peers.left(distance));
        let (send, count) = (&input[blocks.sent.block(to)], blocks.taken.len(from));
        let look = |block: &[T]| look(from, block);
        match distance {
            1 => peers.send_recv_with_during(to, send, from, count, look, compute)?,
            _ => peers.send_recv_with(to, send, from, count, look)?,
        }
    }
    Ok(())
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let ranks = blocks.parts();
    Cost { messages: ranks - 1, elements: blocks.total() - blocks.len(rank), rounds: ranks - 1 }
}
