//! Sixteen numbers side by side: loops over them become vector instructions.
//!
//! They are one vector of AVX-512 in f32, two of AVX2. Sums over a row are kept in 16 lanes, so that nothing
//! has to wait for the sum before. The lanes are added up at the end, always in the same order: the bits are
//! the same whatever the width of the vectors.

use crate::Float;

pub(super) const LANES: usize = 16;

/// Sixteen numbers.
pub(super) type Chunk<T> = [T; LANES];

/// Sixteen running results of a row. Aligned: a vector that is stored across two lines of the cache can't be
/// loaded back at once.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Running<T>(pub(super) Chunk<T>);

#[inline(always)]
pub(super) fn map<T: Float>(a: Chunk<T>, f: impl Fn(T) -> T) -> Chunk<T> {
    let mut out = [T::zero(); LANES];
    for i in 0..LANES {
        out[i] = f(a[i]);
    }
    out
}

#[inline(always)]
pub(super) fn zip<T: Float>(a: Chunk<T>, b: Chunk<T>, f: impl Fn(T, T) -> T) -> Chunk<T> {
    let mut out = [T::zero(); LANES];
    for i in 0..LANES {
        out[i] = f(a[i], b[i]);
    }
    out
}

/// b if a is NaN: one instruction, where `max` of the standard library is several.
#[inline(always)]
pub(super) fn greater<T: Float>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

#[inline(always)]
pub(super) fn sum<T: Float>(a: T, b: T) -> T {
    a + b
}

/// The greatest of each.
///
/// Not inlined: the compiler (LLVM 22) would build the loop that fills the lanes around the way in which they
/// are read here, out of pairs. That is three times slower.
#[inline(never)]
pub(super) fn greatest_of_each<T: Float, const R: usize>(lanes: &[Running<T>; R]) -> [T; R] {
    lanes.map(|lanes| fold(lanes.0, greater))
}

/// The sum of each. Not inlined either.
#[inline(never)]
pub(super) fn sum_of_each<T: Float, const R: usize>(lanes: &[Running<T>; R]) -> [T; R] {
    lanes.map(|lanes| fold(lanes.0, sum))
}

#[inline(always)]
fn fold<T: Float>(mut lanes: Chunk<T>, f: impl Fn(T, T) -> T) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}
