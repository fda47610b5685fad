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
//! all is finite, the rest is multiplied alike, so that who doesn't see what isn't finite gets the same bits
//! as without it (but for factors with negative or no strides: there to within rounding), and what isn't is
//! added pair by pair.

use matmul::{Write, tile};
use ndarray::{ArrayView2, ArrayViewMut2, Dim, ShapeBuilder};
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
    let finite = |x: T| if x.is_finite() { x } else { T::zero() };
    // The order of a product's sums may depend on how its factors lie in memory: so the copy lies alike.
    let strides = Dim([b.strides()[0] as usize, b.strides()[1] as usize]); // a negative one is too large
    let mut memory = vec![T::zero(); extent(b)];
    match ArrayViewMut2::from_shape(b.raw_dim().strides(strides), &mut memory) {
        Ok(mut copy) => {
            copy.zip_mut_with(&b, |copy, &x| *copy = finite(x));
            tile(out.view_mut(), a, copy.view(), write);
        }
        // Rows that share elements, or in descending order: what is seen differs by rounding.
        Err(_) => tile(out.view_mut(), a, b.mapv(finite).view(), write),
    }
    for ((j, column), &x) in b.indexed_iter().filter(|(_, x)| !x.is_finite()) {
        for i in (0..a.nrows()).filter(|&i| seen(i, j)) {
            out[(i, column)] += a[(i, j)] * x;
        }
    }
}

/// Elements from the first to the last, those between them that belong to others included.
fn extent<T>(matrix: ArrayView2<'_, T>) -> usize {
    let steps = matrix.shape().iter().zip(matrix.strides());
    steps.map(|(&size, stride)| size.saturating_sub(1) * stride.unsigned_abs()).sum::<usize>() + 1
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

/// Zero times NaN or infinity is NaN, and so is every sum with one in it: no branch, so that it becomes
/// vectors.
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

    /// Not on the last bit: however the right factor lies in memory.
    #[test]
    fn what_is_not_seen_changes_nothing() {
        let number = |(i, j): (usize, usize)| ((i * 37 + j * 61) % 101) as f64 / 101.0;
        for columns in [1, 2, 5, 16] {
            let mut a = Array2::from_shape_fn((9, 8), number);
            a.column_mut(3).fill(0.0);
            let lies = Array2::from_shape_fn((16, 32), number);
            for mut b in [
                lies.clone().slice_move(s![..8, ..columns]),
                lies.clone().reversed_axes().slice_move(s![..8, ..columns]),
                lies.clone().slice_move(s![..;2, ..columns]),
                lies.slice(s![..8, ..columns]).to_owned(),
            ] {
                let [mut clean, mut poisoned] = [0, 1].map(|_| Array2::zeros((9, columns)));
                product_of_seen(clean.view_mut(), a.view(), b.view(), Write::Replace, |_, j| j != 3);
                b.row_mut(3).fill(f64::INFINITY);
                product_of_seen(poisoned.view_mut(), a.view(), b.view(), Write::Replace, |_, j| j != 3);
                assert_eq!(clean, poisoned, "{columns} columns, strides {:?}", b.strides());
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
