//! Batcher's odd-even merge sort: as deep as the bitonic sorter, with fewer comparators.
//!
//! It sorts the wires with even numbers and those with odd ones, both at once and in the same way, and merges. So it
//! begins with pairs of wires that are far apart, and its levels have p = 2^(k-1), ..., 2, 1: before the level of p the
//! wires whose numbers are equal mod 2p are sorted, after it those that are equal mod p.
//!
//! ```text
//!     p = 4     p = 2       p = 1
//! 0 ──┬─────────┬───────────┬────────────
//! 1 ──┼─┬───────┼─┬─────────┴───┬─────┬──
//! 2 ──┼─┼─┬─────┴─┼───┬─────┬───┼─────┴──
//! 3 ──┼─┼─┼─┬─────┴───┼─┬───┴───┼─┬───┬──
//! 4 ──┴─┼─┼─┼───┬─────┴─┼───┬───┴─┼───┴──
//! 5 ────┴─┼─┼───┼─┬─────┴───┴─────┼───┬──
//! 6 ──────┴─┼───┴─┼─────────┬─────┴───┴──
//! 7 ────────┴─────┴─────────┴────────────
//! ```
//!
//! A level begins with comparisons at distance p, of i with i + p if bit p of i is clear. Of zeros and ones, those with
//! bit p set hold at least as many ones afterwards, but maybe many more. These go down to wires with bit p clear, at
//! distances q - p for q = 2^(k-1), ..., 4p, 2p: each time what is too much is halved.
//!
//! All comparators point the same way, so for any n the network is the next power of two's without the wires that
//! aren't there, as in `bitonic.rs`.
//!
//! Cost: depth k(k+1)/2 with k = ⌈lg n⌉. Wire j is the lower end of a comparator at distance p if bit p of it is set,
//! and of one at distance q - p if that bit is clear and j >= q. With o(b) the wires whose bit b is set, that is
//!
//! ```text
//! size = Σ over b < k of o(b) + (k-1-b)(n - o(b)) - (2^(k-1) - 2^b)        (k² - k + 4) 2^(k-2) - 1 if n = 2^k
//! ```
//!
//! Source: K. E. Batcher, Sorting Networks and Their Applications, 1968; in this form, for any n: D. E. Knuth, The Art
//! of Computer Programming 3, section 5.2.2, algorithm M (merge exchange).

use super::Comparator;
use super::kind::{levels, ones, present};

pub(super) fn stages(wires: usize) -> Vec<Vec<Comparator>> {
    let levels = levels(wires);
    let mut stages = Vec::new();
    for p in (0..levels).rev().map(|bit| 1 << bit) {
        let even = (0..wires).filter(|i| i & p == 0);
        stages.push(present(wires, even.map(|i| (i, i + p))));
        for q in (0..levels).rev().map(|bit| 1 << bit).take_while(|&q| q > p) {
            let odd = (0..wires).filter(|i| i & p != 0);
            stages.push(present(wires, odd.map(|i| (i, i + q - p))));
        }
    }
    stages
}

pub(super) fn size(wires: usize) -> usize {
    let levels = levels(wires);
    let of_level = |bit: usize| {
        let ones = ones(wires, bit);
        ones + (levels - 1 - bit) * (wires - ones) - ((1 << (levels - 1)) - (1 << bit))
    };
    (0..levels).map(of_level).sum()
}
