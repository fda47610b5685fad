//! [`Words`] in plain Rust: arrays, of which the compiler makes what vectors the target has.

use super::words::{Words, rotate_lowest};
use std::marker::PhantomData;

/// Vectors of 2^`LOG` lanes of `K`.
pub(super) struct Portable<K, const LOG: usize, const LANES: usize>(PhantomData<K>);

impl<K, const LOG: usize, const LANES: usize> Portable<K, LOG, LANES> {
    pub(super) fn new() -> Self {
        const { assert!(LANES == 1 << LOG) };
        Portable(PhantomData)
    }
}

impl<K, const LOG: usize, const LANES: usize> Clone for Portable<K, LOG, LANES> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, const LOG: usize, const LANES: usize> Copy for Portable<K, LOG, LANES> {}

macro_rules! words {
    ($($word:ident)*) => {$(
        impl<const LOG: usize, const LANES: usize> Words for Portable<$word, LOG, LANES> {
            type Word = $word;
            type Vector = [$word; LANES];

            const LOG: usize = LOG;
            const LEAST: $word = $word::MIN;
            const GREATEST: $word = $word::MAX;

            #[inline(always)]
            fn vectorise<R>(self, f: impl FnOnce() -> R) -> R {
                f()
            }

            #[inline(always)]
            fn splat(self, word: $word) -> [$word; LANES] {
                [word; LANES]
            }

            #[inline(always)]
            fn load(self, words: &[$word]) -> [$word; LANES] {
                words.try_into().expect("the words of a vector")
            }

            #[inline(always)]
            fn store(self, vector: [$word; LANES], words: &mut [$word]) {
                words.copy_from_slice(&vector);
            }

            #[inline(always)]
            fn compare(self, a: [$word; LANES], b: [$word; LANES]) -> ([$word; LANES], [$word; LANES]) {
                let (mut low, mut high) = (a, b);
                for lane in 0..LANES {
                    low[lane] = a[lane].min(b[lane]);
                    high[lane] = a[lane].max(b[lane]);
                }
                (low, high)
            }

            #[inline(always)]
            fn compare_with(self, [a, b, with_a, with_b]: [[$word; LANES]; 4]) -> [[$word; LANES]; 4] {
                let ((low, high), (mut with_low, mut with_high)) = (self.compare(a, b), (with_a, with_b));
                for lane in 0..LANES {
                    let swap = a[lane] > b[lane];
                    with_low[lane] = if swap { with_b[lane] } else { with_a[lane] };
                    with_high[lane] = if swap { with_a[lane] } else { with_b[lane] };
                }
                [low, high, with_low, with_high]
            }

            #[inline(always)]
            fn exchange<const SLOT: usize>(
                self,
                a: [$word; LANES],
                b: [$word; LANES],
            ) -> ([$word; LANES], [$word; LANES]) {
                let (mut low, mut high) = (a, b);
                for lane in 0..LANES {
                    if lane >> SLOT & 1 == 1 {
                        low[lane] = b[lane ^ 1 << SLOT];
                    } else {
                        high[lane] = a[lane ^ 1 << SLOT];
                    }
                }
                (low, high)
            }

            #[inline(always)]
            fn reverse(self, bits: usize, a: [$word; LANES]) -> [$word; LANES] {
                let mut reversed = a;
                for lane in 0..LANES {
                    reversed[lane] = a[lane ^ ((1 << bits) - 1)];
                }
                reversed
            }

            #[inline(always)]
            fn rotate(self, a: [$word; LANES], b: [$word; LANES]) -> ([$word; LANES], [$word; LANES]) {
                rotate_lowest(self, LOG, a, b)
            }

            #[inline(always)]
            fn fold(self, a: [$word; LANES], fold: $word) -> [$word; LANES] {
                a.map(|word| word ^ (word >> ($word::BITS - 1)) & fold)
            }

            #[inline(always)]
            fn flip(self, a: [$word; LANES], flip: $word) -> [$word; LANES] {
                a.map(|word| word ^ flip)
            }
        }
    )*};
}

words!(i8 i16 i32 i64 i128);
