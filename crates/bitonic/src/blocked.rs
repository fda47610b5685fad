//! The same comparators in an order that suits caches: a block is finished before the next one is touched.
//!
//! ```text
//! level     1 .. b     b+1                      b+2
//!           ┌───────┐┌────┐┌──────────────────┐┌────┐┌───────┐┌──────────────────┐
//!  block 0 ─┤       ├┤    ├┤ all that is left ├┤    ├┤       ├┤ all that is left ├─
//!           ├───────┤│flip│├──────────────────┤│    ││       │├──────────────────┤     2^b wires are a block.
//!  block 1 ─┤       ├┤    ├┤                  ├┤flip││ clean ├┤                  ├─    What stays inside a block
//!           ├───────┤├────┤├──────────────────┤│    ││       │├──────────────────┤     is one pass over memory,
//!  block 2 ─┤       ├┤    ├┤                  ├┤    ││       ├┤                  ├─    however many stages.
//!           ├───────┤│flip│├──────────────────┤│    ││       │├──────────────────┤
//!  block 3 ─┤       ├┤    ├┤                  ├┤    ├┤       ├┤                  ├─
//!           └───────┘└────┘└──────────────────┘└────┘└───────┘└──────────────────┘
//! ```
//!
//! Above the block it is the recursion, which goes depth first: so groups of two and four blocks stay in the next
//! cache too, without knowing how large that is. Half-cleaners there go in twos: the items of four wires that
//! are a quarter of the group apart are loaded once for two stages. Inside a block it is the loops over stages.
//! Those whose wires are fewer than eight apart go together as well: eight items are loaded once, and their
//! comparators are written out.
//!
//! Cost, for n = 2^k items and blocks of 2^b: the comparators of any bitonic sort, and with m = k - b
//! 1 + 2m + ⌊m²/4⌋ passes over memory: for each level above b a flip, half-cleaners in twos, and the blocks. For
//! 2^20 keys of 4 bytes that is 33, where the plain loops need 210.
//!
//! Source: the order is that of external sorting; for bitonic networks in memories with levels, e.g. A. Aggarwal,
//! J. S. Vitter, The Input/Output Complexity of Sorting and Related Problems, 1988.

use crate::comparator::{as_integers, by, flip, half_clean, min_max};
use crate::{Direction, Key, iterative};
use simd::vectorised;
use std::cmp::Ordering;

/// The size of a block: half of the smallest first-level cache that is common, since others use it too.
pub(crate) const BLOCK_BYTES: usize = 16 << 10;

/// Sorts keys in place.
///
/// ```
/// use bitonic::{Direction, blocked};
///
/// let mut keys: Vec<u64> = (0..10_000).map(|i| i * i % 9973).collect();
/// blocked::sort(&mut keys, Direction::Descending);
/// assert!(keys.is_sorted_by(|a, b| a >= b));
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
/// let mut pairs: Vec<(u32, &str)> = vec![(2, "b"), (1, "z"), (2, "a")];
/// bitonic::blocked::sort_by(&mut pairs, |a, b| a.cmp(b));
/// assert_eq!(pairs, [(1, "z"), (2, "a"), (2, "b")]);
/// ```
pub fn sort_by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    network(items, &mut by(compare));
}

/// How many items a block has: a power of two.
const fn block<T>() -> usize {
    let fit = BLOCK_BYTES / if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
    if fit < 8 { 8 } else { 1 << fit.ilog2() }
}

fn network<T>(items: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    if items.len() <= block::<T>() {
        return vectorised(|| network_of_block(items, comparator));
    }
    let (low, high) = items.split_at_mut(items.len().next_power_of_two() / 2);
    network(low, comparator);
    network(high, comparator);
    vectorised(|| flip(low, high, comparator));
    clean(low, comparator);
    clean(high, comparator);
}

/// Sorts a bitonic sequence.
fn clean<T>(items: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    if items.len() <= block::<T>() {
        return vectorised(|| clean_block(items, items.len().next_power_of_two(), comparator));
    }
    let quarter = items.len().next_power_of_two() / 4;
    let (a, rest) = items.split_at_mut(quarter);
    let (b, rest) = rest.split_at_mut(quarter);
    let (c, d) = rest.split_at_mut(quarter.min(rest.len()));
    vectorised(|| two_stages(a, b, c, d, comparator));
    for quarter in [a, b, c, d] {
        clean(quarter, comparator);
    }
}

/// Half-cleaners of the whole, (a, c) and (b, d), and of the halves, (a, b) and (c, d).
#[inline(always)]
fn two_stages<T>(
    a: &mut [T],
    b: &mut [T],
    c: &mut [T],
    d: &mut [T],
    comparator: &mut impl FnMut(&mut T, &mut T),
) {
    let whole = d.len();
    for (((a, b), c), d) in a.iter_mut().zip(&mut *b).zip(&mut *c).zip(d) {
        comparator(a, c);
        comparator(b, d);
        comparator(a, b);
        comparator(c, d);
    }
    // Where there is nothing of d, and perhaps nothing of c.
    half_clean(&mut a[whole..], &mut c[whole..], comparator);
    half_clean(&mut a[whole..], &mut b[whole..], comparator);
}

#[inline(always)]
fn network_of_block<T>(items: &mut [T], comparator: &mut impl FnMut(&mut T, &mut T)) {
    let levels = items.len().next_power_of_two().ilog2();
    if levels < 3 {
        return iterative::network(items, comparator);
    }
    in_eights(items, [1, 3, 1, 7, 2, 1], comparator);
    for level in 4..=levels {
        for group in items.chunks_mut(1 << level) {
            let (low, high) = group.split_at_mut(group.len().min(1 << (level - 1)));
            flip(low, high, comparator);
        }
        clean_block(items, 1 << (level - 1), comparator);
    }
}

/// Sorts groups of wires, each of which is bitonic.
#[inline(always)]
fn clean_block<T>(items: &mut [T], group: usize, comparator: &mut impl FnMut(&mut T, &mut T)) {
    let mut group = group;
    while group > 8 {
        let half = group / 2;
        for group in items.chunks_mut(group) {
            let (low, high) = group.split_at_mut(group.len().min(half));
            half_clean(low, high, comparator);
        }
        group = half;
    }
    in_eights(items, [4, 2, 1], comparator);
}

/// The stages of these masks (as in [`iterative`]), for each eight wires at once.
#[inline(always)]
fn in_eights<T, const STAGES: usize>(
    items: &mut [T],
    masks: [usize; STAGES],
    comparator: &mut impl FnMut(&mut T, &mut T),
) {
    let (eights, rest) = items.as_chunks_mut::<8>();
    for eight in eights {
        stages(eight, masks, comparator);
    }
    stages(rest, masks, comparator);
}

/// Of eight items the compiler knows that they are eight: it writes the comparators out, and keeps the items in
/// registers.
#[inline(always)]
fn stages<T, const STAGES: usize>(
    items: &mut [T],
    masks: [usize; STAGES],
    comparator: &mut impl FnMut(&mut T, &mut T),
) {
    for mask in masks {
        for low in 0..items.len() {
            if let Ok([low, high]) = items.get_disjoint_mut([low, low.max(low ^ mask)]) {
                comparator(low, high);
            }
        }
    }
}

#[cfg(test)]
mod tests;
