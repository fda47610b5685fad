//! Anything that claims to sort.

use super::{comparing, merging, pairing, suite};
use crate::suite::{Rejection, Verdict};
use bitonic::{Algorithm, Direction, Key, blocked, iterative, pairs, recursive, vector};
use bytemuck::Pod;
use std::cmp::Ordering;

/// Anything that claims to sort keys of all types.
pub trait SortGear: Sync {
    /// Sorts in place.
    fn sort<K: Key>(&self, keys: &mut [K], direction: Direction);
}

impl SortGear for Algorithm {
    fn sort<K: Key>(&self, keys: &mut [K], direction: Direction) {
        Algorithm::sort(*self, keys, direction);
    }
}

/// Anything that claims to sort items by comparing and swapping them where they lie.
pub trait ComparisonGear: Sync {
    /// Sorts in place.
    fn sort_by<T>(&self, items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering);
}

/// The forms that take a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparing {
    /// [`recursive::sort_by`].
    Recursive,
    /// [`iterative::sort_by`].
    Iterative,
    /// [`blocked::sort_by`].
    Blocked,
}

impl ComparisonGear for Comparing {
    fn sort_by<T>(&self, items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
        match self {
            Comparing::Recursive => recursive::sort_by(items, compare),
            Comparing::Iterative => iterative::sort_by(items, compare),
            Comparing::Blocked => blocked::sort_by(items, compare),
        }
    }
}

/// Anything that claims to sort what belongs to keys along with them.
pub trait PairGear: Sync {
    /// The indices of the keys in the order in which a stable sort puts them.
    fn argsort<K: Key>(&self, keys: &[K], direction: Direction) -> Vec<usize>;

    /// Sorts keys, and moves each value with its key.
    fn sort_pairs<K: Key, V: Pod + Send + Sync>(
        &self,
        keys: &mut [K],
        values: &mut [V],
        direction: Direction,
    );

    /// Sorts items by a key that each has.
    fn sort_by_key<T, K: Key>(&self, items: &mut [T], direction: Direction, key: impl FnMut(&T) -> K);
}

/// The functions of [`bitonic::pairs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs;

impl PairGear for Pairs {
    fn argsort<K: Key>(&self, keys: &[K], direction: Direction) -> Vec<usize> {
        pairs::argsort(keys, direction)
    }

    fn sort_pairs<K: Key, V: Pod + Send + Sync>(
        &self,
        keys: &mut [K],
        values: &mut [V],
        direction: Direction,
    ) {
        pairs::sort_pairs(keys, values, direction);
    }

    fn sort_by_key<T, K: Key>(&self, items: &mut [T], direction: Direction, key: impl FnMut(&T) -> K) {
        pairs::sort_by_key(items, direction, key);
    }
}

/// Anything that claims to sort what rises and then falls, and what falls and then rises.
pub trait MergeGear: Sync {
    /// Sorts what rises and then falls; either part may be empty.
    fn merge_hill<K: Key>(&self, keys: &mut [K], direction: Direction);

    /// Sorts what falls and then rises; either part may be empty.
    fn merge_valley<K: Key>(&self, keys: &mut [K], direction: Direction);
}

/// The merges of [`bitonic::vector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merges;

impl MergeGear for Merges {
    fn merge_hill<K: Key>(&self, keys: &mut [K], direction: Direction) {
        vector::merge_hill(keys, direction);
    }

    fn merge_valley<K: Key>(&self, keys: &mut [K], direction: Direction) {
        vector::merge_valley(keys, direction);
    }
}

/// A sort of keys of one type.
pub(super) type Sort<'a, K> = &'a dyn Fn(&mut [K], Direction);

/// How much a check tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Short inputs and a few longer ones: for planted mistakes.
    Few,
    /// All that the check has.
    Full,
}

impl Extent {
    /// The first number, or the second.
    pub(super) fn choose<T>(self, few: T, full: T) -> T {
        match self {
            Extent::Few => few,
            Extent::Full => full,
        }
    }
}

/// A check of a suite.
pub struct Check<G> {
    /// Its name, as in [`Rejection::check`].
    pub name: &'static str,
    /// What it does.
    pub run: fn(&G, Extent) -> Verdict,
}

/// What has a suite of its own. (For these types the suites are compiled here, with this crate's optimisation.)
pub trait Suited: Sized {
    /// The suite.
    fn checks() -> Vec<Check<Self>>;

    /// The check of this name, in full.
    ///
    /// # Errors
    ///
    /// The first case that failed.
    ///
    /// # Panics
    ///
    /// If there is none.
    fn check(&self, name: &str) -> Verdict {
        let check =
            Self::checks().into_iter().find(|check| check.name == name).expect("a check of this name");
        (check.run)(self, Extent::Full)
    }

    /// A few cases of each check: one rejection for each that fails.
    fn rejections(&self) -> Vec<Rejection> {
        Self::checks().iter().filter_map(|check| (check.run)(self, Extent::Few).err()).collect()
    }
}

impl Suited for Algorithm {
    fn checks() -> Vec<Check<Self>> {
        suite::checks()
    }
}

impl Suited for Comparing {
    fn checks() -> Vec<Check<Self>> {
        comparing::checks()
    }
}

impl Suited for Pairs {
    fn checks() -> Vec<Check<Self>> {
        pairing::checks()
    }
}

impl Suited for Merges {
    fn checks() -> Vec<Check<Self>> {
        merging::checks()
    }
}
