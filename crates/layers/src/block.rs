//! A transformer block: attention between tokens, then a network for each token; both added to what comes in.
//!
//! ```text
//! x ──┬── norm ── attention ──(+)── h ──┬── norm ── feed-forward ──(+)── y           (B, T, dim)
//!     └───────────────────────┘        └──────────────────────────┘
//! ```
//!
//! The norms stand before what they serve (*pre-norm*), so that x reaches y through additions alone, and
//! gradients likewise: dx = dh + the first branch's, dh = dy + the second's.
//!
//! Saved: what the four parts save; the sums are inputs of norms, so nothing besides. With LayerNorm, plain
//! heads of dim / H and an MLP of 4 dim that is 16 w elements of dim for each token, and statistics: the
//! count of Korthikanti et al., *Reducing Activation Recomputation in Large Transformer Models* (2022),
//! without dropout and without the T² of scores.
//!
//! Source: Xiong et al., *On Layer Normalization in the Transformer Architecture*, 2020; Touvron et al.,
//! *LLaMA*, 2023.

use crate::error::{Result, expect};
use crate::feed_forward::{self, FeedForward};
use crate::multi_head::{self, Call, MultiHeadAttention};
use crate::norm::{self, Norm};
use crate::parameters::{Parameter, ParameterMut, Parameters, within, within_mut};
use crate::{Float, Threads, rows};
use ndarray::{ArcArray, Array2, Array3, ArrayView2, ArrayView3, Ix3};

#[cfg(test)]
mod tests;

/// A pre-norm transformer block, or its gradient. Its parameters are named as in Llama.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<T> {
    /// Before the attention.
    pub attention_norm: Norm<T>,
    /// Between tokens.
    pub attention: MultiHeadAttention<T>,
    /// Before the network.
    pub feed_forward_norm: Norm<T>,
    /// For each token.
    pub feed_forward: FeedForward<T>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// Of the norm before the attention; it holds x.
    pub attention_norm: norm::Saved<T>,
    /// Of the attention.
    pub attention: multi_head::Saved<T>,
    /// Of the norm before the network; it holds h.
    pub feed_forward_norm: norm::Saved<T>,
    /// Of the network.
    pub feed_forward: feed_forward::Saved<T>,
}

impl<T> Saved<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let Saved { attention_norm, attention, feed_forward_norm, feed_forward } = self;
        attention_norm.bytes() + attention.bytes() + feed_forward_norm.bytes() + feed_forward.bytes()
    }
}

impl<T: Float> Block<T> {
    /// y for x (B, T, dim): (B, T, dim). The call is that of the attention.
    ///
    /// ```
    /// use layers::{Block, MultiHeadAttention, feed_forward::{FeedForward, SwiGlu}};
    /// use layers::{multi_head::{Call, Sizes}, norm::{Norm, RmsNorm}};
    /// use ndarray::Array3;
    ///
    /// let rng = &mut fastrand::Rng::with_seed(1);
    /// let block = Block::<f32> {
    ///     attention_norm: Norm::Rms(RmsNorm::new(32, 1e-5)),
    ///     attention: MultiHeadAttention::random(Sizes::new(32, 4)?, false, rng),
    ///     feed_forward_norm: Norm::Rms(RmsNorm::new(32, 1e-5)),
    ///     feed_forward: FeedForward::SwiGlu(SwiGlu::random(32, 80, false, rng)),
    /// };
    /// let y = block.infer(Array3::ones((1, 10, 32)).view(), &Call::default())?;
    /// assert_eq!(y.dim(), (1, 10, 32));
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If shapes don't fit: of x, of the parameters, of the mask, of the positions.
    pub fn infer(&self, x: ArrayView3<'_, T>, call: &Call<'_, T>) -> Result<Array3<T>> {
        let (shape, threads) = (x.dim(), call.options.threads);
        let x = rows::flat(x);
        let normed = self.attention_norm.infer(x.view(), threads)?;
        let mut h = by_token(self.attention.infer(by_sequence(normed, shape).view(), call)?);
        add(&mut h, x.view(), threads)?;
        let normed = self.feed_forward_norm.infer(h.view(), threads)?;
        let mut y = self.feed_forward.infer(normed.view(), threads)?;
        add(&mut y, h.view(), threads)?;
        Ok(by_sequence(y, shape))
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
        let (shape, threads) = (x.dim(), call.options.threads);
        let x = x.into_shape_with_order((shape.0 * shape.1, shape.2)).expect("(B, T, dim) to (B T, dim)");
        let (normed, attention_norm) = self.attention_norm.forward(x.clone(), threads)?;
        let (h, attention) = self.attention.forward(by_sequence(normed, shape), call)?;
        let mut h = by_token(h);
        add(&mut h, x.view(), threads)?;
        let h = h.into_shared();
        let (normed, feed_forward_norm) = self.feed_forward_norm.forward(h.clone(), threads)?;
        let (mut y, feed_forward) = self.feed_forward.forward(normed, threads)?;
        add(&mut y, h.view(), threads)?;
        Ok((by_sequence(y, shape), Saved { attention_norm, attention, feed_forward_norm, feed_forward }))
    }

