//! Attention of many heads: each looks at the tokens in a way of its own.
//!
//! ```text
//!        ┌─ Wq ──► q (B, H, T, D) ─turn─┐
//! x ─────┼─ Wk ──► k (B, G, T, D) ─turn─┼─► attention ──► (B, H, T, D) ──► Wo ──► y
//!        └─ Wv ──► v (B, G, T, D) ──────┘
//! (B, T, dim)                                                             (B, T, dim)
//!
//! G = H      multi-head attention (MHA)        each query head has keys and values of its own
//! 1 < G < H  grouped-query attention (GQA)     H / G query heads share them
//! G = 1      multi-query attention (MQA)       all share them
//! ```
//!
//! A projection writes the heads of a token one after the other, (B, T, heads, D). The attention sees them as
//! (B, heads, T, D): another order of axes, and nothing is copied. What turns is [`rotary`](crate::rotary),
//! if there is one.
//!
//! Saved: x, q, k, v (after turning), the attended output before Wo, and its log-sum-exp: nothing that grows
//! with T². In bytes, for elements of w bytes:
//!
//! ```text
//! w B T (dim + 2 H D + 2 G D + H)                self-attention
//! w B (Tq (dim + 2 H D + H) + Tk (dim + 2 G D))  cross-attention
//! ```
//!
//! Cost: 2 B T dim (2 H + 2 G) D operations for the projections and those of the attention; backward twice
//! and two and a half times as many.
//!
//! Sources: Vaswani et al., *Attention Is All You Need*, 2017; Shazeer, *Fast Transformer Decoding*, 2019
//! (MQA); Ainslie et al., *GQA*, 2023.

mod cross;
mod decode;
mod heads;
mod projections;
mod steps;
#[cfg(test)]
mod tests;

pub use cross::CrossGradients;
pub use heads::{Projected, Sizes};
pub use projections::Projections;
use projections::check_bias;

use crate::error::{Error, Result, expect};
use crate::parameters::{Parameter, ParameterMut, Parameters, parameter, parameter_mut, within, within_mut};
use crate::rotary::{Positions, Rotary};
use crate::{Algorithm, Float, Linear, Options, rows};
use ndarray::{ArcArray, Array3, Array4, ArrayView3, Ix3};
use std::sync::Arc;

/// The attention that layers are made with.
pub const ALGORITHM: Algorithm = Algorithm::Flash;

/// Multi-head attention, or its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiHeadAttention<T> {
    /// Heads, and their dimension.
    pub sizes: Sizes,
    /// Wq, Wk and Wv.
    pub inputs: Projections<T>,
    /// Wo, (dim, H D).
    pub output: Linear<T>,
    /// What turns queries and keys by their positions. Layers share it; it has no parameters.
    pub rotary: Option<Arc<Rotary<T>>>,
    /// Which attention computes it.
    pub algorithm: Algorithm,
}

/// What can be chosen for a call. The backward pass must be given the same as the forward pass.
#[derive(Clone, Debug, Default)]
pub struct Call<'a, T> {
    /// Mask, scale, dropout, and how many threads.
    pub options: Options<'a, T>,
    /// Where the tokens of x stand: for rotary positions. The mask has its own
    /// [`offset`](crate::Mask::offset).
    pub positions: Positions<'a>,
    /// Where the tokens of the other sequence stand, in cross-attention.
    pub memory_positions: Positions<'a>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (B, T, dim).
    pub x: ArcArray<T, Ix3>,
    /// The other sequence, in cross-attention: (B, Tk, dim).
    pub memory: Option<ArcArray<T, Ix3>>,
    /// q, k and v.
    pub projected: Projected<T>,
    /// What the heads put out, (B, H, T, D); it lies as (B, T, H, D).
    pub attended: Array4<T>,
    /// The log-sum-exp of each query's scores, (B, H, T).
    pub lse: Array3<T>,
}

impl<T> Saved<T> {
    /// Bytes held; see the module for the formula.
    pub fn bytes(&self) -> usize {
        let Saved { x, memory, projected: Projected { query, key, value }, attended, lse } = self;
        let inputs = x.len() + memory.as_ref().map_or(0, |memory| memory.len());
        (inputs + query.len() + key.len() + value.len() + attended.len() + lse.len()) * size_of::<T>()
    }
}

impl<T: Float> MultiHeadAttention<T> {
    /// With random parameters (see [`Linear::random`]) in separate projections, and without rotary positions.
    pub fn random(sizes: Sizes, bias: bool, rng: &mut fastrand::Rng) -> MultiHeadAttention<T> {
        let Sizes { dim, heads, kv_heads, head_dim } = sizes;
        let mut linear = |inputs, outputs| Linear::random(inputs, outputs, bias, rng);
        MultiHeadAttention {
            sizes,
            inputs: Projections::Separate {
                query: linear(dim, heads * head_dim),
                key: linear(dim, kv_heads * head_dim),
                value: linear(dim, kv_heads * head_dim),
            },
            output: linear(heads * head_dim, dim),
            rotary: None,
            algorithm: ALGORITHM,
        }
    }

