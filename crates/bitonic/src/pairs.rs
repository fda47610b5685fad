//! Keys that bring something with them.
//!
//! | | how | memory | stable |
//! |---|---|---|---|
//! | [`sort_pairs`] | the comparison of two vectors of keys also says where the values go | none, if keys and values both have 4 bytes, or both 8; else as argsort, twice | no |
//! | [`argsort`] | keys of up to 32 bits and their index are one 64-bit key; larger keys bring their index as value | 8 bytes a key, and the keys again if they have 64 bits | yes |
//! | [`sort_by_key`] | argsort, then each item goes where it belongs | the keys, and as argsort | yes |
//!
//! Stability costs little here: an index in the low bits makes all keys different, and where it can't be, the
//! indices of each run of equal keys are sorted afterwards.

use crate::vector::dispatch;
use crate::{Direction, Key, vector};
use bytemuck::Pod;

/// Sorts keys, and moves each value with its key. Where keys are equal, their values are in any order: always the same
/// on the same kind of processor.
///
/// Keys of 4 or 8 bytes with values of the same size and alignment are sorted in place, on a processor with AVX2. With
/// others, and without it, the pairs are sorted through [`argsort`].
///
/// ```
/// use bitonic::Direction;
///
/// let (mut scores, mut tokens) = ([0.1_f32, 0.7, 0.2], [10_u32, 11, 12]);
/// bitonic::sort_pairs(&mut scores, &mut tokens, Direction::Descending);
/// assert_eq!((scores, tokens), ([0.7, 0.2, 0.1], [11, 12, 10]));
/// ```
///
/// # Panics
///
/// If there are not as many values as keys.
pub fn sort_pairs<K: Key, V: Pod>(keys: &mut [K], values: &mut [V], direction: Direction) {
    let (many, few) = (keys.len(), values.len());
    assert!(many == few, "there are {many} keys and {few} values, and a value for each key was expected");
    if dispatch::are_for_vectors::<K, V>() {
        dispatch::pairs(keys, values, direction);
    } else {
        let mut order = argsort(keys, direction);
        permute(&mut order.clone(), |i, j| keys.swap(i, j));
        permute(&mut order, |i, j| values.swap(i, j));
    }
}

/// The indices of the keys in sorted order: `keys[order[0]]` comes first. Equal keys keep their order, in both
/// directions.
///
/// ```
/// use bitonic::Direction;
///
/// assert_eq!(bitonic::argsort(&[30_u8, 10, 30, 20], Direction::Ascending), [1, 3, 0, 2]);
/// assert_eq!(bitonic::argsort(&[30_u8, 10, 30, 20], Direction::Descending), [0, 2, 3, 1]);
/// ```
pub fn argsort<K: Key>(keys: &[K], direction: Direction) -> Vec<usize> {
    match size_of::<K>() {
        1 | 2 | 4 if u32::try_from(keys.len()).is_ok() => by_key_and_index(keys, direction),
        _ => with_indices(keys, direction),
    }
}

/// Sorts items by a key of each, which is computed once. Items with equal keys keep their order.
///
/// If `key` panics, the items are as they were.
///
/// ```
/// let mut words = ["ring", "all", "reduce"];
/// bitonic::sort_by_key(&mut words, bitonic::Direction::Descending, |word| word.len());
/// assert_eq!(words, ["reduce", "ring", "all"]);
/// ```
pub fn sort_by_key<T, K: Key>(items: &mut [T], direction: Direction, key: impl FnMut(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    permute(&mut argsort(&keys, direction), |i, j| items.swap(i, j));
}

/// A key in the upper half of 64 bits, its index in the lower half.
fn by_key_and_index<K: Key>(keys: &[K], direction: Direction) -> Vec<usize> {
    let mut both: Vec<i64> = vec![0; keys.len()];
    match size_of::<K>() {
        1 => join::<K, i8>(keys, &mut both, direction),
        2 => join::<K, i16>(keys, &mut both, direction),
        _ => join::<K, i32>(keys, &mut both, direction),
    }
    vector::sort(&mut both, Direction::Ascending);
    both.into_iter().map(|both| both as u32 as usize).collect()
}

fn join<K: Key, W: Pod + Into<i64>>(keys: &[K], both: &mut [i64], direction: Direction) {
    let flip = if direction == Direction::Ascending { 0 } else { !0 };
    simd::vectorised(|| {
        for (index, (both, key)) in both.iter_mut().zip(keys).enumerate() {
            let key: i64 = bytemuck::cast::<K::Ordered, W>(key.ordered()).into();
            *both = (key ^ flip) << 32 | index as i64;
        }
    });
}

/// Pairs of a key and its index.
fn with_indices<K: Key>(keys: &[K], direction: Direction) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let mut sorted = if dispatch::are_for_vectors::<K, usize>() { keys.to_vec() } else { Vec::new() };
    if sorted.is_empty() {
        // No vectors for pairs, or none that hold an index beside a key.
        order.sort_unstable_by(|&a, &b| direction.of(keys[a].order(&keys[b])).then(a.cmp(&b)));
        return order;
    }
    dispatch::pairs(&mut sorted, &mut order, direction);
    let mut rest = &mut order[..];
    for equal in sorted.chunk_by(|a, b| a.order(b).is_eq()) {
        let (indices, others) = rest.split_at_mut(equal.len());
        if indices.len() > 1 {
            vector::sort(indices, Direction::Ascending);
        }
        rest = others;
    }
    order
}

/// Puts at each place what was at `order[place]`, by swaps, cycle by cycle. `order` is the identity afterwards.
fn permute(order: &mut [usize], mut swap: impl FnMut(usize, usize)) {
    for start in 0..order.len() {
        let mut place = start;
        while order[place] != start {
            let next = order[place];
            swap(place, next);
            order[place] = place;
            place = next;
        }
        order[place] = place;
    }
}
