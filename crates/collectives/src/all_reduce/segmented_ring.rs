//! The ring all-reduce on one stretch of the buffer after the other.
//!
//! ```text
//! buffer    [ stretch 0 | stretch 1 | stretch 2 |..]      each P x segment elements
//!              └ a whole ring all-reduce, then the next
//! ```
//!
//! On the plain ring a block of a long buffer has left the cache by the time it is passed on. A stretch
//! whose blocks fit in a core's cache is summed and passed on while it is there.
//!
//! Cost: the ring's for each stretch: the same elements, 2(P-1) messages and rounds per stretch.

use super::ring;
use crate::peers::Peers;
use crate::{Cost, Element, Reduction, Result};

/// Elements of a block: 256 KiB of `f32`, so that a block and its neighbour's stay in a second-level cache
/// of 1 MiB. Of 4, 16, 32, 64 and 128 Ki, tried with `gears bench all_reduce --algorithm segmented_ring
/// --ranks 2 --bytes 1048576..67108864` on an AMD EPYC (2026-11), the shorter ones were up to 2.5 times
/// slower; 128 Ki was as fast with `f32` and leaves no room for `f64`.
pub(crate) const SEGMENT: usize = 64 * 1024;

pub(super) fn segmented_ring<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
    segment: usize,
) -> Result<()> {
    for stretch in stretches(buffer.len(), peers.size(), segment) {
        ring::ring(peers, &mut buffer[stretch], op)?;
    }
    Ok(())
}

/// At least one, so that an empty buffer costs a ring of empty messages, like everywhere else.
fn stretches(length: usize, ranks: usize, segment: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let stretch = ranks.saturating_mul(segment);
    let count = length.div_ceil(stretch).max(1);
    (0..count).map(move |i| i * stretch..length.min((i + 1).saturating_mul(stretch)))
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, segment: usize) -> Cost {
    stretches(length, ranks, segment)
        .map(|stretch| ring::cost(ranks, rank, stretch.len()))
        .fold(Cost::default(), Cost::then)
}
