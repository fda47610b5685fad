//! The comparator: two items go in, and the smaller one leaves on the lower wire. And the two stages of
//! comparators that bitonic networks are made of, between the halves of a group of wires.
//!
//! ```text
//!     flip          half-clean
//! 0  ─┬──────       ─┬──────      what enters:  two rising halves      a bitonic sequence: up, then down, or
//! 1  ─┼─┬────       ─┼─┬────                    (flip)                 down, then up (half-clean)
//! 2  ─┼─┼─┬──       ─┼─┼─┬──
//! 3  ─┼─┼─┼─┬       ─┼─┼─┼─┬      what leaves:  two bitonic halves, and nothing in the lower one is greater
//!     │ │ │ │        │ │ │ │                    than anything in the upper one
//! 4  ─┼─┼─┼─┘       ─┘ │ │ │
//! 5  ─┼─┼─┘──       ───┘ │ │      To read the upper half backwards makes of two rising halves a bitonic
//! 6  ─┼─┘────       ─────┘ │      sequence. So a flip is a half-cleaner, seen in a mirror.
//! 7  ─┘──────       ───────┘
//! ```
//!
//! *Any length.* A wire past the last item holds, in thought, something greater than all: nothing moves it, so
//! comparators that touch it are left out. In code that is a `zip`, which ends with the shorter half.

use crate::{Direction, Key};
use std::cmp::Ordering;

/// The comparator of a comparison. All it ever does is swap: whatever `compare` answers, and even if it panics,
/// the slice holds every item once.
#[inline(always)]
pub(crate) fn by<T>(mut compare: impl FnMut(&T, &T) -> Ordering) -> impl FnMut(&mut T, &mut T) {
    move |low, high| {
        if compare(low, high) == Ordering::Greater {
            std::mem::swap(low, high);
        }
    }
}

/// The comparator of integers: a minimum and a maximum, without a branch that could be mispredicted.
#[inline(always)]
pub(crate) fn min_max<I: Copy + Ord>(low: &mut I, high: &mut I) {
    (*low, *high) = ((*low).min(*high), (*low).max(*high));
}

/// Wire i of the lower half with the wire that is its image in a mirror between the halves.
#[inline(always)]
pub(crate) fn flip<T>(low: &mut [T], high: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    low.iter_mut().rev().zip(high).for_each(|(low, high)| comparator(low, high));
}

/// Wire i of the lower half with wire i of the upper one.
#[inline(always)]
pub(crate) fn half_clean<T>(low: &mut [T], high: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    low.iter_mut().zip(high).for_each(|(low, high)| comparator(low, high));
}

/// Sorts keys as the integers that stand where they stand ([`Key::ordered`]), which `sort` puts in ascending
/// order. Keys that are equal have the same bits, so descending is ascending, read backwards.
#[inline(always)]
pub(crate) fn as_integers<K: Key>(
    keys: &mut [K],
    direction: Direction,
    sort: impl FnOnce(&mut [K::Ordered]),
) {
    for key in keys.iter_mut() {
        let ordered = key.ordered();
        *bytemuck::cast_mut(key) = ordered;
    }
    sort(bytemuck::cast_slice_mut(keys));
    for key in keys.iter_mut() {
        *key = K::restore(bytemuck::cast(*key));
    }
    if direction == Direction::Descending {
        keys.reverse();
    }
}
