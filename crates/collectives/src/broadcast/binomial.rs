//! Binomial tree broadcast: whoever has the buffer sends it on.
//!
//! ```text
//! P = 8    round 0    0 ──────────► 4
//!          round 1    0 ────► 2     4 ────► 6
//!          round 2    0 ► 1   2 ► 3 4 ► 5   6 ► 7
//! ```
//!
//! Invariant: after k rounds 2^k ranks have the buffer (or all). The largest subtree is served first, since
//! it has the longest way to go.
//!
//! Cost: ceil(lg P) rounds; rank v (counted from the root) sends N elements to each of its children, P-1
//! messages in all. The whole buffer travels in every round, so for long buffers
//! [`scatter_all_gather`](super::scatter_all_gather) is better.

use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Result};

pub(crate) fn binomial<T: Element>(peers: &Peers<'_>, buffer: &mut [T], root: usize) -> Result<()> {
    let place = Place::new(peers.rank(), peers.size(), root);
    if let Some(parent) = place.parent() {
        peers.recv(parent, buffer)?;
    }
    for child in place.children().rev() {
        peers.send(place.rank_of(child), buffer)?;
    }
    Ok(())
}

pub(crate) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let children = Place::new(rank, ranks, root).children().count();
    Cost { messages: children, elements: children * length, rounds: ceil_log2(ranks) }
}
