//! Linear gather: the root takes every rank's block, one after the other, straight to where it belongs.
//!
//! Cost: one message of its own block from every rank but the root; P-1 rounds. It moves the fewest bytes
//! possible, so it is the one for long blocks.

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
        return peers.send(root, input);
    }
    output[blocks.block(root)].copy_from_slice(input);
    for distance in 1..peers.size() {
        let rank = peers.right(distance);
        peers.recv(rank, &mut output[blocks.block(rank)])?;
    }
    Ok(())
}

pub(super) fn cost(blocks: &Layout, rank: usize, root: usize) -> Cost {
    let sends = rank != root;
    Cost {
        messages: usize::from(sends),
        elements: if sends { blocks.len(rank) } else { 0 },
        rounds: blocks.parts() - 1,
    }
}
