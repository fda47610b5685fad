//! [`Words`] on AVX2: 256 bits, 16 registers.

use super::words::{Words, rotate_lowest};
use pulp::x86::V3;
use std::arch::x86_64::__m256i;
use std::marker::PhantomData;

/// The processor has AVX2; its vectors are cut into lanes of `K`.
pub(super) struct Avx2<K> {
    v3: V3,
    lane: PhantomData<K>,
}

impl<K> Clone for Avx2<K> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Avx2<K> {}

impl<K> Avx2<K> {
    pub(super) fn new(v3: V3) -> Self {
        Avx2 { v3, lane: PhantomData }
    }
}

/// Exchanges neighbours of 8 bits: the odd bytes of `a` with the even ones of `b`.
#[inline(always)]
fn exchange8(v: V3, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    let odd = pulp::cast([0xFF00_u16; 16]);
    let (up, down) = (v.avx2._mm256_slli_epi16::<8>(b), v.avx2._mm256_srli_epi16::<8>(a));
    (v.avx2._mm256_blendv_epi8(a, up, odd), v.avx2._mm256_blendv_epi8(down, b, odd))
}

/// The same of 16 bits.
#[inline(always)]
fn exchange16(v: V3, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    const ODD: i32 = 0b1010_1010;
    let (up, down) = (v.avx2._mm256_slli_epi32::<16>(b), v.avx2._mm256_srli_epi32::<16>(a));
    (v.avx2._mm256_blend_epi16::<ODD>(a, up), v.avx2._mm256_blend_epi16::<ODD>(down, b))
}

/// The same of 32 bits.
#[inline(always)]
fn exchange32(v: V3, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    const ODD: i32 = 0b1010_1010;
    let up = v.avx2._mm256_shuffle_epi32::<0b10_10_00_00>(b);
    let down = v.avx2._mm256_shuffle_epi32::<0b11_11_01_01>(a);
    (v.avx2._mm256_blend_epi32::<ODD>(a, up), v.avx2._mm256_blend_epi32::<ODD>(down, b))
}

/// The same of 64 bits.
#[inline(always)]
fn exchange64(v: V3, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    (v.avx2._mm256_unpacklo_epi64(a, b), v.avx2._mm256_unpackhi_epi64(a, b))
}

/// The halves of 128 bits: the upper one of `a` with the lower one of `b`.
#[inline(always)]
fn exchange128(v: V3, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    (v.avx2._mm256_permute2x128_si256::<0x20>(a, b), v.avx2._mm256_permute2x128_si256::<0x31>(a, b))
}

/// Reverses lanes of 64 bits within groups of 2^`bits`.
#[inline(always)]
fn reverse64(v: V3, bits: usize, a: __m256i) -> __m256i {
    match bits {
        0 => a,
        1 => v.avx2._mm256_shuffle_epi32::<0b01_00_11_10>(a),
        _ => v.avx2._mm256_permute4x64_epi64::<0b00_01_10_11>(a),
    }
}

/// Reverses lanes of 32 bits within groups of 2^`bits`.
#[inline(always)]
fn reverse32(v: V3, bits: usize, a: __m256i) -> __m256i {
    const ALL: [i32; 8] = [7, 6, 5, 4, 3, 2, 1, 0];
    match bits {
        0 => a,
        1 => v.avx2._mm256_shuffle_epi32::<0b10_11_00_01>(a),
        2 => v.avx2._mm256_shuffle_epi32::<0b00_01_10_11>(a),
        _ => v.avx2._mm256_permutevar8x32_epi32(a, pulp::cast(ALL)),
    }
}

/// Reverses lanes of 16 bits within groups of 2^`bits`.
#[inline(always)]
fn reverse16(v: V3, bits: usize, a: __m256i) -> __m256i {
    const PAIRS: [u8; 16] = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13];
    match bits {
        0 => a,
        _ => v.avx2._mm256_shuffle_epi8(reverse32(v, bits - 1, a), pulp::cast([PAIRS; 2])),
    }
}

/// Reverses lanes of 8 bits within groups of 2^`bits`.
#[inline(always)]
fn reverse8(v: V3, bits: usize, a: __m256i) -> __m256i {
    const PAIRS: [u8; 16] = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14];
    const FOURS: [u8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
    match bits {
        0 => a,
        1 => v.avx2._mm256_shuffle_epi8(a, pulp::cast([PAIRS; 2])),
        _ => v.avx2._mm256_shuffle_epi8(reverse32(v, bits - 2, a), pulp::cast([FOURS; 2])),
    }
}

/// `Words::rotate` of lanes of 32 bits: the lanes of `a` and `b` in turn.
#[inline(always)]
fn rotate32(words: Avx2<i32>, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    let v = words.v3.avx2;
    exchange128(words.v3, v._mm256_unpacklo_epi32(a, b), v._mm256_unpackhi_epi32(a, b))
}

