//! The network in vector instructions: AVX-512, AVX2, or what the target has. In place, without allocation.
//!
//! A comparator on two vectors is one minimum and one maximum, for as many pairs of keys as there are lanes; of keys
//! alone, no branch and no address depends on a key. What remains is to load and store rarely, and to move lanes rarely:
//!
//! ```text
//! distance of a comparator          where                             loads and stores
//! more than a block                 streams  from memory to memory    one for up to 4 stages
//! within a block of 16 tiles        block    in the first-level cache one for up to 4 stages
//! within a tile of 16 vectors       tile     in registers             one for all of it
//!   .. within a vector              tile     lanes exchanged          5 exchanges for 4 stages of a merge
//! ```
//!
//! *Cost.* A network of n = 2^k keys has n k (k+1) / 4 comparators, so each vector of keys takes part in k (k+1) / 2
//! minima or maxima. With 16 lanes come 4 instructions that move lanes after the first four levels, and 6 in each level
//! after that.
//!
//! *The network* is the one-direction bitonic one, up to the names of wires: a tile sorts its columns first, and lays them
//! along the vectors then. A handful of keys are compared as neighbours instead, and what is less than a tile is filled up.
//!
//! *Any length.* Wires without a key are left out by `wires`: what would be on them is made up where a vector
//! has lanes beyond the end. *Any type.* Keys are encoded as signed integers as they are first read, and decoded as
//! they are last written (`lanes`); the descending direction is another code.
//!
//! | module | idea |
//! |---|---|
//! | `words` | what is needed of an instruction set: a comparison, and an exchange of lanes |
//! | `avx512`, `avx2`, `portable` | three of them |
//! | `lanes` | keys alone, or keys with a value each |
//! | `wires` | a slice as the wires of a network that may have more |
//! | `tile` | in registers |
//! | `block` | in the first-level cache |
//! | `streams` | from memory to memory, by one thread or several |
//! | `schedule` | the order of all this |
//! | `dispatch` | from the type of a key and the processor to the code for them |

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
pub(crate) mod dispatch;
mod lanes;
mod portable;
mod schedule;
mod streams;
mod tile;
mod wires;
mod words;

use crate::{Direction, Key};
use dispatch::Job;

/// Sorts keys in place, with one thread.
///
/// ```
/// use bitonic::{Direction, vector};
///
/// let mut keys = [0.5, -0.0, f32::NAN, -1.5, 0.0];
/// vector::sort(&mut keys, Direction::Descending);
/// assert_eq!(format!("{keys:?}"), "[NaN, 0.5, 0.0, -0.0, -1.5]");
/// ```
pub fn sort<K: Key>(keys: &mut [K], direction: Direction) {
    dispatch::keys(keys, direction, Job::Sort, false);
}

/// Sorts keys that rise and then fall, in the order that is asked for; either part may be missing. (If they don't,
/// they are some permutation of what they were.) It takes the half-cleaners of one merge, or a sort if there are fewer than 1024.
///
/// ```
/// use bitonic::{Direction, vector};
///
/// let mut keys = [1, 4, 6, 7, 5, 5, 2];
/// vector::merge_hill(&mut keys, Direction::Ascending);
/// assert_eq!(keys, [1, 2, 4, 5, 5, 6, 7]);
/// ```
pub fn merge_hill<K: Key>(keys: &mut [K], direction: Direction) {
    dispatch::keys(keys, direction, Job::MergeHill, false);
}

/// Sorts keys that fall and then rise, in the order that is asked for: [`merge_hill`] upside down.
pub fn merge_valley<K: Key>(keys: &mut [K], direction: Direction) {
    dispatch::keys(keys, direction, Job::MergeValley, false);
}
