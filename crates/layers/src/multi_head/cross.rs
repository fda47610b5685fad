//! Cross-attention: queries of one sequence, keys and values of another, such as a decoder's of what was
//! encoded.
//!
//! ```text
//! x      (B, Tq, dim) ──Wq──► q (B, H, Tq, D) ─┐
//!        ┌──Wk──► k (B, G, Tk, D) ─────────────┼─► attention ──Wo──► y (B, Tq, dim)
//! memory ┴──Wv──► v (B, G, Tk, D) ─────────────┘
//! (B, Tk, dim)
//! ```

use super::heads::{Sizes, by_heads};
use super::projections::Part;
use super::{Call, MultiHeadAttention, Projected, Saved};
use crate::error::{Error, Result, expect};
use crate::{Float, rows};
use ndarray::{ArcArray, Array2, Array3, ArrayView3, Ix3, s};

/// The gradients of a cross-attention.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossGradients<T> {
    /// Of x, (B, Tq, dim).
    pub x: Array3<T>,
    /// Of the other sequence, (B, Tk, dim).
    pub memory: Array3<T>,
    /// Of the parameters.
    pub layer: MultiHeadAttention<T>,
}

impl<T: Float> MultiHeadAttention<T> {
    /// The attention of x (B, Tq, dim) over another sequence (B, Tk, dim): (B, Tq, dim).
    ///
    /// # Errors
    ///
    /// If shapes don't fit: of x, of the other sequence, of the parameters, of the mask, of the positions.
    pub fn infer_cross(
        &self,
        x: ArrayView3<'_, T>,
        memory: ArrayView3<'_, T>,
        call: &Call<'_, T>,
    ) -> Result<Array3<T>> {
        let projected = self.project_cross(x, memory, call)?;
        let (attended, _) = self.attend(&projected, &call.options)?;
        self.project_output(attended.view(), call.options.threads)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// As [`infer_cross`](Self::infer_cross).
    pub fn forward_cross(
        &self,
        x: impl Into<ArcArray<T, Ix3>>,
        memory: impl Into<ArcArray<T, Ix3>>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, Saved<T>)> {
        let (x, memory) = (rows::contiguous(x.into()), rows::contiguous(memory.into()));
        let projected = self.project_cross(x.view(), memory.view(), call)?;
        let (attended, lse) = self.attend(&projected, &call.options)?;
        let y = self.project_output(attended.view(), call.options.threads)?;
        Ok((y, Saved { x, memory: Some(memory), projected, attended, lse }))
    }

    /// The gradients, given that of the output, (B, Tq, dim).
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output, or `saved` is that of a self-attention.
    pub fn backward_cross(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView3<'_, T>,
        call: &Call<'_, T>,
    ) -> Result<CrossGradients<T>> {
        let Some(memory) = &saved.memory else {
            let (given, expected) = ("none".into(), "one that a cross-attention saved".into());
            return Err(Error::Number { what: "the other sequence", given, expected });
        };
        let threads = call.options.threads;
        let (d_attended, output) = self.project_output_backward(saved.attended.view(), gradient, threads)?;
        let mut gradients = self.attend_backward(saved, d_attended.view(), &call.options)?;
        if let Some(rotary) = &self.rotary {
            rotary.rotate_back(gradients.query.view_mut(), call.positions, threads)?;
            rotary.rotate_back(gradients.key.view_mut(), call.memory_positions, threads)?;
        }

        let Sizes { kv_heads, head_dim, .. } = self.sizes;
        let (batch, keys, _) = memory.dim();
        let d_key_value = Array2::zeros((batch * keys, 2 * kv_heads * head_dim));
        let mut d_key_value = by_heads(d_key_value, (batch, keys), head_dim); // (B, 2G, Tk, D)
        d_key_value.slice_mut(s![.., ..kv_heads, .., ..]).assign(&gradients.key);
        d_key_value.slice_mut(s![.., kv_heads.., .., ..]).assign(&gradients.value);

        let mut inputs = self.inputs.zero_gradient();
        let (x, d_query) = (saved.x.view(), gradients.query.view());
        let x = self.inputs.backward(Part::Query, &self.sizes, x, d_query, &mut inputs, threads)?;
        let (memory, d_key_value) = (memory.view(), d_key_value.view());
        let memory =
            self.inputs.backward(Part::KeyValue, &self.sizes, memory, d_key_value, &mut inputs, threads)?;
        Ok(CrossGradients { x, memory, layer: self.with(inputs, output) })
    }

    fn project_cross(
        &self,
        x: ArrayView3<'_, T>,
        memory: ArrayView3<'_, T>,
        call: &Call<'_, T>,
    ) -> Result<Projected<T>> {
        let dim = self.sizes.dim;
        let because = "(B, Tk, dim), with the batch of x";
        expect("the other sequence", memory.shape(), &[x.dim().0, memory.dim().1, dim], because)?;
        let threads = call.options.threads;
        let query = self.project_query(x, call.positions, threads)?.into_shared();
        let [key, value] = self.project_key_value(memory, call.memory_positions, threads)?;
        Ok(Projected { query, key, value })
    }
}
