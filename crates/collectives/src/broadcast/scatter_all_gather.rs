//! Broadcast of long buffers: scatter the parts down a tree, then pass them round a ring.
//!
//! ```text
//! P = 4     rank 0   rank 1   rank 2   rank 3
//! start     abcd     ....     ....     ....
//! scatter   abcd     ....     ..cd     ....       down the tree: half of what is left,
//!           abcd     .b..     ..cd     ...d       then a quarter
//! ring      abcd     ab..     .bcd     ..cd       P-1 steps in which every rank passes on one part
//!           abcd     ab.d     abcd     .bcd       (rank 0 gets what it has, too)
//!           abcd     abcd     abcd     abcd
//! ```
//!
//! Each element leaves a rank about twice instead of lg P times.
//!
//! Cost: ceil(lg P) + P-1 rounds; the root sends 2N(P-1)/P elements, the others at most that. More messages
//! than the tree, so for short buffers the tree is better.
//!
//! Source: M. Barnett, S. Gupta, D. Payne, L. Shuler, R. van de Geijn, J. Watts, Interprocessor Collective
//! Communication Library, 1994.

use crate::all_gather;
use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Layout, Result};

pub(super) fn scatter_all_gather<T: Element>(peers: &Peers<'_>, buffer: &mut [T], root: usize) -> Result<()> {
    let place = Place::new(peers.rank(), peers.size(), root);
    // Part v belongs to the rank v places after the root.
    let parts = Layout::even(buffer.len(), peers.size());
    if let Some(parent) = place.parent() {
        peers.recv(parent, &mut buffer[parts.blocks(place.subtree())])?;
    }
    for child in place.children().rev() {
        let part = &buffer[parts.blocks(place.subtree_of(child))];
        peers.send(place.rank_of(child), part)?;
    }
    all_gather::circulate(peers, &parts, buffer, place.v)
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let place = Place::new(rank, ranks, root);
    let parts = Layout::even(length, ranks);
    let below = place.v + 1..place.subtree().end;
    let down = Cost {
        messages: place.children().count(),
        elements: parts.blocks(below).len(),
        rounds: ceil_log2(ranks),
    };
    down.then(all_gather::circulate_cost(&parts, place.v))
}
