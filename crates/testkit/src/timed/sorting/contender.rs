//! Who sorts: the ladder of `bitonic`, and what a program would call otherwise.

use super::keys::Keys;
use crate::sorting::sample::oracle;
use bitonic::{Algorithm, Direction};
use std::hint::black_box;

/// A way to sort, always with the least key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// A rung of the ladder.
    Bitonic(Algorithm),
    /// `bitonic::sort_pairs`: keys, and in another array a value for each.
    Pairs,
    /// `bitonic::argsort`: what comes of it is dropped in the time.
    Argsort,
    /// The standard library's `sort_unstable`.
    Std,
    /// rayon's `par_sort_unstable`.
    Rayon,
    /// The standard library's `sort_unstable_by_key`, of an array of pairs.
    StdPairs,
    /// The standard library's `sort_by` of an array of indices, by the keys that they stand for.
    StdArgsort,
}

use Contender::*;

impl Contender {
    /// All of them.
    pub const ALL: [Contender; 11] = [
        Bitonic(Algorithm::Recursive),
        Bitonic(Algorithm::Iterative),
        Bitonic(Algorithm::Blocked),
        Bitonic(Algorithm::Simd),
        Bitonic(Algorithm::Parallel),
        Pairs,
        Argsort,
        Std,
        Rayon,
        StdPairs,
        StdArgsort,
    ];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Bitonic(algorithm) => algorithm.name(),
            Pairs => "pairs",
            Argsort => "argsort",
            Std => "std",
            Rayon => "rayon",
            StdPairs => "std-pairs",
            StdArgsort => "std-argsort",
        }
    }

    /// What of the standard library does the same.
    pub fn yardstick(self) -> Contender {
        match self {
            Bitonic(_) | Std | Rayon => Std,
            Pairs | Argsort | StdPairs | StdArgsort => StdPairs,
        }
    }

    /// Whether it uses all threads of rayon's pool.
    pub fn is_parallel(self) -> bool {
        matches!(self, Bitonic(Algorithm::Parallel) | Rayon)
    }

    /// Puts the keys where they will be sorted.
    pub(super) fn prepare<K: Keys>(self, work: &mut Work<K>, keys: &[K], length: usize) {
        let indices = || (0..keys.len()).map(|index| index % length);
        match self {
            StdPairs => {
                work.pairs.clear();
                work.pairs.extend(keys.iter().copied().zip(indices().map(K::value)));
            }
            _ => {
                work.keys.clear();
                work.keys.extend_from_slice(keys);
            }
        }
        if self == Pairs {
            work.values.clear();
            work.values.extend(indices().map(K::value));
        }
        if self == StdArgsort {
            work.order.clear();
            work.order.extend(indices());
        }
    }

    /// Sorts array by array: this is what is timed.
    pub(super) fn sort<K: Keys>(self, work: &mut Work<K>, length: usize) {
        let (up, keys) = (Direction::Ascending, &mut work.keys[..]);
        match self {
            Bitonic(algorithm) => keys.chunks_mut(length).for_each(|keys| algorithm.sort(keys, up)),
            Pairs => keys
                .chunks_mut(length)
                .zip(work.values.chunks_mut(length))
                .for_each(|(keys, values)| bitonic::sort_pairs(keys, values, up)),
            Argsort => keys.chunks(length).for_each(|keys| drop(black_box(bitonic::argsort(keys, up)))),
            Std => keys.chunks_mut(length).for_each(K::std_sort),
            Rayon => keys.chunks_mut(length).for_each(K::rayon_sort),
            StdPairs => work.pairs.chunks_mut(length).for_each(K::std_sort_pairs),
            StdArgsort => keys
                .chunks(length)
                .zip(work.order.chunks_mut(length))
                .for_each(|(keys, order)| order.sort_by(|&a, &b| keys[a].std_order(&keys[b]))),
        }
        black_box(work);
    }

    /// Sorts, and counts the keys that don't stand where the standard library puts them, or don't have a value of
    /// theirs.
    pub(super) fn wrong<K: Keys>(self, work: &mut Work<K>, keys: &[K], length: usize) -> usize {
        self.prepare(work, keys, length);
        self.sort(work, length);
        let arrays = keys.chunks(length).enumerate();
        arrays.map(|(array, keys)| wrong(keys, self.answer(work, keys, array * length))).sum()
    }

    /// The keys of the array that begins there, and where each was, if it tells.
    fn answer<K: Keys>(self, work: &Work<K>, keys: &[K], begin: usize) -> Vec<(K, Option<usize>)> {
        let place = begin..begin + keys.len();
        let at = |index: usize| (keys[index], Some(index));
        match self {
            Bitonic(_) | Std | Rayon => work.keys[place].iter().map(|&key| (key, None)).collect(),
            Pairs => {
                let values = work.values[place.clone()].iter().map(|&value| Some(K::index(value)));
                work.keys[place].iter().copied().zip(values).collect()
            }
            StdPairs => work.pairs[place].iter().map(|&(key, value)| (key, Some(K::index(value)))).collect(),
            Argsort => bitonic::argsort(keys, Direction::Ascending).into_iter().map(at).collect(),
            StdArgsort => work.order[place].iter().map(|&index| at(index)).collect(),
        }
    }
}

