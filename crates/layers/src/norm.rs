//! Norms: each token's vector is brought to a common size, element by element rescaled by what was learned.
//!
//! ```text
//! RMSNorm      y = w x / √(mean(x²) + ε)
//! LayerNorm    y = w (x - mean(x)) / √(mean((x - mean(x))²) + ε) + b
//! ```
//!
//! A row is a token; rows have nothing to do with each other. Saved: the input, and of each row its
//! statistics, one number or two. The backward pass computes the rest anew: that is cheaper than to load it.
//!
//! Sums over a row go into 32 partial sums side by side, which are then added in pairs: that is what vectors
//! do well, and the rounding error grows with dim / 32 rather than with dim.

mod layer;
mod rms;
#[cfg(test)]
mod tests;

pub use layer::{LayerNorm, Saved as LayerNormSaved};
pub use rms::{RmsNorm, Saved as RmsNormSaved};

use crate::error::expect;
use crate::parameters::{Parameter, ParameterMut, Parameters};
use crate::{Error, Float, Result, Threads};
use ndarray::{ArcArray2, Array2, ArrayView2};

/// One of the norms, for what can be built with either.
#[derive(Clone, Debug, PartialEq)]
pub enum Norm<T> {
    /// As in Llama.
    Rms(RmsNorm<T>),
    /// As in the first transformers, and GPT-2.
    Layer(LayerNorm<T>),
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub enum Saved<T> {
    /// Of RMSNorm.
    Rms(RmsNormSaved<T>),
    /// Of LayerNorm.
    Layer(LayerNormSaved<T>),
}

impl<T> Saved<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Saved::Rms(saved) => saved.bytes(),
            Saved::Layer(saved) => saved.bytes(),
        }
    }
}

impl<T: Float> Norm<T> {
    /// Elements of a token.
    pub fn dim(&self) -> usize {
        match self {
            Norm::Rms(norm) => norm.weight.len(),
            Norm::Layer(norm) => norm.weight.len(),
        }
    }

    /// The normed x (tokens, dim).
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        match self {
            Norm::Rms(norm) => norm.infer(x, threads),
            Norm::Layer(norm) => norm.infer(x, threads),
        }
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        match self {
            Norm::Rms(norm) => norm.forward(x, threads).map(|(y, saved)| (y, Saved::Rms(saved))),
            Norm::Layer(norm) => norm.forward(x, threads).map(|(y, saved)| (y, Saved::Layer(saved))),
        }
    }

    /// The gradients of the input and of the norm, given that of the output.
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output.
    ///
    /// # Panics
    ///
    /// If `saved` is of the other norm.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<(Array2<T>, Norm<T>)> {
        match (self, saved) {
            (Norm::Rms(norm), Saved::Rms(saved)) => {
                norm.backward(saved, gradient, threads).map(|(dx, norm)| (dx, Norm::Rms(norm)))
            }
            (Norm::Layer(norm), Saved::Layer(saved)) => {
                norm.backward(saved, gradient, threads).map(|(dx, norm)| (dx, Norm::Layer(norm)))
            }
            _ => panic!("what the forward pass of another norm saved"),
        }
    }
}

impl<T: Float> Parameters<T> for Norm<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        match self {
            Norm::Rms(norm) => norm.parameters(),
            Norm::Layer(norm) => norm.parameters(),
        }
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        match self {
            Norm::Rms(norm) => norm.parameters_mut(),
            Norm::Layer(norm) => norm.parameters_mut(),
        }
    }
}

/// That x is (tokens, dim), and dim at least 1.
fn check(x: &[usize], dim: usize) -> Result<()> {
    if dim == 0 {
        return Err(Error::Number {
            what: "the dimension",
            given: "0".into(),
            expected: "at least 1".into(),
        });
    }
    expect("x", x, &[x[0], dim], "(tokens, dim), and there are dim weights")
}

/// Partial sums of a row: two vectors of f32 with AVX-512.
const LANES: usize = 32;

/// The sum of f of each element, or of several sums at once.
#[inline(always)]
fn sums<T: Float, const N: usize>(row: &[T], f: impl Fn(usize, T) -> [T; N]) -> [T; N] {
    let mut lanes = [[T::zero(); LANES]; N];
    let (whole, rest) = row.as_chunks::<LANES>();
    for (chunk, row) in whole.iter().enumerate() {
        for (lane, &x) in row.iter().enumerate() {
            let terms = f(chunk * LANES + lane, x);
            for (lanes, term) in lanes.iter_mut().zip(terms) {
                lanes[lane] += term;
            }
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        let terms = f(whole.len() * LANES + lane, x);
        for (lanes, term) in lanes.iter_mut().zip(terms) {
            lanes[lane] += term;
        }
    }
    lanes.map(|mut lanes| {
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        lanes[0]
    })
}
