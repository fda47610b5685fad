//! RMSNorm: y = w x r, with r = 1 / √(mean(x²) + ε).
//!
//! ```text
//! backward, for each row:    dx = r (w dy) - x r³ mean(w dy x)        dw = the sum over rows of dy x r
//! ```
//!
//! The second term of dx is there because r depends on all of x: it takes out of w dy what points along x,
//! but for ε, since making x longer doesn't change y.
//!
//! Source: Zhang & Sennrich, *Root Mean Square Layer Normalization*, 2019.

use super::sums;
use crate::error::{Result, expect};
use crate::parameters::{Parameter, ParameterMut, Parameters, parameter, parameter_mut};
use crate::{Float, Threads, rows};
use ndarray::{ArcArray2, Array1, Array2, ArrayView2, Axis};

/// RMSNorm, or its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct RmsNorm<T> {
    /// w, (dim).
    pub weight: Array1<T>,
    /// ε: keeps r finite where x is zero.
    pub epsilon: T,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (tokens, dim).
    pub x: ArcArray2<T>,
    /// r, (tokens).
    pub inverse_rms: Array1<T>,
}

impl<T> Saved<T> {
    /// Bytes held: tokens (dim + 1) elements.
    pub fn bytes(&self) -> usize {
        (self.x.len() + self.inverse_rms.len()) * size_of::<T>()
    }
}

impl<T: Float> RmsNorm<T> {
    /// With weights of one.
    pub fn new(dim: usize, epsilon: T) -> RmsNorm<T> {
        RmsNorm { weight: Array1::ones(dim), epsilon }
    }

    /// The normed x (tokens, dim).
    ///
    /// ```
    /// use layers::{Threads, norm::RmsNorm};
    /// use ndarray::array;
    ///
    /// let norm = RmsNorm::new(2, 0.0);
    /// assert_eq!(norm.infer(array![[2.0, -2.0]].view(), Threads::ONE)?, array![[1.0, -1.0]]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        self.normed(x, threads).map(|(y, _)| y)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        let x = rows::contiguous(x.into());
        let (y, inverse_rms) = self.normed(x.view(), threads)?;
        Ok((y, Saved { x, inverse_rms }))
    }

    /// y and r.
    fn normed(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<(Array2<T>, Array1<T>)> {
        let dim = self.weight.len();
        super::check(x.shape(), dim)?;
        let x = x.as_standard_layout();
        let (count, epsilon) = (T::of(dim as f64), self.epsilon);
        let weight = self.weight.as_standard_layout();
        let weight = rows::slice(&weight);
        let mut y = Array2::zeros(x.raw_dim());
        let mut inverse_rms = Array1::zeros(x.nrows());
        let outputs = rows::blocks_mut(&mut y).zip(inverse_rms.axis_chunks_iter_mut(Axis(0), rows::BLOCK));
        let tasks = outputs.zip(rows::blocks(&x));
        rows::worthwhile(threads, x.len()).for_each(tasks, |((mut y, mut inverse_rms), x)| {
            let (y, x) = (rows::slice_mut(&mut y), rows::slice(&x));
            simd::vectorised(
                #[inline(always)]
                || {
                    let rows = y.chunks_exact_mut(dim).zip(x.chunks_exact(dim));
                    for ((y, x), r) in rows.zip(&mut inverse_rms) {
                        let [squares] = sums(x, |_, x| [x * x]);
                        *r = T::one() / (squares / count + epsilon).sqrt();
                        for ((y, &x), &w) in y.iter_mut().zip(x).zip(weight) {
                            *y = x * *r * w;
                        }
                    }
                },
            );
        });
        Ok((y, inverse_rms))
    }

    /// The gradients of the input and of the norm, given that of the output.
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<(Array2<T>, RmsNorm<T>)> {
        let x = saved.x.view();
        let dim = self.weight.len();
        super::check(x.shape(), dim)?;
        expect("the gradient", gradient.shape(), x.shape(), "(tokens, dim), as the input")?;
        let gradient = gradient.as_standard_layout();
        let count = T::of(dim as f64);
        let weight = self.weight.as_standard_layout();
        let weight = rows::slice(&weight);
        let mut dx = Array2::zeros(x.raw_dim());
        // Each block of rows has a sum of its own.
        let mut d_weight = Array2::zeros((x.nrows().div_ceil(rows::BLOCK), dim));
        let outputs = rows::blocks_mut(&mut dx).zip(d_weight.outer_iter_mut());
        let inputs = rows::blocks(&x).zip(rows::blocks(&gradient));
        let inputs = inputs.zip(saved.inverse_rms.axis_chunks_iter(Axis(0), rows::BLOCK));
        let tasks = outputs.zip(inputs);
        rows::worthwhile(threads, x.len()).for_each(tasks, |((mut dx, mut dw), ((x, dy), inverse_rms))| {
            let (dx, x, dy) = (rows::slice_mut(&mut dx), rows::slice(&x), rows::slice(&dy));
            let dw = rows::slice_mut(&mut dw);
            simd::vectorised(
                #[inline(always)]
                || {
                    let inputs = x.chunks_exact(dim).zip(dy.chunks_exact(dim)).zip(inverse_rms);
                    for (dx, ((x, dy), &r)) in dx.chunks_exact_mut(dim).zip(inputs) {
                        let [along_x] = sums(x, |i, x| [x * weight[i] * dy[i]]);
                        let factor = r * r * r * along_x / count;
                        for (i, (dx, dw)) in dx.iter_mut().zip(&mut *dw).enumerate() {
                            *dx = r * weight[i] * dy[i] - x[i] * factor;
                            *dw += dy[i] * x[i] * r;
                        }
                    }
                },
            );
        });
        Ok((dx, RmsNorm { weight: d_weight.sum_axis(Axis(0)), epsilon: self.epsilon }))
    }
}

impl<T: Float> Parameters<T> for RmsNorm<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        vec![parameter("weight", self.weight.view())]
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        vec![parameter_mut("weight", self.weight.view_mut())]
    }
}
