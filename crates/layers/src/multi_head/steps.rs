//! The three steps of self-attention, for those who have something to do between them, such as to exchange
//! heads with other ranks.
//!
//! ```text
//!          x ── project ──► q, k, v ── attend ──► heads' output ── project_output ──► y
//!         dx ◄─ project ─── dq, dk, dv ◄─ attend ── d output ◄──── project_output ─── dy
//!               _backward                 _backward                _backward
//! ```

use super::heads::{Projected, Sizes, by_heads, by_tokens, lying_by_tokens};
use super::projections::{Part, Projections};
use super::{MultiHeadAttention, Saved};
use crate::error::{Result, expect};
use crate::rotary::Positions;
use crate::{Float, Linear, Options, Threads, rows};
use attention::algorithm::{Gradients, Upstream};
use ndarray::{ArcArray, Array2, Array3, Array4, ArrayView3, ArrayView4, Ix4, s};

impl<T: Float> MultiHeadAttention<T> {
    /// The first step: q, k and v of x (B, T, dim).
    ///
    /// # Errors
    ///
    /// If x or the positions don't fit.
    pub fn project(
        &self,
        x: ArrayView3<'_, T>,
        positions: Positions<'_>,
        threads: Threads,
    ) -> Result<Projected<T>> {
        self.check()?;
        let Sizes { heads, kv_heads, .. } = self.sizes;
        let mut all = self.inputs.project(Part::All, &self.sizes, x, threads)?; // (B, H + 2G, T, D)
        if let Some(rotary) = &self.rotary {
            let queries_and_keys = all.slice_mut(s![.., ..heads + kv_heads, .., ..]);
            rotary.rotate(queries_and_keys, positions, threads)?;
        }
        let all = all.into_shared();
        Ok(Projected {
            query: all.clone().slice_move(s![.., ..heads, .., ..]),
            key: all.clone().slice_move(s![.., heads..heads + kv_heads, .., ..]),
            value: all.slice_move(s![.., heads + kv_heads.., .., ..]),
        })
    }

    /// Half of the first step: q alone, (B, H, T, D), of x (B, T, dim). For those who have something to do with it
    /// while k and v are computed.
    ///
    /// # Errors
    ///
    /// If x or the positions don't fit.
    pub fn project_query(
        &self,
        x: ArrayView3<'_, T>,
        positions: Positions<'_>,
        threads: Threads,
    ) -> Result<Array4<T>> {
        self.check()?;
        let mut query = self.inputs.project(Part::Query, &self.sizes, x, threads)?; // (B, H, T, D)
        if let Some(rotary) = &self.rotary {
            rotary.rotate(query.view_mut(), positions, threads)?;
        }
        Ok(query)
    }

    /// The other half: k and v, (B, G, T, D) each, which are views of one array.
    ///
    /// # Errors
    ///
    /// If x or the positions don't fit.
    pub fn project_key_value(
        &self,
        x: ArrayView3<'_, T>,
        positions: Positions<'_>,
        threads: Threads,
    ) -> Result<[ArcArray<T, Ix4>; 2]> {
        self.check()?;
        let kv_heads = self.sizes.kv_heads;
        let mut key_value = self.inputs.project(Part::KeyValue, &self.sizes, x, threads)?; // (B, 2G, T, D)
        if let Some(rotary) = &self.rotary {
            let keys = key_value.slice_mut(s![.., ..kv_heads, .., ..]);
            rotary.rotate(keys, positions, threads)?;
        }
        let key_value = key_value.into_shared();
        let key = key_value.clone().slice_move(s![.., ..kv_heads, .., ..]);
        Ok([key, key_value.slice_move(s![.., kv_heads.., .., ..])])
    }