/// The same of 64 bits.
#[inline(always)]
fn rotate64(words: Avx2<i64>, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    let v = words.v3.avx2;
    exchange128(words.v3, v._mm256_unpacklo_epi64(a, b), v._mm256_unpackhi_epi64(a, b))
}

/// `Words::rotate` where no few instructions do it.
#[inline(always)]
fn rotate_by_exchanges<W: Words>(words: W, a: W::Vector, b: W::Vector) -> (W::Vector, W::Vector) {
    rotate_lowest(words, W::LOG, a, b)
}

/// The smaller and the greater lanes of 64 bits, for which AVX2 has no minimum.
#[inline(always)]
fn compare64(words: Avx2<i64>, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    let v = words.v3.avx2;
    let swap = v._mm256_cmpgt_epi64(a, b);
    (v._mm256_blendv_epi8(a, b, swap), v._mm256_blendv_epi8(b, a, swap))
}

macro_rules! compare {
    ($($name:ident $word:ident $minimum:ident $maximum:ident)*) => {$(
        #[inline(always)]
        fn $name(words: Avx2<$word>, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
            (words.v3.avx2.$minimum(a, b), words.v3.avx2.$maximum(a, b))
        }
    )*};
}

compare!(compare8 i8 _mm256_min_epi8 _mm256_max_epi8
    compare16 i16 _mm256_min_epi16 _mm256_max_epi16
    compare32 i32 _mm256_min_epi32 _mm256_max_epi32);

macro_rules! words {
    ($word:ident, log $log:literal, $compare:ident $greater:ident,
     exchange $($slot:literal $exchange:ident)*, $reverse:ident, $rotate:ident) => {
        impl Words for Avx2<$word> {
            type Word = $word;
            type Vector = __m256i;

            const LOG: usize = $log;
            const LEAST: $word = $word::MIN;
            const GREATEST: $word = $word::MAX;

            #[inline(always)]
            fn vectorise<R>(self, f: impl FnOnce() -> R) -> R {
                self.v3.vectorize(f)
            }

            #[inline(always)]
            fn splat(self, word: $word) -> __m256i {
                pulp::cast([word; 1 << $log])
            }

            #[inline(always)]
            fn load(self, words: &[$word]) -> __m256i {
                let words: [$word; 1 << $log] = words.try_into().expect("the words of a vector");
                pulp::cast(words)
            }

            #[inline(always)]
            fn store(self, vector: __m256i, words: &mut [$word]) {
                let to: &mut [$word; 1 << $log] = words.try_into().expect("the words of a vector");
                *to = pulp::cast(vector);
            }

            #[inline(always)]
            fn compare(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
                $compare(self, a, b)
            }

            #[inline(always)]
            fn compare_with(self, [a, b, with_a, with_b]: [__m256i; 4]) -> [__m256i; 4] {
                let v = self.v3.avx2;
                let (swap, (low, high)) = (v.$greater(a, b), $compare(self, a, b));
                let with_low = v._mm256_blendv_epi8(with_a, with_b, swap);
                [low, high, with_low, v._mm256_blendv_epi8(with_b, with_a, swap)]
            }

            #[inline(always)]
            fn exchange<const SLOT: usize>(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
                match SLOT {
                    $($slot => $exchange(self.v3, a, b),)*
                    _ => exchange128(self.v3, a, b),
                }
            }

            #[inline(always)]
            fn reverse(self, bits: usize, a: __m256i) -> __m256i {
                $reverse(self.v3, bits, a)
            }

            #[inline(always)]
            fn rotate(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
                $rotate(self, a, b)
            }

            #[inline(always)]
            fn fold(self, a: __m256i, fold: $word) -> __m256i {
                let v = self.v3.avx2;
                let negative = v.$greater(self.splat(0), a);
                v._mm256_xor_si256(a, v._mm256_and_si256(negative, self.splat(fold)))
            }

            #[inline(always)]
            fn flip(self, a: __m256i, flip: $word) -> __m256i {
                self.v3.avx2._mm256_xor_si256(a, self.splat(flip))
            }
        }
    };
}

words!(i8, log 5, compare8 _mm256_cmpgt_epi8,
    exchange 0 exchange8 1 exchange16 2 exchange32 3 exchange64, reverse8, rotate_by_exchanges);
words!(i16, log 4, compare16 _mm256_cmpgt_epi16,
    exchange 0 exchange16 1 exchange32 2 exchange64, reverse16, rotate_by_exchanges);
words!(i32, log 3, compare32 _mm256_cmpgt_epi32,
    exchange 0 exchange32 1 exchange64, reverse32, rotate32);
words!(i64, log 2, compare64 _mm256_cmpgt_epi64,
    exchange 0 exchange64, reverse64, rotate64);
