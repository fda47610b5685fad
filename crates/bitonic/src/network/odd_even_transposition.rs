//! Odd-even transposition: every two neighbours are compared, in turns with the ones on their other sides.
//!
//! ```text
//! 0 ──┬───────┬──────       a brick wall, n stages deep
//! 1 ──┴───┬───┴───┬──
//! 2 ──┬───┴───┬───┴──
//! 3 ──┴───────┴──────
//! ```
//!
//! A key moves one wire a stage, and may have n-1 to go, so with neighbours alone it can't be done in fewer stages than
//! that. It can in n. (Nor with fewer comparators: each takes back one inversion at most, and n keys in reverse order
//! have n(n-1)/2.) It is the simplest network to explain and to wire, and on many ranks each talks to two others only.
//!
//! Cost: size n(n-1)/2, depth n; two wires need one stage.
//!
//! Source: N. Haberman, Parallel Neighbor-Sort, 1972; D. E. Knuth, The Art of Computer Programming 3, section 5.3.4.

use super::Comparator;
use super::kind::present;

pub(super) fn stages(wires: usize) -> Vec<Vec<Comparator>> {
    let neighbours = |stage| present(wires, (stage % 2..wires).step_by(2).map(|i| (i, i + 1)));
    (0..depth(wires)).map(neighbours).collect()
}

pub(super) fn size(wires: usize) -> usize {
    wires * wires.saturating_sub(1) / 2
}

pub(super) fn depth(wires: usize) -> usize {
    // Of two wires the second stage would be empty, and so would the one of a single wire.
    if wires > 2 { wires } else { wires / 2 }
}
