//! Two linear layers with an activation between: y = act(x W₁ᵀ + b₁) W₂ᵀ + b₂, the network of the first
//! transformers, with GELU since BERT and GPT.
//!
//! ```text
//! x ──W₁──► before ──act──► hidden ──W₂──► y             saved: x, before, hidden
//!
//! backward   d hidden = dy W₂      d before = d hidden ∘ act'(before)      dx = d before W₁
//! ```

use crate::activation::Activation;
use crate::error::Result;
use crate::parameters::{Parameter, ParameterMut, Parameters, within, within_mut};
use crate::{Float, Linear, Threads, rows};
use ndarray::{ArcArray2, Array2, ArrayView2};

/// The network, or its gradient. Its parameters are named as in Hugging Face's models of this kind: `fc1`,
/// `fc2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp<T> {
    /// W₁ (hidden, dim) and b₁.
    pub up: Linear<T>,
    /// W₂ (dim, hidden) and b₂.
    pub down: Linear<T>,
    /// Between them.
    pub activation: Activation,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (tokens, dim).
    pub x: ArcArray2<T>,
    /// What the activation got, (tokens, hidden).
    pub before: Array2<T>,
    /// What it made of it, (tokens, hidden).
    pub hidden: Array2<T>,
}

impl<T> Saved<T> {
    /// Bytes held: tokens (dim + 2 hidden) elements.
    pub fn bytes(&self) -> usize {
        (self.x.len() + self.before.len() + self.hidden.len()) * size_of::<T>()
    }
}

impl<T: Float> Mlp<T> {
    /// With random parameters: see [`Linear::random`].
    pub fn random(
        dim: usize,
        hidden: usize,
        bias: bool,
        activation: Activation,
        rng: &mut fastrand::Rng,
    ) -> Mlp<T> {
        let up = Linear::random(dim, hidden, bias, rng);
        Mlp { up, down: Linear::random(hidden, dim, bias, rng), activation }
    }

    /// The output for x (tokens, dim): (tokens, dim).
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        let mut hidden = self.up.infer(x, threads)?;
        self.activation.apply(rows::slice_mut(&mut hidden), threads);
        self.down.infer(hidden.view(), threads)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        let x = x.into();
        let before = self.up.infer(x.view(), threads)?;
        let mut hidden = before.clone();
        self.activation.apply(rows::slice_mut(&mut hidden), threads);
        let y = self.down.infer(hidden.view(), threads)?;
        Ok((y, Saved { x, before, hidden }))
    }

    /// The gradients of the input and of the network, given that of the output.
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<(Array2<T>, Mlp<T>)> {
        let down = self.down.gradient(saved.hidden.view(), gradient, threads)?;
        let mut d_before = self.down.input_gradient(gradient, threads)?;
        self.activation.apply_backward(rows::slice_mut(&mut d_before), rows::slice(&saved.before), threads);
        let up = self.up.gradient(saved.x.view(), d_before.view(), threads)?;
        let dx = self.up.input_gradient(d_before.view(), threads)?;
        Ok((dx, Mlp { up, down, activation: self.activation }))
    }
}

impl<T: Float> Parameters<T> for Mlp<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        [within("fc1.", &self.up), within("fc2.", &self.down)].into_iter().flatten().collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        [within_mut("fc1.", &mut self.up), within_mut("fc2.", &mut self.down)].into_iter().flatten().collect()
    }
}
