//! The backward passes of softmax and log-softmax. Both need the output alone, not what it was computed from.
//!
//! ```text
//! y = softmax(x):        dxᵢ = yᵢ (dyᵢ - Σⱼ dyⱼ yⱼ)
//! z = log-softmax(x):    dxᵢ = dzᵢ - exp(zᵢ) Σⱼ dzⱼ
//! ```
//!
//! A constant added to all x changes nothing; so the gradient of x sums to 0 along the axis.

use super::check;
use crate::{Float, Result};
use ndarray::{Array, ArrayView, Axis, Dimension, Zip};

/// The gradient of what `output` is the softmax of, given the gradient of `output`.
///
/// # Errors
///
/// If there is no such axis, or the shapes differ.
pub fn backward<T: Float, D: Dimension>(
    output: ArrayView<'_, T, D>,
    gradient: ArrayView<'_, T, D>,
    axis: Axis,
) -> Result<Array<T, D>> {
    check(gradient.shape(), axis, output.shape())?;
    let mut dx = Array::zeros(output.raw_dim());
    Zip::from(dx.lanes_mut(axis)).and(output.lanes(axis)).and(gradient.lanes(axis)).for_each(
        |mut dx, y, dy| {
            let sum: T = y.iter().zip(dy).map(|(&y, &dy)| y * dy).sum();
            Zip::from(&mut dx).and(y).and(dy).for_each(|dx, &y, &dy| *dx = y * (dy - sum));
        },
    );
    Ok(dx)
}

/// The gradient of what `output` is the log-softmax of, given the gradient of `output`.
///
/// # Errors
///
/// If there is no such axis, or the shapes differ.
pub fn log_softmax_backward<T: Float, D: Dimension>(
    output: ArrayView<'_, T, D>,
    gradient: ArrayView<'_, T, D>,
    axis: Axis,
) -> Result<Array<T, D>> {
    check(gradient.shape(), axis, output.shape())?;
    let mut dx = Array::zeros(output.raw_dim());
    Zip::from(dx.lanes_mut(axis)).and(output.lanes(axis)).and(gradient.lanes(axis)).for_each(
        |mut dx, z, dz| {
            let sum: T = dz.sum();
            Zip::from(&mut dx).and(z).and(dz).for_each(|dx, &z, &dz| *dx = dz - z.exp() * sum);
        },
    );
    Ok(dx)
}