/// Where contenders sort: memory that is kept from round to round.
#[derive(Debug)]
pub(super) struct Work<K: Keys> {
    keys: Vec<K>,
    values: Vec<K::Value>,
    pairs: Vec<(K, K::Value)>,
    order: Vec<usize>,
}

impl<K: Keys> Default for Work<K> {
    fn default() -> Self {
        Work { keys: Vec::new(), values: Vec::new(), pairs: Vec::new(), order: Vec::new() }
    }
}

/// How many of the answer are wrong.
fn wrong<K: Keys>(keys: &[K], answer: Vec<(K, Option<usize>)>) -> usize {
    let mut used = vec![false; keys.len()];
    let expected = oracle(keys, Direction::Ascending);
    let mut is_right = |(expected, (key, from)): (&K, &(K, Option<usize>))| {
        let came = match *from {
            None => true,
            // Not from nowhere, not twice from one place, and with the key that was there.
            Some(from) => keys
                .get(from)
                .is_some_and(|old| old.bits() == key.bits() && !std::mem::replace(&mut used[from], true)),
        };
        came && key.bits() == expected.bits()
    };
    let right = expected.iter().zip(&answer).filter(|&pair| is_right(pair)).count();
    keys.len() - right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_counted() {
        let answer = |pairs: [(u32, Option<usize>); 4]| wrong(&[7, 5, 9, 5], pairs.to_vec());
        assert_eq!(answer([(5, Some(3)), (5, Some(1)), (7, Some(0)), (9, Some(2))]), 0);
        assert_eq!(answer([(5, None), (5, None), (7, None), (9, None)]), 0);
        assert_eq!(answer([(5, None), (7, None), (5, None), (9, None)]), 2);
        assert_eq!(answer([(5, Some(1)), (5, Some(1)), (7, Some(0)), (9, Some(2))]), 1, "lost a value");
        assert_eq!(answer([(5, Some(1)), (5, Some(3)), (7, Some(2)), (9, Some(0))]), 2, "values of others");
        assert_eq!(answer([(5, Some(1)), (5, Some(3)), (7, Some(0)), (9, Some(4))]), 1, "from nowhere");
        assert_eq!(wrong(&[2_u32, 1], vec![(1, None)]), 1, "a key is lost");
        assert_eq!(wrong(&[0.0_f32, -0.0], vec![(0.0, None), (-0.0, None)]), 2, "zeros have a sign");
    }

    #[test]
    fn names_tell_them_apart() {
        let names: std::collections::BTreeSet<_> = Contender::ALL.iter().map(|who| who.name()).collect();
        assert_eq!(names.len(), Contender::ALL.len());
    }
}
