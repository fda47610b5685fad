//! Linear scatter: the root sends every rank its block, one after the other.
//!
//! Cost: the root sends P-1 messages, all blocks but its own, in P-1 rounds: the fewest bytes possible.

use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

pub(super) fn linear<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    root: usize,
) -> Result<()> {
    if peers.rank() != root {
        return peers.recv(root, output);
    }
    for distance in 1..peers.size() {
        let rank = peers.right(distance);
        peers.send(rank, &input[blocks.block(rank)])?;
    }
    output.copy_from_slice(&input[blocks.block(root)]);
    Ok(())
}

pub(super) fn cost(blocks: &Layout, rank: usize, root: usize) -> Cost {
    let ranks = blocks.parts();
    let sends = rank == root;
    Cost {
        messages: if sends { ranks - 1 } else { 0 },
        elements: if sends { blocks.total() - blocks.len(root) } else { 0 },
        rounds: ranks - 1,
    }
}
