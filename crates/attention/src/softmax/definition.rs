//! Softmax as it is defined: a specimen.
//!
//! exp(x) is infinite from 88.73 (f32) or 709.79 (f64) on, and infinity over infinity is NaN. It also fails
//! at the other end: where all numbers are below -104 all exponentials are 0, and 0 / 0 is NaN too. Scores of
//! attention get there: two vectors of 64 elements around 4 have a product of 1024, and divided by √64 it is
//! still 128. See `shifted.rs` for the remedy, which costs one more pass.

use crate::Float;
use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension, Zip};

pub(super) fn softmax<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    mut out: ArrayViewMut<'_, T, D>,
) {
    Zip::from(view.lanes(axis)).and(out.lanes_mut(axis)).for_each(|x, mut y| {
        let sum: T = x.iter().map(|x| x.exp()).sum();
        y.zip_mut_with(&x, |y, x| *y = x.exp() / sum);
    });
}
