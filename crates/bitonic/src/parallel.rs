//! The same network on several threads.
//!
//! The halves of a sort, the parts of a merge after a pass, and the parts of a pass itself compare nothing with each
//! other: rayon's `join` does them at the same time, where they have more than 2^16 keys together. The comparators are
//! those of [`vector`](crate::vector), so the result is too, bit for bit.

use crate::vector::dispatch::{self, Job};
use crate::{Direction, Key};

/// Sorts keys in place, on the threads of rayon's pool: all of the machine's, or those of the pool that it is
/// called in (`ThreadPool::install`).
///
/// ```
/// let mut keys: Vec<u32> = (0..100_000).map(|i| i * 7919 % 65_537).collect();
/// bitonic::parallel::sort(&mut keys, bitonic::Direction::Ascending);
/// assert!(keys.is_sorted());
/// ```
pub fn sort<K: Key>(keys: &mut [K], direction: Direction) {
    dispatch::keys(keys, direction, Job::Sort, true);
}
