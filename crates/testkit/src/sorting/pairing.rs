//! What argsort, and sorts of keys with something else, owe.
//!
//! | check | what must hold |
//! |---|---|
//! | `argsort` | the indices as a stable sort puts them, also in descending order |
//! | `pairs` | keys as the standard library sorts them, each with a value that it had |
//! | `values` | the same with values of other types |
//! | `by key` | items of any type in the order of their keys, none lost, also if the key's function panics |
//! | `pair places` | slices that begin anywhere, and what is around them stays as it is |
//!
//! Values are as many as keys and all different, so a value that is lost, as by padding with the greatest key, is
//! missed.

use super::sample::{oracle, same_bits, stable};
use super::suite::shown;
use super::{Check, Extent, Input, PairGear, Pattern, Sample};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use bitonic::Direction;
use bytemuck::Pod;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// How pairs of keys of one type are sorted, with values that are their indices.
macro_rules! indexed {
    ($gear:ident) => {
        &|keys: &mut [_], indices: &mut [usize], direction| $gear.sort_pairs(keys, indices, direction)
    };
}

/// The whole suite.
pub fn checks<G: PairGear>() -> Vec<Check<G>> {
    vec![
        Check {
            name: "argsort",
            run: |gear, extent| of_types!(argsort(&|keys, direction| gear.argsort(keys, direction), extent)),
        },
        Check { name: "pairs", run: |gear, extent| of_types!(pairs(indexed!(gear), extent)) },
        Check { name: "values", run: values },
        Check {
            name: "by key",
            run: |gear, extent| {
                of_types!(by_key(&|items, way, key| gear.sort_by_key(items, way, key), extent))
            },
        },
        Check { name: "pair places", run: |gear, extent| of_types!(places(indexed!(gear), extent)) },
    ]
}

/// A function for each key type, as [`sort!`].
type Argsort<'a, K> = &'a dyn Fn(&[K], Direction) -> Vec<usize>;

/// Sorts pairs whose values tell the index that they had.
type SortPairs<'a, K> = &'a dyn Fn(&mut [K], &mut [usize], Direction);

/// Sorts items by the key that a function finds in them.
type SortByKey<'a, K> = &'a dyn Fn(&mut [Item<K>], Direction, &mut dyn FnMut(&Item<K>) -> K);

/// An item that can't be copied, with the index that it had.
type Item<K> = (Box<usize>, K);

/// Sorts pairs whose values are made of an index, of any type.
fn sort_pairs<K: Sample, V: Pod + Send + Sync>(
    gear: &impl PairGear,
    keys: &mut [K],
    indices: &mut [usize],
    direction: Direction,
    value: fn(usize) -> V,
    index: fn(V) -> usize,
) {
    let mut values: Vec<V> = indices.iter().map(|&index| value(index)).collect();
    gear.sort_pairs(keys, &mut values, direction);
    indices.iter_mut().zip(values).for_each(|(place, value)| *place = index(value));
}

fn argsort<K: Sample>(argsort: Argsort<'_, K>, extent: Extent) -> Verdict {
    each("argsort", extent, &|keys: &[K], direction| {
        let mut expected: Vec<usize> = (0..keys.len()).collect();
        stable(&mut expected, &|a, b| direction.of(keys[a].std_order(&keys[b])));
        let order = argsort(keys, direction);
        if order == expected { Ok(()) } else { Err(format!("{order:?}, and {expected:?} was expected")) }
    })
}

fn pairs<K: Sample>(sort: SortPairs<'_, K>, extent: Extent) -> Verdict {
    each("pairs", extent, &|keys: &[K], direction| {
        let (mut sorted, mut moved) = (keys.to_vec(), (0..keys.len()).collect::<Vec<_>>());
        sort(&mut sorted, &mut moved, direction);
        if !same_bits(&sorted, &oracle(keys, direction)) {
            return Err(format!("keys became {}", shown(&sorted)));
        }
        let follows = |(key, &from): (&K, &usize)| keys.get(from).is_some_and(|old| old.bits() == key.bits());
        match is_permutation(&moved) && sorted.iter().zip(&moved).all(follows) {
            true => Ok(()),
            false => Err(format!("the keys became {}, and their values {moved:?}", shown(&sorted))),
        }
    })
}

/// Values of other sizes than their keys: smaller, larger, odd, none.
fn values<G: PairGear>(gear: &G, extent: Extent) -> Verdict {
    fn of_key<K: Sample>(gear: &impl PairGear, extent: Extent) -> Verdict {
        Ok(pairs::<K>(
            &|keys, indices, way| sort_pairs(gear, keys, indices, way, |i| i as u16, usize::from),
            extent,
        )? + pairs::<K>(
            &|keys, indices, way| sort_pairs(gear, keys, indices, way, |i| i as u32, |v| v as usize),
            extent,
        )? + pairs::<K>(
            &|keys, indices, way| {
                let value = |i: usize| [i as u8, 7, (i >> 8) as u8];
                sort_pairs(gear, keys, indices, way, value, |v| usize::from(v[0]) + (usize::from(v[2]) << 8));
            },
            extent,
        )? + pairs::<K>(
            &|keys, indices, way| sort_pairs(gear, keys, indices, way, |i| [i; 5], |v| v[3]),
            extent,
        )? + each("values", extent, &|keys: &[K], direction| {
            gear.sort_pairs(&mut keys.to_vec(), &mut vec![(); keys.len()], direction);
            Ok(())
        })?)
    }
    of_types!(of_key(gear, extent) u16 f32 u64)
        .map_err(|rejection| Rejection { check: "values", ..rejection })
}

