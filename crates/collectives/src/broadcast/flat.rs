//! Flat broadcast: the root sends the whole buffer to one rank after the other.
//!
//! ```text
//!   root ──► 1,  root ──► 2,  root ──► 3,  ...
//! ```
//!
//! Cost: the root sends P-1 messages of N elements in P-1 rounds, the others nothing. Fine for very few
//! ranks; otherwise everyone waits for the root's one line out.

use crate::peers::Peers;
use crate::{Cost, Element, Result};

pub(super) fn flat<T: Element>(peers: &Peers<'_>, buffer: &mut [T], root: usize) -> Result<()> {
    if peers.rank() != root {
        return peers.recv(root, buffer);
    }
    for distance in 1..peers.size() {
        peers.send(peers.right(distance), buffer)?;
    }
    Ok(())
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let messages = if rank == root { ranks - 1 } else { 0 };
    Cost { messages, elements: messages * length, rounds: ranks - 1 }
}
