//! [`Words`] on AVX-512: 512 bits, 32 registers, masks. An exchange takes one instruction for each result.
//!
//! Keys of 8 and 16 bits use AVX2 here too: they are rare, and each width takes seconds to compile.

use super::words::Words;
use pulp::x86::V4;
use std::arch::x86_64::__m512i;
use std::marker::PhantomData;

/// The processor has AVX-512; its vectors are cut into lanes of `K`.
pub(super) struct Avx512<K> {
    v4: V4,
    lane: PhantomData<K>,
}

impl<K> Clone for Avx512<K> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Avx512<K> {}

impl<K> Avx512<K> {
    pub(super) fn new(v4: V4) -> Self {
        Avx512 { v4, lane: PhantomData }
    }
}

/// Exchanges neighbours of 32 bits: the odd ones of `a` with the even ones of `b`.
#[inline(always)]
fn exchange32(v: V4, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    const ODD: u16 = 0xAAAA;
    let low = v.avx512f._mm512_mask_shuffle_epi32::<0b10_10_00_00>(a, ODD, b);
    let high = v.avx512f._mm512_mask_shuffle_epi32::<0b11_11_01_01>(b, !ODD, a);
    (low, high)
}

/// The same of 64 bits.
#[inline(always)]
fn exchange64(v: V4, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    (v.avx512f._mm512_unpacklo_epi64(a, b), v.avx512f._mm512_unpackhi_epi64(a, b))
}

/// The same of 128 bits.
#[inline(always)]
fn exchange128(v: V4, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    const ODD: u8 = 0b1100_1100;
    let low = v.avx512f._mm512_mask_shuffle_i64x2::<0b10_10_00_00>(a, ODD, b, b);
    let high = v.avx512f._mm512_mask_shuffle_i64x2::<0b11_11_01_01>(b, !ODD, a, a);
    (low, high)
}

/// The halves of 256 bits: the upper one of `a` with the lower one of `b`.
#[inline(always)]
fn exchange256(v: V4, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    let low = v.avx512f._mm512_shuffle_i64x2::<0b01_00_01_00>(a, b);
    let high = v.avx512f._mm512_shuffle_i64x2::<0b11_10_11_10>(a, b);
    (low, high)
}

/// Reverses lanes of 64 bits within groups of 2^`bits`.
#[inline(always)]
fn reverse64(v: V4, bits: usize, a: __m512i) -> __m512i {
    const ALL: [i64; 8] = [7, 6, 5, 4, 3, 2, 1, 0];
    match bits {
        0 => a,
        1 => v.avx512f._mm512_shuffle_epi32::<0b01_00_11_10>(a),
        2 => v.avx512f._mm512_permutex_epi64::<0b00_01_10_11>(a),
        _ => v.avx512f._mm512_permutexvar_epi64(pulp::cast(ALL), a),
    }
}

/// Reverses lanes of 32 bits within groups of 2^`bits`.
#[inline(always)]
fn reverse32(v: V4, bits: usize, a: __m512i) -> __m512i {
    const EIGHTS: [i32; 16] = [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8];
    const ALL: [i32; 16] = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    match bits {
        0 => a,
        1 => v.avx512f._mm512_shuffle_epi32::<0b10_11_00_01>(a),
        2 => v.avx512f._mm512_shuffle_epi32::<0b00_01_10_11>(a),
        3 => v.avx512f._mm512_permutexvar_epi32(pulp::cast(EIGHTS), a),
        _ => v.avx512f._mm512_permutexvar_epi32(pulp::cast(ALL), a),
    }
}

/// `Words::rotate` of lanes of 32 bits: the lanes of `a` and `b` in turn.
#[inline(always)]
fn rotate32(words: Avx512<i32>, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    const LOW: [i32; 16] = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
    const HIGH: [i32; 16] = [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31];
    let v = words.v4.avx512f;
    (v._mm512_permutex2var_epi32(a, pulp::cast(LOW), b), v._mm512_permutex2var_epi32(a, pulp::cast(HIGH), b))
}

