//! The key types, and how the standard library and rayon sort them: by the very calls that a program would make.

use crate::sorting::Sample;
use bytemuck::Pod;
use collectives::Element;
use rayon::slice::ParallelSliceMut;

/// Keys that sorts are timed on.
pub trait Keys: Sample + Element {
    /// What a key brings with it: its index, in as many bits as the key has, if it has 32 or 64.
    type Value: Pod + Send + Sync;

    /// An index as such a value.
    fn value(index: usize) -> Self::Value;

    /// The index that a value is.
    fn index(value: Self::Value) -> usize;

    /// `sort_unstable`; of floats `sort_unstable_by` their total order.
    fn std_sort(keys: &mut [Self]);

    /// `par_sort_unstable`; of floats `par_sort_unstable_by` their total order.
    fn rayon_sort(keys: &mut [Self]);

    /// Pairs in one array, by `sort_unstable_by` their keys.
    fn std_sort_pairs(pairs: &mut [(Self, Self::Value)]);
}

macro_rules! keys {
    ($($key:ident, $value:ident;)*) => {$(
        impl Keys for $key {
            type Value = $value;

            fn value(index: usize) -> $value {
                index as $value
            }

            fn index(value: $value) -> usize {
                value as usize
            }

            sorts!($key $value);
        }
    )*};
}

macro_rules! sorts {
    (f32 $value:ident) => { sorts!(by total_cmp f32 $value); };
    (f64 $value:ident) => { sorts!(by total_cmp f64 $value); };
    (by $order:ident $key:ident $value:ident) => {
        fn std_sort(keys: &mut [$key]) {
            keys.sort_unstable_by($key::$order);
        }

        fn rayon_sort(keys: &mut [$key]) {
            keys.par_sort_unstable_by($key::$order);
        }

        fn std_sort_pairs(pairs: &mut [($key, $value)]) {
            pairs.sort_unstable_by(|a, b| a.0.$order(&b.0));
        }
    };
    ($key:ident $value:ident) => {
        fn std_sort(keys: &mut [$key]) {
            keys.sort_unstable();
        }

        fn rayon_sort(keys: &mut [$key]) {
            keys.par_sort_unstable();
        }

        fn std_sort_pairs(pairs: &mut [($key, $value)]) {
            pairs.sort_unstable_by_key(|pair| pair.0);
        }
    };
}

keys! {
    u8, u32;
    u16, u32;
    u32, u32;
    u64, u64;
    u128, u64;
    usize, u64;
    i8, u32;
    i16, u32;
    i32, u32;
    i64, u64;
    i128, u64;
    isize, u64;
    f32, u32;
    f64, u64;
}
