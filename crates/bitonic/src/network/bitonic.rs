//! The bitonic sorter in one direction: every comparator puts the smaller key on the wire with the lower number.
//!
//! Level l = 1, 2, ..., k makes of sorted groups of 2^(l-1) wires sorted groups of 2^l:
//!
//! ```text
//!     1   2         3                       levels
//!     F   F     1   F         2     1       flips, and half-cleaners by their distance
//! 0 ──┬───┬─────┬───┬─────────┬─────┬──
//! 1 ──┴───┼─┬───┴───┼─┬───────┼─┬───┴──
//! 2 ──┬───┼─┴───┬───┼─┼─┬─────┴─┼───┬──
//! 3 ──┴───┴─────┴───┼─┼─┼─┬─────┴───┴──
//! 4 ──┬───┬─────┬───┼─┼─┼─┴───┬─────┬──
//! 5 ──┴───┼─┬───┴───┼─┼─┴─────┼─┬───┴──
//! 6 ──┬───┼─┴───┬───┼─┴───────┴─┼───┬──
//! 7 ──┴───┴─────┴───┴───────────┴───┴──
//! ```
//!
//! The *flip* compares wire i of a group with the one as far from the other end: as if the second half were turned
//! over, so that the whole first rose and then fell. A *half-cleaner* compares wires at one distance. After either, no
//! key of the first half of its group is greater than one of the second, and each half is bitonic: food for the next.
//!
//! For n wires, 2^(k-1) < n <= 2^k, it is the network of 2^k without the comparators that touch a wire >= n. Think of
//! +infinity on those wires: no comparator would ever move it, since it is the greater key, and already on the wire
//! with the higher number.
//!
//! Cost: depth k(k+1)/2. Wire i is the higher wire of a comparator at distance 2^b (or of the flip that begins with
//! it) on levels b+1 to k, if bit b of i is set, so
//!
//! ```text
//! size = Σ over b of (k - b) · (how many i < n have bit b set)        n k(k+1)/4 if n = 2^k
//! ```
//!
//! Source: K. E. Batcher, Sorting Networks and Their Applications, 1968; the one-direction form: T. H. Cormen et al.,
//! Introduction to Algorithms, chapter on sorting networks.

use super::Comparator;
use super::kind::{levels, ones, present};

pub(super) fn stages(wires: usize) -> Vec<Vec<Comparator>> {
    let mut stages = Vec::new();
    for level in 1..=levels(wires) {
        stages.push(flip(wires, 1 << level));
        for bit in (0..level - 1).rev() {
            stages.push(half_clean(wires, 1 << bit));
        }
    }
    stages
}

/// Wire i of each group with wire i from its end.
fn flip(wires: usize, group: usize) -> Vec<Comparator> {
    // `i ^ (group - 1)` counts from the other end of the group.
    let first_halves = (0..wires).filter(|i| i & (group / 2) == 0);
    present(wires, first_halves.map(|i| (i, i ^ (group - 1))))
}

/// Each wire with the one at this distance, a power of two; in groups of two distances.
pub(super) fn half_clean(wires: usize, distance: usize) -> Vec<Comparator> {
    let first_halves = (0..wires).filter(|i| i & distance == 0);
    present(wires, first_halves.map(|i| (i, i + distance)))
}

pub(super) fn size(wires: usize) -> usize {
    let levels = levels(wires);
    (0..levels).map(|bit| (levels - bit) * ones(wires, bit)).sum()
}