/// The same of 64 bits.
#[inline(always)]
fn rotate64(words: Avx512<i64>, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    const LOW: [i64; 8] = [0, 8, 1, 9, 2, 10, 3, 11];
    const HIGH: [i64; 8] = [4, 12, 5, 13, 6, 14, 7, 15];
    let v = words.v4.avx512f;
    (v._mm512_permutex2var_epi64(a, pulp::cast(LOW), b), v._mm512_permutex2var_epi64(a, pulp::cast(HIGH), b))
}

/// `Words::fold` of lanes of 32 bits.
#[inline(always)]
fn fold32(words: Avx512<i32>, a: __m512i, fold: i32) -> __m512i {
    let v = words.v4.avx512f;
    v._mm512_xor_si512(a, v._mm512_and_si512(v._mm512_srai_epi32::<31>(a), words.splat(fold)))
}

/// The same of 64 bits.
#[inline(always)]
fn fold64(words: Avx512<i64>, a: __m512i, fold: i64) -> __m512i {
    let v = words.v4.avx512f;
    v._mm512_xor_si512(a, v._mm512_and_si512(v._mm512_srai_epi64::<63>(a), words.splat(fold)))
}

macro_rules! words {
    ($word:ident, log $log:literal, $minimum:ident $maximum:ident $greater:ident $blend:ident,
     exchange $($slot:literal $exchange:ident)*, $reverse:ident, $rotate:ident, $fold:ident) => {
        impl Words for Avx512<$word> {
            type Word = $word;
            type Vector = __m512i;

            const LOG: usize = $log;
            const LEAST: $word = $word::MIN;
            const GREATEST: $word = $word::MAX;

            #[inline(always)]
            fn vectorise<R>(self, f: impl FnOnce() -> R) -> R {
                self.v4.vectorize(f)
            }

            #[inline(always)]
            fn splat(self, word: $word) -> __m512i {
                pulp::cast([word; 1 << $log])
            }

            #[inline(always)]
            fn load(self, words: &[$word]) -> __m512i {
                let words: [$word; 1 << $log] = words.try_into().expect("the words of a vector");
                pulp::cast(words)
            }

            #[inline(always)]
            fn store(self, vector: __m512i, words: &mut [$word]) {
                let to: &mut [$word; 1 << $log] = words.try_into().expect("the words of a vector");
                *to = pulp::cast(vector);
            }

            #[inline(always)]
            fn compare(self, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
                (self.v4.avx512f.$minimum(a, b), self.v4.avx512f.$maximum(a, b))
            }

            #[inline(always)]
            fn compare_with(self, [a, b, with_a, with_b]: [__m512i; 4]) -> [__m512i; 4] {
                let v = self.v4.avx512f;
                let swap = v.$greater(a, b);
                let (with_low, with_high) = (v.$blend(swap, with_a, with_b), v.$blend(swap, with_b, with_a));
                [v.$minimum(a, b), v.$maximum(a, b), with_low, with_high]
            }

            #[inline(always)]
            fn exchange<const SLOT: usize>(self, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
                match SLOT {
                    $($slot => $exchange(self.v4, a, b),)*
                    _ => exchange256(self.v4, a, b),
                }
            }

            #[inline(always)]
            fn reverse(self, bits: usize, a: __m512i) -> __m512i {
                $reverse(self.v4, bits, a)
            }

            #[inline(always)]
            fn rotate(self, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
                $rotate(self, a, b)
            }

            #[inline(always)]
            fn fold(self, a: __m512i, fold: $word) -> __m512i {
                $fold(self, a, fold)
            }

            #[inline(always)]
            fn flip(self, a: __m512i, flip: $word) -> __m512i {
                self.v4.avx512f._mm512_xor_si512(a, self.splat(flip))
            }
        }
    };
}

words!(i32, log 4, _mm512_min_epi32 _mm512_max_epi32 _mm512_cmpgt_epi32_mask _mm512_mask_blend_epi32,
    exchange 0 exchange32 1 exchange64 2 exchange128,
    reverse32, rotate32, fold32);
words!(i64, log 3, _mm512_min_epi64 _mm512_max_epi64 _mm512_cmpgt_epi64_mask _mm512_mask_blend_epi64,
    exchange 0 exchange64 1 exchange128,
    reverse64, rotate64, fold64);