fn by_key<K: Sample>(sort: SortByKey<'_, K>, extent: Extent) -> Verdict {
    each("by key", extent, &|keys: &[K], direction| {
        let items = || -> Vec<Item<K>> {
            keys.iter().copied().enumerate().map(|(i, key)| (Box::new(i), key)).collect()
        };
        let whole = |items: &[Item<K>]| {
            is_permutation(&items.iter().map(|(index, _)| **index).collect::<Vec<_>>())
                && items.iter().all(|(index, key)| key.bits() == keys[**index].bits())
        };
        let mut sorted = items();
        sort(&mut sorted, direction, &mut |(_, key)| *key);
        let order: Vec<K> = sorted.iter().map(|&(_, key)| key).collect();
        if !same_bits(&order, &oracle(keys, direction)) || !whole(&sorted) {
            return Err(format!("items became {}", shown(&order)));
        }
        let mut broken = items();
        let nth = mix(9, 0, keys.len()) as usize % keys.len().max(1);
        let mut calls = 0;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            sort(&mut broken, direction, &mut |(_, key)| {
                if calls == nth {
                    resume_unwind(Box::new("planned"));
                }
                calls += 1;
                *key
            });
        }));
        match (panic.is_err() || keys.len() < 2) && whole(&broken) {
            true => Ok(()),
            false => {
                Err(format!("call {nth} of the key's function panics: {panic:?}, and items are lost or not"))
            }
        }
    })
}

fn places<K: Sample>(sort: SortPairs<'_, K>, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in extent.choose(vec![5, 40], vec![0, 1, 2, 7, 16, 33, 64, 100, 257]) {
        let input = Input { pattern: Pattern::FewUnique, length: length + 64, seed: 1 };
        let keys: Vec<K> = input.keys();
        for start in 0..32 {
            let (mut all, mut moved) = (keys.clone(), (0..length + 64).collect::<Vec<_>>());
            // Keys and values begin at places of their own.
            let (mine, theirs) = (start..start + length, 31 - start..31 - start + length);
            sort(&mut all[mine.clone()], &mut moved[theirs.clone()], Direction::Ascending);
            let mut expected = keys.clone();
            expected[mine.clone()].copy_from_slice(&oracle(&keys[mine.clone()], Direction::Ascending));
            let untouched = (0..moved.len()).all(|i| theirs.contains(&i) || moved[i] == i);
            let follows = |i: usize| {
                let from = mine.start + moved[theirs.start + i] - theirs.start;
                keys[from].bits() == all[mine.start + i].bits()
            };
            let right = same_bits(&all, &expected) && untouched && is_permutation(&moved);
            if !(right && (0..length).all(follows)) {
                let sorted = shown(&all[mine.clone()]);
                let detail = format!("{}: keys at {mine:?}, values at {theirs:?}: {sorted}", K::NAME);
                return Err(Rejection { check: "pair places", detail });
            }
            cases += 1;
        }
    }
    Ok(cases)
}

/// Whether every index is there once.
fn is_permutation(indices: &[usize]) -> bool {
    let mut seen = vec![false; indices.len()];
    indices.iter().all(|&index| seen.get_mut(index).is_some_and(|seen| !std::mem::replace(seen, true)))
}

/// Tries an input in a direction: why it isn't right.
type Holds<'a, K> = &'a dyn Fn(&[K], Direction) -> Result<(), String>;

/// Every pattern in both directions, and keys that are the greatest or the least of the type alone.
fn each<K: Sample>(check: &'static str, extent: Extent, holds: Holds<'_, K>) -> Verdict {
    let full = vec![
        0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 200, 257, 1000, 2049, 4097,
        8192, 20_000,
    ];
    let mut cases = 0;
    for length in extent.choose(vec![0, 1, 2, 3, 7, 20, 65, 100], full) {
        let inputs = Pattern::ALL.map(|pattern| Input { pattern, length, seed: 2 });
        let ends = [K::LEAST, K::GREATEST];
        let keys = inputs
            .map(|input| (input.to_string(), input.keys::<K>()))
            .into_iter()
            .chain(ends.map(|end| (format!("{length} times {end:?}"), vec![end; length])))
            .chain([(
                format!("{length} ends"),
                (0..length).map(|index| ends[mix(3, length, index) as usize % 2]).collect(),
            )]);
        for (about, keys) in keys {
            for direction in Direction::ALL {
                let held = catch_unwind(AssertUnwindSafe(|| holds(&keys, direction)));
                held.unwrap_or_else(|_| Err("it panics".into())).map_err(|detail| {
                    let detail = format!("{}, {}, {about}: {detail}", K::NAME, direction.name());
                    Rejection { check, detail }
                })?;
                cases += 1;
            }
        }
    }
    Ok(cases)
}
