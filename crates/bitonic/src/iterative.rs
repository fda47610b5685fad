//! The network drawn as three loops: level, stage, comparator.
//!
//! ```text
//! level    1      2                level l makes sorted groups of 2^l wires of sorted pairs of groups
//! stage    0      0        1       stage s joins halves of groups of 2^(l-s) wires; stage 0 flips
//! mask     1      3        1
//!      0  ─┬──────┬────────┬─      A comparator joins wire i with wire i ^ mask. In stage 0 the mask has the
//!      1  ─┘──────┼─┬──────┘─      l lowest bits: that is the flip. In the others it has bit l-1-s alone.
//!      2  ─┬──────┼─┘──────┬─
//!      3  ─┘──────┘────────┘─
//! ```
//!
//! *Invariant*: before level l every group of 2^(l-1) wires is sorted. *Any length*: the last group of a stage
//! may be cut short, or lack its upper half; comparators with an end that isn't there are left out.
//!
//! Cost, for n = 2^k items: n k (k+1) / 4 comparators in k (k+1) / 2 stages, each of which goes over all of the
//! memory: at 2^20 keys that is 210 times. No call, no stack, and within a stage no comparator waits for another:
//! the compiler makes vector instructions of those whose wires are far apart.
//!
//! Source: K. E. Batcher, Sorting Networks and Their Applications, 1968. On GPUs each stage is a kernel.

use crate::comparator::{as_integers, by, flip, half_clean, min_max};
use crate::{Direction, Key};
use simd::vectorised;
use std::cmp::Ordering;

/// Sorts keys in place.
///
/// ```
/// use bitonic::{Direction, iterative};
///
/// let mut keys = [3_u8, 255, 0, 7, 7];
/// iterative::sort(&mut keys, Direction::Ascending);
/// assert_eq!(keys, [0, 3, 7, 7, 255]);
/// ```
pub fn sort<K: Key>(keys: &mut [K], direction: Direction) {
    as_integers(keys, direction, |integers| vectorised(|| network(integers, &mut min_max)));
}

/// Sorts anything in place by a comparison; items that compare equal come in any order.
///
/// The items compared don't depend on what `compare` answers. If it panics, the slice holds every item once, in
/// some order.
///
/// ```
/// let mut words = ["sort", "a", "bitonic", "is", "this"];
/// bitonic::iterative::sort_by(&mut words, |a, b| a.cmp(b));
/// assert_eq!(words, ["a", "bitonic", "is", "sort", "this"]);
/// ```
pub fn sort_by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    network(items, &mut by(compare));
}

#[inline(always)]
pub(crate) fn network<T>(items: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    let levels = items.len().next_power_of_two().ilog2();
    for level in 1..=levels {
        for stage in 0..level {
            let distance = 1 << (level - 1 - stage);
            for group in items.chunks_mut(2 * distance) {
                let (low, high) = group.split_at_mut(distance.min(group.len()));
                match stage {
                    0 => flip(low, high, comparator),
                    _ => half_clean(low, high, comparator),
                }
            }
        }
    }
}
