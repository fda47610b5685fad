//! Bruck's all-to-all: ceil(lg P) rounds, because blocks travel in bundles.
//!
//! A block for the rank d to the right is kept in place d. In round k every rank sends all its blocks whose d
//! has bit k set to the rank 2^k to its right, as one bundle, and puts what arrives in the same places.
//!
//! ```text
//! P = 5     d      binary   travels in
//!           1      001      round 0             (distance 1)
//!           2      010      round 1             (distance 2)
//!           3      011      rounds 0 and 1      (1 + 2)
//!           4      100      round 2             (distance 4)
//! ```
//!
//! Invariant: after round k a block has gone the part of its way that the lowest k+1 bits of d make up.
//! After all rounds it has gone d, so in place d lies what the rank d to the left sent here.
//!
//! Cost: ceil(lg P) rounds; each block is sent once per set bit of its d, about N/2 lg P elements instead of
//! N(P-1)/P, and copied into and out of bundles. For short blocks.
//!
//! Source: J. Bruck, C.-T. Ho, S. Kipnis, E. Upfal, D. Weathersby, Efficient Algorithms for All-to-All
//! Communications in Multiport Message-Passing Systems, 1997.

use super::Blocks;
use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

pub(super) fn bruck<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    blocks: Blocks<'_>,
) -> Result<()> {
    let ranks = peers.size();
    let mut places = Vec::with_capacity(input.len());
    for d in 0..ranks {
        places.extend_from_slice(&input[blocks.sent.block(peers.right(d))]);
    }
    let mut bundle = Vec::with_capacity(input.len());
    for k in 0..ceil_log2(ranks) {
        bundle.clear();
        for d in travelling(ranks, k) {
            bundle.extend_from_slice(&places[blocks.sent.block(d)]);
        }
        let (to, from) = (peers.right(1 << k), peers.left(1 << k));
        peers.send_recv_with(to, &bundle, from, bundle.len(), |arrived| {
            let mut rest = arrived;
            for d in travelling(ranks, k) {
                let place = &mut places[blocks.sent.block(d)];
                let (block, others) = rest.split_at(place.len());
                place.copy_from_slice(block);
                rest = others;
            }
        })?;
    }
    for d in 0..ranks {
        output[blocks.taken.block(peers.left(d))].copy_from_slice(&places[blocks.sent.block(d)]);
    }
    Ok(())
}

/// The distances that have bit k set.
fn travelling(ranks: usize, k: usize) -> impl Iterator<Item = usize> {
    (0..ranks).filter(move |d| d & (1 << k) != 0)
}

/// For blocks of equal length.
pub(super) fn cost(blocks: &Layout) -> Cost {
    let ranks = blocks.parts();
    let rounds = ceil_log2(ranks);
    let journeys: usize = (0..ranks).map(|d| d.count_ones() as usize).sum();
    Cost { messages: rounds, elements: journeys * blocks.len(0), rounds }
}
