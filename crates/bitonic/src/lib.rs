//! Sorting networks, from the drawing to a sort that is used: in registers, on all cores, across ranks.
//!
//! A sorting network compares the same places in the same order, whatever the keys are:
//!
//! ```text
//! 0 ──┬───┬─────┬──      wires run from left to right, and carry a key each;
//! 1 ──┴───┼─┬───┴──      a line between two of them is a comparator: the
//! 2 ──┬───┼─┴───┬──      smaller key leaves it on the upper wire
//! 3 ──┴───┴─────┴──
//! ```
//!
//! So it can be drawn, proven by trying zeros and ones, compiled without a branch, and divided among lanes, cores
//! and ranks in the same way. The price is more comparators than a sort needs: n lg n (lg n + 1) / 4 of them
//! (Batcher 1968).
//!
//! | module | idea |
//! |---|---|
//! | [`network`] | networks as data: built for any number of wires, verified, drawn |
//! | [`recursive`], [`iterative`], [`blocked`] | the ladder's scalar rungs: as in the textbook, as loops, as a cache likes it |
//! | [`vector`] | the same comparators in vector instructions |
//! | [`parallel`] | on several threads |
//! | [`mod@ranks`] | across ranks: a block on each |
//! | [`pairs`] | keys that bring something with them |
//! | [`key`], [`direction`] | what can be sorted, and which end comes first |
//! | [`algorithm`] | the ladder as a value |

pub mod algorithm;
pub mod blocked;
mod comparator;
pub mod direction;
pub mod iterative;
pub mod key;
pub mod network;
pub mod pairs;
pub mod parallel;
pub mod ranks;
pub mod recursive;
pub mod vector;

pub use algorithm::Algorithm;
pub use direction::Direction;
pub use key::Key;
pub use network::Network;
pub use pairs::{argsort, sort_by_key, sort_pairs};

/// Sorts keys in place, the least first: [`vector::sort`]. Not stable, which nobody can see of keys alone.
///
/// ```
/// let mut keys = [3, 1, 2];
/// bitonic::sort(&mut keys);
/// assert_eq!(keys, [1, 2, 3]);
/// ```
pub fn sort<K: Key>(keys: &mut [K]) {
    vector::sort(keys, Direction::Ascending);
}
