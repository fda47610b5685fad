//! A key type, as the standard library knows it: so that the oracle owes nothing to [`Key`]'s translation.

use crate::values::mix;
use bitonic::{Direction, Key};
use std::cmp::Ordering;

/// A key type that inputs can be made of.
pub trait Sample: Key {
    /// Its name.
    const NAME: &'static str;

    /// Values at which mistakes show, in ascending order: the ends of the type, the two sides of zero, and of
    /// floats infinities, subnormals, and NaNs of both signs with several payloads.
    fn special() -> Vec<Self>;

    /// The key of these bits, the lowest ones.
    fn of_bits(bits: u128) -> Self;

    /// Its bits.
    fn bits(self) -> u128;

    /// `Ord::cmp` of integers, `total_cmp` of floats.
    fn std_order(&self, other: &Self) -> Ordering;

    /// Any key: one of the type's values, each as probable as another.
    fn any(seed: u64, index: usize) -> Self {
        Self::of_bits(u128::from(mix(seed, 0, index)) << 64 | u128::from(mix(seed, 1, index)))
    }
}

/// The keys as the standard library sorts them.
pub fn oracle<K: Sample>(keys: &[K], direction: Direction) -> Vec<K> {
    let mut sorted = keys.to_vec();
    ascend(&mut sorted);
    if direction == Direction::Descending {
        // Keys that compare equal have the same bits.
        sorted.reverse();
    }
    sorted
}

/// The standard library's sort. Each closure that is given to it compiles all of it once more, for every type: so there
/// is one here.
pub fn ascend<K: Sample>(keys: &mut [K]) {
    keys.sort_unstable_by(K::std_order);
}

/// Its stable sort of indices, compiled once for all types.
pub fn stable(indices: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    indices.sort_by(|&a, &b| compare(a, b));
}

/// Whether the same bits stand at the same places.
pub fn same_bits<K: Key>(a: &[K], b: &[K]) -> bool {
    bytemuck::cast_slice::<K, u8>(a) == bytemuck::cast_slice::<K, u8>(b)
}

/// The same number for the same keys in any order, and hardly ever for others.
pub fn fingerprint<K: Sample>(keys: &[K]) -> u64 {
    let of_key = |key: &K| mix(key.bits() as u64, (key.bits() >> 64) as usize, 0);
    keys.iter().map(of_key).fold(keys.len() as u64, u64::wrapping_add)
}

macro_rules! integers {
    ($($key:ident)*) => {$(
        impl Sample for $key {
            const NAME: &'static str = stringify!($key);

            fn special() -> Vec<Self> {
                // Of signed types, the half is zero.
                let half = $key::MAX.midpoint($key::MIN);
                vec![$key::MIN, $key::MIN + 1, half - 1, half, half + 1, half + 2, $key::MAX - 1, $key::MAX]
            }

            fn of_bits(bits: u128) -> Self {
                bits as $key
            }

            fn bits(self) -> u128 {
                self as u128
            }

            fn std_order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($key:ident $bits:ident)*) => {$(
        impl Sample for $key {
            const NAME: &'static str = stringify!($key);

            fn special() -> Vec<Self> {
                let signalling = $key::from_bits($key::INFINITY.to_bits() + 1);
                let greatest = $key::from_bits($bits::MAX >> 1);
                let subnormal = $key::from_bits(1);
                let upper = [
                    0.0, subnormal, $key::MIN_POSITIVE, 1.0, $key::MAX, $key::INFINITY, signalling, $key::NAN,
                    greatest,
                ];
                upper.iter().rev().map(|key| -key).chain(upper).collect()
            }

            fn of_bits(bits: u128) -> Self {
                $key::from_bits(bits as $bits)
            }

            fn bits(self) -> u128 {
                self.to_bits().into()
            }

            fn std_order(&self, other: &Self) -> Ordering {
                self.total_cmp(other)
            }
        }
    )*};
}

floats!(f32 u32 f64 u64);
