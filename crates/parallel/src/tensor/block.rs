//! A transformer block cut up among ranks: its attention by heads, its network by hidden elements.
//!
//! ```text
//! tensor parallel      x ─┬─ norm ─f─ attention ─f̄─(+)─ h ─┬─ norm ─f─ feed-forward ─f̄─(+)─ y     all tokens
//!                         └─────────────────────────┘       └───────────────────────────┘
//! sequence parallel    x ─┬─ norm ─g─ attention ─ḡ─(+)─ h ─┬─ norm ─g─ feed-forward ─ḡ─(+)─ y     own tokens
//!                         └─────────────────────────┘       └───────────────────────────┘
//! ```
//!
//! Norms and residuals treat each token alone, so they can be done for all tokens by every rank, or for its
//! own by each: [`Edges`] says. In the second case each rank's gradient of a norm (and of a bias after ḡ) is
//! the sum over its own tokens; they are added up, all in one all-reduce.
//!
//! Cost: two all-reduces forward and two backward; or two all-gathers and two reduce-scatters each way, which
//! send as much, and backward two more all-gathers if shards are kept. See [`costs`](super::costs) and
//! [`memory`](super::memory).
//!
//! Source: Korthikanti et al., *Reducing Activation Recomputation in Large Transformer Models*, 2022.

use super::attention::{self, Attention};
use super::feed_forward::{self, FeedForward};
use super::{Edges, Ranks};
use crate::shapes::{by_sequence, by_token, contiguous, shared_by_token};
use crate::{Float, Result};
use layers::multi_head::Call;
use layers::norm::{self, Norm};
use layers::{Parameter, ParameterMut, Parameters};
use ndarray::{ArcArray, Array3, ArrayViewMutD, Ix3};

/// A rank's part of a pre-norm transformer block, or its gradient. Every rank has all of the norms.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<T> {
    /// Before the attention.
    pub attention_norm: Norm<T>,
    /// Between tokens: the heads of this rank.
    pub attention: Attention<T>,
    /// Before the network.
    pub feed_forward_norm: Norm<T>,
    /// For each token: the hidden elements of this rank.
    pub feed_forward: FeedForward<T>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// Of the norm before the attention; it holds x.
    pub attention_norm: norm::Saved<T>,
    /// Of the attention.
    pub attention: attention::Saved<T>,
    /// Of the norm before the network; it holds h.
    pub feed_forward_norm: norm::Saved<T>,
    /// Of the network.
    pub feed_forward: feed_forward::Saved<T>,
}

impl<T> Saved<T> {
    /// Bytes held: see [`memory`](super::memory) for the formula.
    pub fn bytes(&self) -> usize {
        let Saved { attention_norm, attention, feed_forward_norm, feed_forward } = self;
        attention_norm.bytes() + attention.bytes() + feed_forward_norm.bytes() + feed_forward.bytes()
    }
}

impl<T: Float> Block<T> {
    /// A rank's part of a block.
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or the attention's matrices don't have its sizes.
    pub fn from_full(block: &layers::Block<T>, ranks: usize, rank: usize) -> Result<Block<T>> {
        Ok(Block {
            attention_norm: block.attention_norm.clone(),
            attention: Attention::from_full(&block.attention, ranks, rank)?,
            feed_forward_norm: block.feed_forward_norm.clone(),
            feed_forward: FeedForward::from_full(&block.feed_forward, ranks, rank),
        })
    }

    /// The block, put together again, on every rank.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks: before anything is sent. If the
    /// world has failed.
    #[track_caller]
    pub fn to_full(&self, ranks: &Ranks<'_>) -> Result<layers::Block<T>> {
        Ok(layers::Block {
            attention_norm: self.attention_norm.clone(),
            attention: self.attention.to_full(ranks)?,
            feed_forward_norm: self.feed_forward_norm.clone(),
            feed_forward: self.feed_forward.to_full(ranks)?,
        })
    }

