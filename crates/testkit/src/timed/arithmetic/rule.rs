//! How wrong a result may be, and which part of a big one is looked at.

use ndarray::{ArrayView, Dimension, Zip};
use simd::Float;
use std::ops::Range;

/// How far a result may be from the same arithmetic in f64, by flash attention's own rule: twice the greatest
/// error that the plain form makes in the same precision. (And in any case a few ε of the greatest element: in
/// f64 the plain form and the reference are one.)
///
/// # Panics
///
/// If the shapes differ.
pub fn allowed<T: Float, D: Dimension>(plain: ArrayView<'_, T, D>, exact: ArrayView<'_, f64, D>) -> f64 {
    let greatest = exact.fold(0.0, |greatest: f64, x| greatest.max(x.abs()));
    2.0 * greatest_error(plain, exact) + 32.0 * T::epsilon().as_f64() * greatest
}

/// How many elements are further from `exact` than is [`allowed`].
///
/// # Panics
///
/// If the shapes differ.
pub fn wrong<T: Float, D: Dimension>(
    result: ArrayView<'_, T, D>,
    plain: ArrayView<'_, T, D>,
    exact: ArrayView<'_, f64, D>,
) -> usize {
    let allowed = allowed(plain, exact.view());
    // As a match, since of a NaN neither `<=` nor `>` is true.
    let is_wrong = |error: f64| match error <= allowed {
        true => 0,
        false => 1,
    };
    Zip::from(result).and(exact).fold(0, |wrong, &x, &exact| wrong + is_wrong(error(x, exact)))
}

/// The greatest error of all elements; NaN if there is a NaN where none should be.
///
/// # Panics
///
/// If the shapes differ.
pub fn greatest_error<T: Float, D: Dimension>(
    result: ArrayView<'_, T, D>,
    exact: ArrayView<'_, f64, D>,
) -> f64 {
    let worse = |a: f64, b: f64| if a.is_nan() || b <= a { a } else { b };
    Zip::from(result).and(exact).fold(0.0, |greatest, &x, &exact| worse(greatest, error(x, exact)))
}

/// Infinities of one sign are equal.
fn error<T: Float>(x: T, exact: f64) -> f64 {
    let x = x.as_f64();
    if x == exact { 0.0 } else { (x - exact).abs() }
}

/// Which rows to look at: all of a few, and of many some at the beginning, in the middle and at the end, so that
/// it takes less time to check a big result than to compute it.
pub fn sample(rows: usize) -> Vec<Range<usize>> {
    const BLOCK: usize = 24;
    if rows <= 4 * BLOCK {
        return std::iter::once(0..rows).collect();
    }
    let middle = rows / 2 - 5; // across the border of a tile, if a tile ends there
    vec![0..BLOCK, middle..middle + BLOCK, rows - BLOCK..rows]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    #[test]
    fn twice_the_plain_error_is_allowed_and_no_more() {
        let exact = array![1.0, -2.0, 3.0];
        let plain = array![1.0_f32, -2.0, 3.001];
        let wrong = |result: Array1<f32>| wrong(result.view(), plain.view(), exact.view());
        assert_eq!(wrong(array![1.0019, -2.0019, 3.0]), 0);
        assert_eq!(wrong(array![1.0021, -2.0019, 3.0]), 1);
        assert_eq!(wrong(array![f32::NAN, -2.0, f32::INFINITY]), 2);
    }

    #[test]
    fn infinities_of_one_sign_are_equal() {
        let exact = array![f64::NEG_INFINITY, 0.0];
        let error = |x: f32| greatest_error(array![x, 0.0].view(), exact.view());
        assert_eq!(error(f32::NEG_INFINITY), 0.0);
        assert_eq!(error(f32::INFINITY), f64::INFINITY);
        assert!(error(f32::NAN).is_nan());
    }

    #[test]
    fn a_sample_has_both_ends_and_no_row_twice() {
        for rows in [0, 1, 95, 96, 97, 100, 1000, 4096] {
            let sampled: Vec<usize> = sample(rows).into_iter().flatten().collect();
            assert!(sampled.is_sorted_by(|a, b| a < b), "{rows}");
            assert_eq!(sampled.first().copied(), (rows > 0).then_some(0));
            assert_eq!(sampled.last().copied(), rows.checked_sub(1));
        }
    }
}
