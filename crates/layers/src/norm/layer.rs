//! LayerNorm: y = w x̂ + b, with x̂ = (x - m) r, m = mean(x), r = 1 / √(mean((x - m)²) + ε).
//!
//! ```text
//! backward, for each row:    dx = r (g - mean(g) - x̂ mean(g x̂))   g = w dy       over rows:  dw = Σ dy x̂
//!                                                                                            db = Σ dy
//! ```
//!
//! The two means take out of g what y doesn't answer to: to add to all of x changes nothing, nor does making
//! x - m longer (but for ε).
//!
//! The variance isn't mean(x²) - m², which is the small difference of large numbers when m is large. It takes
//! two passes, the second of which also corrects the rounding of the first one's mean (Chan, Golub & LeVeque,
//! *Algorithms for Computing the Sample Variance*, 1983):
//!
//! ```text
//! m₀ = Σ x / n      d = Σ (x - m₀) / n      m = m₀ + d      variance = Σ (x - m₀)² / n - d²
//! ```
//!
//! Source: Ba, Kiros & Hinton, *Layer Normalization*, 2016.

use super::sums;
use crate::error::{Result, expect};
use crate::parameters::{Parameter, ParameterMut, Parameters, parameter, parameter_mut};
use crate::{Float, Threads, rows};
use ndarray::{ArcArray2, Array1, Array2, ArrayView2, Axis};

/// LayerNorm, or its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm<T> {
    /// w, (dim).
    pub weight: Array1<T>,
    /// b, (dim).
    pub bias: Option<Array1<T>>,
    /// ε: keeps r finite where all of x is the same.
    pub epsilon: T,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (tokens, dim).
    pub x: ArcArray2<T>,
    /// m, (tokens).
    pub mean: Array1<T>,
    /// r, (tokens).
    pub inverse_deviation: Array1<T>,
}

impl<T> Saved<T> {
    /// Bytes held: tokens (dim + 2) elements.
    pub fn bytes(&self) -> usize {
        (self.x.len() + self.mean.len() + self.inverse_deviation.len()) * size_of::<T>()
    }
}

impl<T: Float> LayerNorm<T> {
    /// With weights of one and biases of zero.
    pub fn new(dim: usize, bias: bool, epsilon: T) -> LayerNorm<T> {
        LayerNorm { weight: Array1::ones(dim), bias: bias.then(|| Array1::zeros(dim)), epsilon }
    }

    /// The normed x (tokens, dim).
    ///
    /// ```
    /// use layers::{Threads, norm::LayerNorm};
    /// use ndarray::array;
    ///
    /// let norm = LayerNorm::new(2, true, 0.0);
    /// assert_eq!(norm.infer(array![[1.0, 7.0]].view(), Threads::ONE)?, array![[-1.0, 1.0]]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns, or the bias not `dim` elements.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        self.normed(x, threads).map(|(y, ..)| y)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// As [`infer`](Self::infer).
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        let x = rows::contiguous(x.into());
        let (y, mean, inverse_deviation) = self.normed(x.view(), threads)?;
        Ok((y, Saved { x, mean, inverse_deviation }))
    }

    /// y, m and r.
    fn normed(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<(Array2<T>, Array1<T>, Array1<T>)> {
        let dim = self.weight.len();
        super::check(x.shape(), dim)?;
        let zeros = Array1::zeros(dim);
        let bias = self.bias.as_ref().unwrap_or(&zeros);
        expect("the bias", bias.shape(), &[dim], "there are dim weights")?;
        let x = x.as_standard_layout();
        let (count, epsilon) = (T::of(dim as f64), self.epsilon);
        let (weight, bias) = (self.weight.as_standard_layout(), bias.as_standard_layout());
        let (weight, bias) = (rows::slice(&weight), rows::slice(&bias));
        let mut y = Array2::zeros(x.raw_dim());
        let (mut means, mut deviations) = (Array1::zeros(x.nrows()), Array1::zeros(x.nrows()));
        let statistics = means.axis_chunks_iter_mut(Axis(0), rows::BLOCK);
        let statistics = statistics.zip(deviations.axis_chunks_iter_mut(Axis(0), rows::BLOCK));
        let tasks = rows::blocks_mut(&mut y).zip(statistics).zip(rows::blocks(&x));
        rows::worthwhile(threads, x.len()).for_each(tasks, |((mut y, (mut means, mut deviations)), x)| {
            let (y, x) = (rows::slice_mut(&mut y), rows::slice(&x));
            simd::vectorised(
                #[inline(always)]
                || {
                    let rows = y.chunks_exact_mut(dim).zip(x.chunks_exact(dim));
                    for ((y, x), (mean, r)) in rows.zip(means.iter_mut().zip(&mut deviations)) {
                        let [sum] = sums(x, |_, x| [x]);
                        let about = sum / count;
                        let [rest, squares] = sums(x, |_, x| [x - about, (x - about) * (x - about)]);
                        let correction = rest / count;
                        *mean = about + correction;
                        *r = T::one() / (squares / count - correction * correction + epsilon).sqrt();
                        for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
                            *y = (x - *mean) * *r * weight[i] + bias[i];
                        }
                    }
                },
            );
        });
        Ok((y, means, deviations))
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
    ) -> Result<(Array2<T>, LayerNorm<T>)> {
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
        let statistics = saved.mean.axis_chunks_iter(Axis(0), rows::BLOCK);
        let statistics = statistics.zip(saved.inverse_deviation.axis_chunks_iter(Axis(0), rows::BLOCK));
        let inputs = rows::blocks(&x).zip(rows::blocks(&gradient)).zip(statistics);
        let tasks = outputs.zip(inputs);
        rows::worthwhile(threads, x.len()).for_each(tasks, |((mut dx, mut dw), ((x, dy), (means, rs)))| {
            let (dx, x, dy) = (rows::slice_mut(&mut dx), rows::slice(&x), rows::slice(&dy));
            let dw = rows::slice_mut(&mut dw);
            simd::vectorised(
                #[inline(always)]
                || {
                    let inputs = x.chunks_exact(dim).zip(dy.chunks_exact(dim)).zip(means.iter().zip(rs));
                    for (dx, ((x, dy), (&mean, &r))) in dx.chunks_exact_mut(dim).zip(inputs) {
                        let [sum, along_x] = sums(x, |i, x| {
                            let g = weight[i] * dy[i];
                            [g, g * (x - mean)]
                        });
                        let (mean_g, factor) = (sum / count, r * r * along_x / count);
                        for (i, (dx, dw)) in dx.iter_mut().zip(&mut *dw).enumerate() {
                            let centred = x[i] - mean;
                            *dx = r * (weight[i] * dy[i] - mean_g - centred * factor);
                            *dw += dy[i] * centred * r;
                        }
                    }
                },
            );
        });
        let bias = self.bias.is_some().then(|| rows::sum(gradient.view(), threads));
        Ok((dx, LayerNorm { weight: d_weight.sum_axis(Axis(0)), bias, epsilon: self.epsilon }))
    }
}

impl<T: Float> Parameters<T> for LayerNorm<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        let bias = self.bias.as_ref().map(|bias| parameter("bias", bias.view()));
        std::iter::once(parameter("weight", self.weight.view())).chain(bias).collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let bias = self.bias.as_mut().map(|bias| parameter_mut("bias", bias.view_mut()));
        std::iter::once(parameter_mut("weight", self.weight.view_mut())).chain(bias).collect()
    }
}
