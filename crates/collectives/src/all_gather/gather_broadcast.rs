//! All-gather by a rank in the middle: rank 0 gathers, then broadcasts, both along a binomial tree.
//!
//! On the way up a rank collects its subtree's blocks in its own output, where they are contiguous and
//! already in place, because the tree's root is rank 0.
//!
//! Cost: 2 ceil(lg P) rounds; the second half moves the whole result along every tree edge.

use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Layout, Result, broadcast};

pub(super) fn gather_broadcast<T: Element>(
    peers: &Peers<'_>,
    blocks: &Layout,
    buffer: &mut [T],
) -> Result<()> {
    let place = Place::new(peers.rank(), peers.size(), 0);
    for child in place.children() {
        peers.recv(child, &mut buffer[blocks.blocks(place.subtree_of(child))])?;
    }
    if let Some(parent) = place.parent() {
        peers.send(parent, &buffer[blocks.blocks(place.subtree())])?;
    }
    broadcast::binomial(peers, buffer, 0)
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let up = crate::gather::binomial_cost(blocks, rank, 0);
    up.then(broadcast::Broadcast::Binomial.cost(blocks.parts(), rank, blocks.total(), 0))
}