    /// The first step's gradients: of x and of the projections, given those of q, k and v.
    ///
    /// # Errors
    ///
    /// If shapes don't fit.
    pub fn project_backward(
        &self,
        x: ArrayView3<'_, T>,
        gradients: &Gradients<T>,
        positions: Positions<'_>,
        threads: Threads,
    ) -> Result<(Array3<T>, Projections<T>)> {
        self.check()?;
        let Sizes { heads, kv_heads, head_dim, .. } = self.sizes;
        let (batch, tokens, _) = x.dim();
        let because = "(B, heads, T, D), as x and the sizes say";
        let of = |heads| [batch, heads, tokens, head_dim];
        expect("the gradient of the queries", gradients.query.shape(), &of(heads), because)?;
        expect("the gradient of the keys", gradients.key.shape(), &of(kv_heads), because)?;
        expect("the gradient of the values", gradients.value.shape(), &of(kv_heads), because)?;

        let all = Array2::zeros((batch * tokens, (heads + 2 * kv_heads) * head_dim));
        let mut all = by_heads(all, (batch, tokens), head_dim); // (B, H + 2G, T, D)
        all.slice_mut(s![.., ..heads, .., ..]).assign(&gradients.query);
        all.slice_mut(s![.., heads..heads + kv_heads, .., ..]).assign(&gradients.key);
        all.slice_mut(s![.., heads + kv_heads.., .., ..]).assign(&gradients.value);
        if let Some(rotary) = &self.rotary {
            let queries_and_keys = all.slice_mut(s![.., ..heads + kv_heads, .., ..]);
            rotary.rotate_back(queries_and_keys, positions, threads)?;
        }
        let mut inputs = self.inputs.zero_gradient();
        let dx = self.inputs.backward(Part::All, &self.sizes, x, all.view(), &mut inputs, threads)?;
        Ok((dx, inputs))
    }

    /// The third step: Wo on what the heads put out, (B, H, T, D), gives (B, T, dim). What lies as (B, T, H,
    /// D) in memory isn't copied.
    ///
    /// # Errors
    ///
    /// If shapes don't fit.
    pub fn project_output(&self, attended: ArrayView4<'_, T>, threads: Threads) -> Result<Array3<T>> {
        self.check()?;
        let (batch, _, tokens, _) = attended.dim();
        let Sizes { dim, heads, head_dim, .. } = self.sizes;
        let because = "(B, H, T, D), as the sizes say";
        expect("what the heads put out", attended.shape(), &[batch, heads, tokens, head_dim], because)?;
        let y = self.output.infer(by_tokens(attended).view(), threads)?;
        Ok(y.into_shape_with_order((batch, tokens, dim)).expect("(B T, dim) to (B, T, dim)"))
    }

    /// The third step's gradients: of what the heads put out, (B, H, T, D), and of Wo, given that of the
    /// output, (B, T, dim).
    ///
    /// # Errors
    ///
    /// If shapes don't fit.
    pub fn project_output_backward(
        &self,
        attended: ArrayView4<'_, T>,
        gradient: ArrayView3<'_, T>,
        threads: Threads,
    ) -> Result<(Array4<T>, Linear<T>)> {
        self.check()?;
        let (batch, _, tokens, _) = attended.dim();
        let Sizes { dim, heads, head_dim, .. } = self.sizes;
        let because = "(B, H, T, D), as the sizes say";
        expect("what the heads put out", attended.shape(), &[batch, heads, tokens, head_dim], because)?;
        expect("the gradient", gradient.shape(), &[batch, tokens, dim], "(B, T, dim), as the output")?;
        let gradient = rows::flat(gradient);
        let output = self.output.gradient(by_tokens(attended).view(), gradient.view(), threads)?;
        let d_attended = self.output.input_gradient(gradient.view(), threads)?;
        Ok((by_heads(d_attended, (batch, tokens), head_dim), output))
    }

    /// The second step: what the heads put out, (B, H, T, D), lying as Wo wants it, and the log-sum-exp of
    /// the scores.
    pub(super) fn attend(
        &self,
        projected: &Projected<T>,
        options: &Options<'_, T>,
    ) -> Result<(Array4<T>, Array3<T>)> {
        let Projected { query, key, value } = projected;
        let attended = self.algorithm.forward(query.view(), key.view(), value.view(), options)?;
        Ok((lying_by_tokens(attended.output), attended.lse))
    }

    /// The second step's gradients: of q, k and v, given that of what the heads put out.
    pub(super) fn attend_backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        let Projected { query, key, value } = &saved.projected;
        let upstream = Upstream { gradient, output: saved.attended.view(), lse: saved.lse.view() };
        Ok(self.algorithm.backward(query.view(), key.view(), value.view(), upstream, options)?)
    }
}
