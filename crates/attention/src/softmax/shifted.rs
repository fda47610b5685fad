//! Softmax relative to the maximum, in three loops: the maximum, the exponentials and their sum, the
//! division.
//!
//! Invariant: no exponent is above 0 and one of them is 0, so that each exponential is at most 1 and the sum
//! at least 1.

use crate::Float;
use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension, Zip};

pub(super) fn softmax<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    mut out: ArrayViewMut<'_, T, D>,
) {
    Zip::from(view.lanes(axis)).and(out.lanes_mut(axis)).for_each(|x, mut y| {
        // Of numbers that are all -inf this is the lowest finite number; so the exponents are -inf, and not
        // NaN.
        let max = x.fold(T::min_value(), |max, &x| max.max(x));
        let mut sum = T::zero();
        for (y, &x) in y.iter_mut().zip(x) {
            *y = (x - max).exp();
            sum += *y;
        }
        if sum != T::zero() {
            y.mapv_inplace(|y| y / sum);
        }
    });
}
