//! As in the textbook: sort the lower half, sort the upper half, merge.
//!
//! ```text
//!          ┌──────┐ ┌────┐ ┌─────────┐
//!  lower ──┤ sort ├─┤    ├─┤  clean  ├──     flip:  two sorted halves become two bitonic ones, the lower one
//!          ├──────┤ │flip│ ├─────────┤               with nothing greater than anything in the upper one
//!  upper ──┤ sort ├─┤    ├─┤  clean  ├──     clean: sorts what is bitonic: a half-cleaner, then both halves
//!          └──────┘ └────┘ └─────────┘
//! ```
//!
//! *Any length*: the lower half is the largest power of two that is less than the length, so it's the network of
//! the next power of two without the wires that there are no items for (see `comparator`). Where of a group
//! there is the lower half alone, it is sorted already, and isn't merged with nothing.
//!
//! Cost, for n = 2^k items: n k (k+1) / 4 comparators, and a stack of k calls. Its order is better than it looks:
//! a half is finished while it is in the cache. What it pays for is calls: four of five have one item or two.
//!
//! Source: K. E. Batcher, Sorting Networks and Their Applications, 1968; the flip as M. Dowd, Y. Perl, L. Rudolph,
//! M. Saks, The Periodic Balanced Sorting Network, 1989, have it.

use crate::comparator::{as_integers, by, flip, half_clean, min_max};
use crate::{Direction, Key};
use std::cmp::Ordering;

/// Sorts keys in place.
///
/// ```
/// use bitonic::{Direction, recursive};
///
/// let mut keys = [2.5, f64::NEG_INFINITY, 0.0, -0.0, 1.0];
/// recursive::sort(&mut keys, Direction::Descending);
/// assert_eq!(format!("{keys:?}"), "[2.5, 1.0, 0.0, -0.0, -inf]");
/// ```
pub fn sort<K: Key>(keys: &mut [K], direction: Direction) {
    as_integers(keys, direction, |integers| network(integers, &mut min_max));
}

/// Sorts anything in place by a comparison; items that compare equal come in any order.
///
/// The items compared don't depend on what `compare` answers. If it panics, the slice holds every item once, in
/// some order.
///
/// ```
/// let mut words = ["sort", "a", "bitonic", "is", "this"];
/// bitonic::recursive::sort_by(&mut words, |a, b| a.len().cmp(&b.len()).then(a.cmp(b)));
/// assert_eq!(words, ["a", "is", "sort", "this", "bitonic"]);
/// ```
pub fn sort_by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    network(items, &mut by(compare));
}

fn network<T>(items: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    if items.len() < 2 {
        return;
    }
    let (low, high) = items.split_at_mut(items.len().next_power_of_two() / 2);
    network(low, comparator);
    network(high, comparator);
    flip(low, high, comparator);
    clean(low, comparator);
    clean(high, comparator);
}

/// Sorts a bitonic sequence.
fn clean<T>(items: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    if items.len() < 2 {
        return;
    }
    let (low, high) = items.split_at_mut(items.len().next_power_of_two() / 2);
    half_clean(low, high, comparator);
    clean(low, comparator);
    clean(high, comparator);
}