    /// y (B, T or T_r, dim), for x of the same shape, and what the backward pass needs. The call is that of
    /// all heads and all tokens.
    ///
    /// ```
    /// use collectives::World;
    /// use layers::feed_forward::{FeedForward, SwiGlu};
    /// use layers::{Mask, MultiHeadAttention, Options, Threads};
    /// use layers::multi_head::{Call, Sizes};
    /// use layers::norm::{Norm, RmsNorm};
    /// use ndarray::{Array3, s};
    /// use parallel::tensor::{Block, Edges, Keep, Ranks};
    ///
    /// let rng = &mut fastrand::Rng::with_seed(1);
    /// let full = layers::Block::<f64> {
    ///     attention_norm: Norm::Rms(RmsNorm::new(6, 1e-5)),
    ///     attention: MultiHeadAttention::random(Sizes::new(6, 3)?, false, rng),
    ///     feed_forward_norm: Norm::Rms(RmsNorm::new(6, 1e-5)),
    ///     feed_forward: FeedForward::SwiGlu(SwiGlu::random(6, 16, false, rng)),
    /// };
    /// let call = Call { options: Options::masked(Mask::causal()).threads(Threads::ONE), ..Call::default() };
    /// let x = Array3::from_shape_fn((1, 5, 6), |(_, t, d)| ((t * 7 + d * 3) % 5) as f64);
    /// let expected = full.infer(x.view(), &call)?;
    ///
    /// // Tokens 0 to 2 on rank 0, 3 and 4 on rank 1.
    /// let shards = World::new(2).run(|comm| {
    ///     let ranks = Ranks::for_heads(comm, 3, 3)?;
    ///     let block = Block::from_full(&full, comm.size(), comm.rank())?;
    ///     let own = if comm.rank() == 0 { 0..3 } else { 3..5 };
    ///     let edges = Edges::GatherScatter { tokens: 5, keep: Keep::Shard };
    ///     let (y, _) = block.forward(&ranks, edges, x.slice(s![.., own.clone(), ..]).to_owned(), &call)?;
    ///     Ok((&y - &expected.slice(s![.., own, ..])).iter().all(|error| error.abs() < 1e-12))
    /// })?;
    /// assert_eq!(shards, [true, true]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if x doesn't fit the block and the
    /// edges, `ranks` don't know who shares their key-value head, or the mask is that of a part: before
    /// anything is sent. If mask or positions don't fit, or the world has failed.
    #[track_caller]
    pub fn forward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        x: impl Into<ArcArray<T, Ix3>>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, Saved<T>)> {
        let x = contiguous(x.into());
        edges.expect_x(ranks, x.shape(), self.attention_norm.dim())?;
        let ((batch, tokens, _), threads) = (x.dim(), call.options.threads);
        let (normed, attention_norm) = self.attention_norm.forward(shared_by_token(x.clone()), threads)?;
        let (mut h, attention) =
            self.attention.forward(ranks, edges, by_sequence(normed, (batch, tokens)), call)?;
        h += &x;
        let h = h.into_shared();
        let (normed, feed_forward_norm) =
            self.feed_forward_norm.forward(shared_by_token(h.clone()), threads)?;
        let (mut y, feed_forward) =
            self.feed_forward.forward(ranks, edges, by_sequence(normed, (batch, tokens)), threads)?;
        y += &h;
        Ok((y, Saved { attention_norm, attention, feed_forward_norm, feed_forward }))
    }

    /// The gradients of x and of this rank's part, given that of y. What was saved is consumed: its memory
    /// becomes free on the way.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if the gradient's shape isn't that
    /// of y, if `call` doesn't fit what was saved, or the world has failed.
    #[track_caller]
    pub fn backward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: Saved<T>,
        gradient: impl Into<ArcArray<T, Ix3>>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, Block<T>)> {
        let (dy, threads) = (gradient.into(), call.options.threads);
        let (batch, tokens, _) = dy.dim();
        let Saved { attention_norm, attention, feed_forward_norm, feed_forward } = saved;
        let (d_normed, feed_forward) =
            self.feed_forward.backward_of_own_tokens(ranks, edges, feed_forward, dy.clone(), threads)?;
        let d_normed = by_token(d_normed.view());
        let (dh, feed_forward_norm) =
            self.feed_forward_norm.backward(&feed_forward_norm, d_normed.view(), threads)?;
        let dh = (by_sequence(dh, (batch, tokens)) + &dy).into_shared();

        let (d_normed, attention) =
            self.attention.backward_of_own_tokens(ranks, edges, attention, dh.clone(), call)?;
        let d_normed = by_token(d_normed.view());
        let (dx, attention_norm) = self.attention_norm.backward(&attention_norm, d_normed.view(), threads)?;
        let dx = by_sequence(dx, (batch, tokens)) + &dh;

        let mut block = Block { attention_norm, attention, feed_forward_norm, feed_forward };
        edges.sum_over_shards(ranks, block.of_own_tokens())?;
        Ok((dx, block))
    }

    /// The gradients that only know this rank's tokens, if it doesn't have all.
    fn of_own_tokens(&mut self) -> Vec<ArrayViewMutD<'_, T>> {
        let Block { attention_norm, attention, feed_forward_norm, feed_forward } = self;
        let norms = attention_norm.parameters_mut().into_iter().chain(feed_forward_norm.parameters_mut());
        let mut all: Vec<_> = norms.map(|parameter| parameter.values).collect();
        all.extend(attention.of_own_tokens());
        all.extend(feed_forward.of_own_tokens());
        all
    }
}

impl<T: Float> Parameters<T> for Block<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        super::cut::within("input_layernorm.", self.attention_norm.parameters())
            .chain(super::cut::within("self_attn.", self.attention.parameters()))
            .chain(super::cut::within("post_attention_layernorm.", self.feed_forward_norm.parameters()))
            .chain(super::cut::within("mlp.", self.feed_forward.parameters()))
            .collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        super::cut::within_mut("input_layernorm.", self.attention_norm.parameters_mut())
            .chain(super::cut::within_mut("self_attn.", self.attention.parameters_mut()))
            .chain(super::cut::within_mut(
                "post_attention_layernorm.",
                self.feed_forward_norm.parameters_mut(),
            ))
            .chain(super::cut::within_mut("mlp.", self.feed_forward.parameters_mut()))
            .collect()
    }
}
