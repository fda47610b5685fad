//! Reduce-scatter by a rank in the middle: rank 0 combines everything, then deals it out.
//!
//! Cost: 2 ceil(lg P) rounds, and every element of the buffer passes through rank 0.

use crate::element::scratch;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Layout, Reduction, Result, reduce, scatter};

pub(super) fn reduce_then_scatter<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let place = Place::new(peers.rank(), peers.size(), 0);
    let mut combined = scratch(0);
    if place.subtree().len() == 1 && peers.rank() > 0 {
        peers.send(place.parent().expect("not the root"), input)?;
    } else {
        combined = input.to_vec();
        reduce::climb(peers, &place, &mut combined, op)?;
    }
    scatter::binomial(peers, &combined, blocks, output, 0)
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let up = reduce::Reduce::Binomial.cost(blocks.parts(), rank, blocks.total(), 0, true);
    up.then(scatter::binomial_cost(blocks, rank, 0))
}