    /// The gradients of x and of the block, given that of y, (B, T, dim).
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of y, or `call` doesn't fit what was saved.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView3<'_, T>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, Block<T>)> {
        let (shape, threads) = (saved.attention.x.dim(), call.options.threads);
        expect("the gradient", gradient.shape(), saved.attention.x.shape(), "(B, T, dim), as y")?;
        let dy = rows::flat(gradient);
        let (d_normed, feed_forward) = self.feed_forward.backward(&saved.feed_forward, dy.view(), threads)?;
        let (mut dh, feed_forward_norm) =
            self.feed_forward_norm.backward(&saved.feed_forward_norm, d_normed.view(), threads)?;
        add(&mut dh, dy.view(), threads)?;
        let dh = by_sequence(dh, shape);
        let (d_normed, attention) = self.attention.backward(&saved.attention, dh.view(), call)?;
        let (mut dx, attention_norm) =
            self.attention_norm.backward(&saved.attention_norm, by_token(d_normed).view(), threads)?;
        add(&mut dx, by_token(dh).view(), threads)?;
        Ok((by_sequence(dx, shape), Block { attention_norm, attention, feed_forward_norm, feed_forward }))
    }
}

impl<T: Float> Parameters<T> for Block<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        [
            within("input_layernorm.", &self.attention_norm),
            within("self_attn.", &self.attention),
            within("post_attention_layernorm.", &self.feed_forward_norm),
            within("mlp.", &self.feed_forward),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        [
            within_mut("input_layernorm.", &mut self.attention_norm),
            within_mut("self_attn.", &mut self.attention),
            within_mut("post_attention_layernorm.", &mut self.feed_forward_norm),
            within_mut("mlp.", &mut self.feed_forward),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// (B T, dim) as (B, T, dim).
fn by_sequence<T>(x: Array2<T>, shape: (usize, usize, usize)) -> Array3<T> {
    x.into_shape_with_order(shape).expect("(B T, dim) to (B, T, dim)")
}

/// (B, T, dim) as (B T, dim), of an array that lies so.
fn by_token<T>(x: Array3<T>) -> Array2<T> {
    let (batch, tokens, dim) = x.dim();
    x.into_shape_with_order((batch * tokens, dim)).expect("(B, T, dim) to (B T, dim)")
}

/// a += b: a residual.
fn add<T: Float>(a: &mut Array2<T>, b: ArrayView2<'_, T>, threads: Threads) -> Result<()> {
    expect("what is added to a residual", a.shape(), b.shape(), "(B T, dim), as what came in")?;
    rows::each_with(rows::slice_mut(a), rows::slice(&b), threads, |a, b| a + b);
    Ok(())
}
