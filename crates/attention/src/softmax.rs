//! Softmax along any axis of an array: numbers become shares that sum to 1.
//!
//! ```text
//!            exp(xᵢ)          exp(xᵢ - m)
//!  yᵢ  =  ─────────────  =  ───────────────      for any m, so also for m = max x
//!          Σⱼ exp(xⱼ)        Σⱼ exp(xⱼ - m)
//! ```
//!
//! With the maximum no exponent is above 0 and one of them is 0: nothing overflows, and the sum is 1 or more.
//!
//! | rung | idea | passes |
//! |---|---|---|
//! | `definition` | the left formula: overflows above 88.7 (f32); kept to show it | 2 |
//! | `shifted` | the right formula | 3 |
//! | `online` | maximum and sum in one pass: a [`Partial`](crate::partial::Partial) | 2 |
//! | `vectorised` | `shifted` in vectors: rows in groups, or neighbouring lanes side by side | 3, in cache |
//! | `parallel` | `vectorised` on several threads; very long rows are cut | 3, in cache |
//!
//! The functions that write shares take the last rung (log-sum-exp is `vectorised`, the gradients are plain
//! loops), in f32 and in f64, along any axis, for any number of dimensions and any strides. They are exact to
//! a few units in the last place, and more where numbers are far below the maximum: to subtract it rounds,
//! and exp(-n) has n times the error of n.
//!
//! | numbers | softmax | log-softmax | log-sum-exp |
//! |---|---|---|---|
//! | all -inf | 0 (PyTorch: NaN) | -inf (PyTorch: NaN) | -inf |
//! | a +inf among them | all NaN | all NaN | +inf |
//! | a NaN among them | all NaN | all NaN | NaN |
//! | none | none | none | -inf |
//!
//! A row that may look at nothing gets nothing, so that masking needs no special case. The rest is as in
//! PyTorch.

mod columns;
mod definition;
mod gradient;
mod lanes;
mod online;
mod parallel;
mod rows;
mod shifted;
#[cfg(test)]
mod tests;
mod vectorised;

pub use gradient::{backward, log_softmax_backward};

use crate::shape::expect;
use crate::{Error, Float, Result, Threads};
use ndarray::{Array, ArrayView, ArrayViewMut, Axis, Dimension, RemoveAxis};

/// A softmax, simplest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// exp(x) / the sum of exp: the formula as it is defined. For numbers above 88.7 (f32) or 709.7 (f64) it
    /// is NaN.
    Definition,
    /// Relative to the maximum, in three loops.
    Shifted,
    /// Maximum and sum in one loop.
    Online,
    /// In vectors.
    Vectorised,
    /// In vectors, on several threads.
    Parallel,
}

impl Algorithm {
    /// All of them, simplest first.
    pub const ALL: &'static [Algorithm] = &[
        Algorithm::Definition,
        Algorithm::Shifted,
        Algorithm::Online,
        Algorithm::Vectorised,
        Algorithm::Parallel,
    ];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Definition => "definition",
            Algorithm::Shifted => "shifted",
            Algorithm::Online => "online",
            Algorithm::Vectorised => "vectorised",
            Algorithm::Parallel => "parallel",
        }
    }

    /// Writes the softmax along `axis` to `out`. Only [`Parallel`](Self::Parallel) uses more than one thread.
    ///
    /// # Errors
    ///
    /// If there is no such axis, or `out` has another shape.
    pub fn softmax_into<T: Float, D: Dimension>(
        self,
        view: ArrayView<'_, T, D>,
        axis: Axis,
        out: ArrayViewMut<'_, T, D>,
        threads: Threads,
    ) -> Result<()> {
        check(view.shape(), axis, out.shape())?;
        match self {
            Algorithm::Definition => definition::softmax(view, axis, out),
            Algorithm::Shifted => shifted::softmax(view, axis, out),
            Algorithm::Online => online::softmax(view, axis, out),
            Algorithm::Vectorised => vectorised::run(Form::Shares, Some(view), axis, out),
            Algorithm::Parallel => parallel::run(Form::Shares, Some(view), axis, out, threads),
        }
        Ok(())
    }
}

/// In which form the shares are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As they are: softmax.
    Shares,
    /// Their logarithms: log-softmax.
    Logarithms,
}

/// The softmax along an axis.
///
/// ```
/// use attention::{Threads, softmax};
/// use ndarray::{Axis, array};
///
/// let x = array![[0.0, 3_f64.ln()], [1000.0, 1000.0]];
/// let y = softmax::softmax(x.view(), Axis(1), Threads::ONE)?;
/// assert!((y - array![[0.25, 0.75], [0.5, 0.5]]).iter().all(|error| error.abs() < 1e-15));
/// # Ok::<(), attention::Error>(())
/// ```
///
/// # Errors
///
/// If there is no such axis.
pub fn softmax<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    threads: Threads,
) -> Result<Array<T, D>> {
    let mut out = Array::zeros(view.raw_dim());
    softmax_into(view, axis, out.view_mut(), threads)?;
    Ok(out)
}

/// Writes the softmax along an axis to `out`.
///
/// # Errors
///
/// If there is no such axis, or `out` has another shape.
pub fn softmax_into<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    out: ArrayViewMut<'_, T, D>,
    threads: Threads,
) -> Result<()> {
    Algorithm::Parallel.softmax_into(view, axis, out, threads)
}

/// Replaces numbers by their softmax along an axis.
///
/// # Errors
///
/// If there is no such axis.
pub fn softmax_in_place<T: Float, D: Dimension>(
    view: ArrayViewMut<'_, T, D>,
    axis: Axis,
    threads: Threads,
) -> Result<()> {
    check(view.shape(), axis, view.shape())?;
    parallel::run(Form::Shares, None, axis, view, threads);
    Ok(())
}

/// The logarithm of the softmax along an axis: x - log-sum-exp(x), which keeps its digits also where a share
/// is next to 0.
///
/// # Errors
///
/// If there is no such axis.
pub fn log_softmax<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    threads: Threads,
) -> Result<Array<T, D>> {
    let mut out = Array::zeros(view.raw_dim());
    log_softmax_into(view, axis, out.view_mut(), threads)?;
    Ok(out)
}

/// Writes the logarithm of the softmax along an axis to `out`.
///
/// # Errors
///
/// If there is no such axis, or `out` has another shape.
pub fn log_softmax_into<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    out: ArrayViewMut<'_, T, D>,
    threads: Threads,
) -> Result<()> {
    check(view.shape(), axis, out.shape())?;
    parallel::run(Form::Logarithms, Some(view), axis, out, threads);
    Ok(())
}

/// The logarithm of the sum of exp along an axis, which is not there any more in the result.
///
/// ```
/// use attention::softmax;
/// use ndarray::{Axis, arr0, array};
///
/// assert_eq!(softmax::log_sum_exp(array![1000.0, -1000.0].view(), Axis(0))?, arr0(1000.0));
/// # Ok::<(), attention::Error>(())
/// ```
///
/// # Errors
///
/// If there is no such axis.
pub fn log_sum_exp<T: Float, D: RemoveAxis>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
) -> Result<Array<T, D::Smaller>> {
    check(view.shape(), axis, view.shape())?;
    Ok(vectorised::log_sum_exp(view, axis))
}

fn check(shape: &[usize], axis: Axis, out: &[usize]) -> Result<()> {
    if axis.index() >= shape.len() {
        return Err(Error::Index { what: "axis", index: axis.index(), count: shape.len() });
    }
    expect("the output", out, shape, "the output has the shape of the input")
}
