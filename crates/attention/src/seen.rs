//! A product in which pairs that aren't seen count for nothing, whatever stands there.
//!
//! ```text
//!  i sees j, and so on:         j  k  l
//!     P = i [ ½  ½  0 ]     V = j [ 1 ]         by the rules of floating-point numbers 0 * NaN is NaN,
//!                               k [ 2 ]         so P V is NaN, though i doesn't see l
//!                               l [NaN]
//! ```
//!
//! A share of zero isn't enough to keep out a key that a query doesn't see: padding may hold anything, also
//! infinities and NaN. Where all is finite (nearly always) a plain product is right, since 0 times a finite
//! number is zero. To look costs one pass over the right factor, which is small beside the product. Where not
//! all is finite, the rest is multiplied alike, so that who doesn't see what isn't finite gets the same bits as
//! without it, and what isn't is added pair by pair.

use matmul::{Write, tile};
use ndarray::{ArrayView2, ArrayViewMut2};
use simd::{Float, vectorised};

/// Writes `a` times `b` to `out`, or adds it, on the calling thread: the sums over those j alone for which
/// `seen(i, j)`. Where it isn't seen, `a[(i, j)]` must be zero. `a` is (m, k), `b` (k, n), `out` (m, n).
///
/// # Panics
///
/// If the sizes don't fit.
pub(crate) fn product_of_seen<T: Float>(
    mut out: ArrayViewMut2<'_, T>,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    write: Write,
    seen: impl Fn(usize, usize) -> bool,
) {
    if all_finite(b) {
        return tile(out, a, b, write);
    }
    let finite = b.mapv(|x| if x.is_finite() { x } else { T::zero() });
    tile(out.view_mut(), a, finite.view(), write);
    for ((j, column), &x) in b.indexed_iter().filter(|(_, x)| !x.is_finite()) {
        for i in (0..a.nrows()).filter(|&i| seen(i, j)) {
            out[(i, column)] += a[(i, j)] * x;
        }
    }
}

/// Whether there is neither NaN nor infinity in it.
fn all_finite<T: Float>(matrix: ArrayView2<'_, T>) -> bool {
    matrix.outer_iter().all(|row| match row.as_slice() {
        Some(row) => vectorised(
            #[inline(always)]
            || all_finite_in(row),
        ),
        None => row.iter().all(|x| x.is_finite()),
    })
}

/// Zero times NaN or infinity is NaN, and so is every sum with one in it: no branch, so that it becomes vectors.
#[inline(always)]
fn all_finite_in<T: Float>(row: &[T]) -> bool {
    const LANES: usize = 32;
    let mut sums = [T::zero(); LANES];
    let (pieces, rest) = row.as_chunks::<LANES>();
    for piece in pieces {
        for (sum, &x) in sums.iter_mut().zip(piece) {
            *sum += x * T::zero();
        }
    }
    let sum = sums.into_iter().fold(T::zero(), |sum, x| sum + x);
    rest.iter().fold(sum, |sum, &x| sum + x * T::zero()) == T::zero()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    #[test]
    fn one_that_is_not_finite_is_found_anywhere() {
        for columns in [1, 31, 32, 33, 70] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut matrix = Array2::from_elem((2, columns), f32::MAX);
                assert!(all_finite(matrix.view()));
                for column in 0..columns {
                    matrix[(1, column)] = bad;
                    assert!(!all_finite(matrix.view()), "{bad} in column {column} of {columns}");
                    assert!(!all_finite(matrix.t()));
                    assert!(all_finite(matrix.slice(s![..1, ..])));
                    matrix[(1, column)] = f32::MIN;
                }
            }
        }
    }

    #[test]
    fn what_is_not_seen_adds_nothing() {
        let a = ndarray::array![[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]];
        let b = ndarray::array![[1.0], [2.0], [f64::NAN]];
        let mut out = Array2::from_elem((2, 1), 10.0);
        product_of_seen(out.view_mut(), a.view(), b.view(), Write::Add, |i, j| i == 0 && j < 2);
        assert_eq!(out, ndarray::array![[11.5], [10.0]]);
        product_of_seen(out.view_mut(), a.view(), b.view(), Write::Replace, |i, j| i == 0 && j < 2);
        assert_eq!(out, ndarray::array![[1.5], [0.0]]);
    }
}
