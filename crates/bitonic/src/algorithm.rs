//! The ladder of sorts, by name.

use crate::{Direction, Key, blocked, iterative, parallel, recursive, vector};

/// How to sort. All are bitonic sorts: the same comparators, arranged for other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Sort the halves, then merge: [`recursive`].
    Recursive,
    /// Three loops, level, stage and comparator: [`iterative`].
    Iterative,
    /// A block in the cache is finished before the next is touched: [`blocked`].
    Blocked,
    /// Many keys in a vector register, several stages a load: [`vector`].
    Simd,
    /// The same on many threads: [`parallel`].
    Parallel,
}

impl Algorithm {
    /// All, from the simplest to the fastest.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::Recursive,
        Algorithm::Iterative,
        Algorithm::Blocked,
        Algorithm::Simd,
        Algorithm::Parallel,
    ];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Recursive => "recursive",
            Algorithm::Iterative => "iterative",
            Algorithm::Blocked => "blocked",
            Algorithm::Simd => "simd",
            Algorithm::Parallel => "parallel",
        }
    }

    /// Sorts keys in place, by the total order of [`Key`].
    ///
    /// ```
    /// use bitonic::{Algorithm, Direction};
    ///
    /// for algorithm in Algorithm::ALL {
    ///     let mut keys = [0.5, -1.0, f32::INFINITY, -0.0, 0.0];
    ///     algorithm.sort(&mut keys, Direction::Ascending);
    ///     assert_eq!(format!("{keys:?}"), "[-1.0, -0.0, 0.0, 0.5, inf]");
    /// }
    /// ```
    pub fn sort<K: Key>(self, keys: &mut [K], direction: Direction) {
        match self {
            Algorithm::Recursive => recursive::sort(keys, direction),
            Algorithm::Iterative => iterative::sort(keys, direction),
            Algorithm::Blocked => blocked::sort(keys, direction),
            Algorithm::Simd => vector::sort(keys, direction),
            Algorithm::Parallel => parallel::sort(keys, direction),
        }
    }
}