    /// The same with its projections in one matrix, of which the first rows are Wq, the next Wk, the last Wv.
    /// Where some have a bias, those without get one of zeros.
    ///
    /// # Errors
    ///
    /// If matrices or biases aren't of the sizes that the heads say.
    pub fn fused(self) -> Result<MultiHeadAttention<T>> {
        self.check()?;
        Ok(MultiHeadAttention { inputs: self.inputs.fused(), ..self })
    }

    /// The same with a matrix for each projection.
    ///
    /// # Errors
    ///
    /// If the fused matrix isn't of the size that the heads say.
    pub fn separate(self) -> Result<MultiHeadAttention<T>> {
        self.check()?;
        Ok(MultiHeadAttention { inputs: self.inputs.separate(&self.sizes), ..self })
    }

    /// Self-attention of x (B, T, dim): (B, T, dim).
    ///
    /// ```
    /// use layers::{Mask, MultiHeadAttention, Options, multi_head::{Call, Sizes}};
    /// use ndarray::Array3;
    ///
    /// let sizes = Sizes { dim: 32, heads: 4, kv_heads: 2, head_dim: 8 };
    /// let layer = MultiHeadAttention::<f32>::random(sizes, false, &mut fastrand::Rng::with_seed(1));
    /// let call = Call { options: Options::masked(Mask::causal()), ..Call::default() };
    /// let y = layer.infer(Array3::ones((1, 10, 32)).view(), &call)?;
    /// assert_eq!(y.dim(), (1, 10, 32));
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If shapes don't fit: of x, of the parameters, of the mask, of the positions.
    pub fn infer(&self, x: ArrayView3<'_, T>, call: &Call<'_, T>) -> Result<Array3<T>> {
        let projected = self.project(x, call.positions, call.options.threads)?;
        let attended = self.attend(&projected, &call.options)?.0;
        self.project_output(attended.view(), call.options.threads)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// As [`infer`](Self::infer).
    pub fn forward(
        &self,
        x: impl Into<ArcArray<T, Ix3>>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, Saved<T>)> {
        let x = rows::contiguous(x.into());
        let projected = self.project(x.view(), call.positions, call.options.threads)?;
        let (attended, lse) = self.attend(&projected, &call.options)?;
        let y = self.project_output(attended.view(), call.options.threads)?;
        Ok((y, Saved { x, memory: None, projected, attended, lse }))
    }

    /// The gradients of x and of the layer, given that of the output, (B, T, dim).
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output, `call` doesn't fit what was saved, or that is of a
    /// cross-attention.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView3<'_, T>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, MultiHeadAttention<T>)> {
        if saved.memory.is_some() {
            let (given, expected) = ("that of a cross-attention".into(), "that of a self-attention".into());
            return Err(Error::Number { what: "what was saved", given, expected });
        }
        let threads = call.options.threads;
        let (d_attended, output) = self.project_output_backward(saved.attended.view(), gradient, threads)?;
        let gradients = self.attend_backward(saved, d_attended.view(), &call.options)?;
        let (dx, inputs) = self.project_backward(saved.x.view(), &gradients, call.positions, threads)?;
        Ok((dx, self.with(inputs, output)))
    }

    /// A layer of this kind with other parameters.
    fn with(&self, inputs: Projections<T>, output: Linear<T>) -> MultiHeadAttention<T> {
        MultiHeadAttention {
            sizes: self.sizes,
            inputs,
            output,
            rotary: self.rotary.clone(),
            algorithm: self.algorithm,
        }
    }

    /// That the parameters are of the shapes that the sizes say.
    fn check(&self) -> Result<()> {
        self.sizes.check()?;
        self.inputs.check(&self.sizes)?;
        let Sizes { dim, heads, head_dim, .. } = self.sizes;
        expect("Wo", self.output.weight.shape(), &[dim, heads * head_dim], "(dim, H D)")?;
        check_bias(&self.output)
    }
}

impl<T: Float> Parameters<T> for MultiHeadAttention<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        match &self.inputs {
            Projections::Separate { query, key, value } => {
                let parts =
                    [("q_proj.", query), ("k_proj.", key), ("v_proj.", value), ("o_proj.", &self.output)];
                parts.into_iter().flat_map(|(name, part)| within(name, part)).collect()
            }
            Projections::Fused(inputs) => {
                let weight = parameter("in_proj_weight", inputs.weight.view());
                let bias = inputs.bias.as_ref().map(|bias| parameter("in_proj_bias", bias.view()));
                let output = within("out_proj.", &self.output);
                std::iter::once(weight).chain(bias).chain(output).collect()
            }
        }
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let output = &mut self.output;
        match &mut self.inputs {
            Projections::Separate { query, key, value } => {
                let parts = [("q_proj.", query), ("k_proj.", key), ("v_proj.", value), ("o_proj.", output)];
                parts.into_iter().flat_map(|(name, part)| within_mut(name, part)).collect()
            }
            Projections::Fused(inputs) => {
                let weight = parameter_mut("in_proj_weight", inputs.weight.view_mut());
                let bias = inputs.bias.as_mut().map(|bias| parameter_mut("in_proj_bias", bias.view_mut()));
                let output = within_mut("out_proj.", output);
                std::iter::once(weight).chain(bias).chain(output).collect()
            }
        }
    }
}
