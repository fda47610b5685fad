//! Mistakes with what belongs to keys.

use crate::sorting::sample::stable;
use crate::sorting::{Check, PairGear, Suited, pairing};
use bitonic::{Direction, Key};
use bytemuck::Pod;

/// The planted mistakes of sorts of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairMutant {
    /// No mistake.
    Healthy,
    /// Up to a power of two there are pairs with the greatest key, and after the sort the first ones are taken.
    PaddedWithGreatest,
    /// What comes first of equal keys is left to chance.
    Unstable,
    /// Descending is ascending, read backwards: so equal keys are in reverse.
    StableBackwards,
    /// The values stay where they are.
    ValuesLeft,
    /// The values of equal keys are all the first one's.
    ValuesByKey,
}

use PairMutant::*;

impl PairMutant {
    /// All with a mistake.
    pub const ALL: [Self; 5] = [PaddedWithGreatest, Unstable, StableBackwards, ValuesLeft, ValuesByKey];
}

impl Suited for PairMutant {
    fn checks() -> Vec<Check<Self>> {
        pairing::checks()
    }
}

impl PairGear for PairMutant {
    fn argsort<K: Key>(&self, keys: &[K], direction: Direction) -> Vec<usize> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        match self {
            PaddedWithGreatest => return padded_argsort(keys, direction),
            Unstable => order.reverse(),
            _ => {}
        }
        match self {
            StableBackwards if direction == Direction::Descending => {
                stable(&mut order, &|a, b| keys[a].order(&keys[b]));
                order.reverse();
            }
            _ => stable(&mut order, &|a, b| direction.of(keys[a].order(&keys[b]))),
        }
        order
    }

    fn sort_pairs<K: Key, V: Pod + Send + Sync>(
        &self,
        keys: &mut [K],
        values: &mut [V],
        direction: Direction,
    ) {
        let order = self.argsort(keys, direction);
        let (old_keys, old_values) = (keys.to_vec(), values.to_vec());
        for (place, from) in order.into_iter().enumerate() {
            keys[place] = old_keys.get(from).copied().unwrap_or(K::GREATEST);
            let first = || (0..from).find(|&other| old_keys[other].order(&old_keys[from]).is_eq());
            let from = if *self == ValuesByKey { first().unwrap_or(from) } else { from };
            if *self != ValuesLeft {
                values[place] = old_values.get(from).copied().unwrap_or(V::zeroed());
            }
        }
    }

    fn sort_by_key<T, K: Key>(&self, items: &mut [T], direction: Direction, mut key: impl FnMut(&T) -> K) {
        items.sort_by(|a, b| match self {
            ValuesLeft => std::cmp::Ordering::Equal,
            _ => direction.of(key(a).order(&key(b))),
        });
    }
}

/// What is there and what fills it up can't be told apart by key, and the sort isn't stable.
fn padded_argsort<K: Key>(keys: &[K], direction: Direction) -> Vec<usize> {
    let wires = keys.len().next_power_of_two();
    let filler = if direction == Direction::Ascending { K::GREATEST } else { K::LEAST };
    let key = |index: usize| keys.get(index).copied().unwrap_or(filler);
    let mut order: Vec<usize> = (0..wires).rev().collect();
    stable(&mut order, &|a, b| direction.of(key(a).order(&key(b))));
    order.truncate(keys.len());
    order
}
