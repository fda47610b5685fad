//! A transformer block on a sequence that is cut by tokens.
//!
//! ```text
//!            own tokens   ┊  all ranks  ┊             own tokens
//! x ──┬── norm ── Wq Wk Wv ── attention ── Wo ──(+)── h ──┬── norm ── feed-forward ──(+)── y        (B, T_r, dim)
//!     └──────────────────────────────────────────┘        └──────────────────────────┘
//! ```
//!
//! Norms, network and residuals treat each token alone, so each rank does them for its own tokens, and with
//! them keeps its own alone. Every rank has all weights. Only attention looks at other tokens, and only there
//! ranks talk: a block is [`layers::Block`] with [`multi_head`] in place of its attention.
//!
//! Unlike in [`tensor`](crate::tensor), where ranks share out the weights, the sums of gradients are of *all*
//! of them; [`gradients::sum`](crate::gradients::sum) adds them up, one block at a time.
//!
//! Saved, in elements: those of [`multi_head`]; and for T_r tokens, by a network of F hidden elements,
//!
//! ```text
//! 2 B T_r dim                   inputs of the two norms
//! 2 B T_r, LayerNorm 4 B T_r    their statistics
//! B T_r dim                     input of the network
//! 2 B T_r F, SwiGLU 3 B T_r F   hidden elements, before and after the activation
//! ```

use crate::error::expect;
use crate::multi_head;
use crate::shapes::{by_sequence, by_token, flat, shared_by_token};
use crate::tensor::BlockSizes;
use crate::{Float, Result, SequenceParallelAttention, Strategy};
use layers::multi_head::Call;
use layers::{Block, feed_forward, norm};
use ndarray::{ArcArray, Array3, ArrayView3, Ix3};

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
    /// Bytes held; see the module for the formula.
    pub fn bytes(&self) -> usize {
        let Saved { attention_norm, attention, feed_forward_norm, feed_forward } = self;
        attention_norm.bytes() + attention.bytes() + feed_forward_norm.bytes() + feed_forward.bytes()
    }
}

/// y (B, T_r, dim) for this rank's tokens x (B, T_r, dim) of a sequence of `tokens` tokens, and what the
/// backward pass needs. All ranks call this with the same block, and the call of the whole sequence.
///
/// # Errors
///
/// As [`multi_head::forward`].
#[track_caller]
pub fn forward<T: Float>(
    block: &Block<T>,
    attention: &SequenceParallelAttention,
    tokens: usize,
    x: impl Into<ArcArray<T, Ix3>>,
    call: &Call<'_, T>,
) -> Result<(Array3<T>, Saved<T>)> {
    let x = x.into();
    let ((batch, own, _), threads) = (x.dim(), call.options.threads);
    let x = shared_by_token(x); // (B T_r, dim)
    let (normed, attention_norm) = block.attention_norm.forward(x.clone(), threads)?;
    let normed = by_sequence(normed, (batch, own));
    let (h, saved) = multi_head::forward(&block.attention, attention, tokens, normed, call)?;
    let h = (flat(h) + &x).into_shared();
    let (normed, feed_forward_norm) = block.feed_forward_norm.forward(h.clone(), threads)?;
    let (y, feed_forward) = block.feed_forward.forward(normed, threads)?;
    let y = by_sequence(y + &h, (batch, own));
    Ok((y, Saved { attention_norm, attention: saved, feed_forward_norm, feed_forward }))
}

/// The gradient of this rank's x, (B, T_r, dim), and its part of the block's, given that of its y. All ranks
/// call this with the block, the attention and the call of the forward pass.
///
/// # Errors
///
/// As [`multi_head::backward`].
#[track_caller]
pub fn backward<T: Float>(
    block: &Block<T>,
    attention: &SequenceParallelAttention,
    saved: &Saved<T>,
    gradient: ArrayView3<'_, T>,
    call: &Call<'_, T>,
) -> Result<(Array3<T>, Block<T>)> {
    let ((batch, own, dim), threads) = (saved.attention.x.dim(), call.options.threads);
    expect("the gradient", gradient.shape(), &[batch, own, dim], "(B, T_r, dim), as y")?;
    let dy = by_token(gradient); // (B T_r, dim)
    let (d_normed, feed_forward) = block.feed_forward.backward(&saved.feed_forward, dy.view(), threads)?;
    let (dh, feed_forward_norm) =
        block.feed_forward_norm.backward(&saved.feed_forward_norm, d_normed.view(), threads)?;
    let dh = by_sequence(dh + &dy, (batch, own));

    let (d_normed, d_attention) =
        multi_head::backward(&block.attention, attention, &saved.attention, dh.view(), call)?;
    let (dx, attention_norm) =
        block.attention_norm.backward(&saved.attention_norm, flat(d_normed).view(), threads)?;
    let dx = by_sequence(dx + &flat(dh), (batch, own));
    Ok((dx, Block { attention_norm, attention: d_attention, feed_forward_norm, feed_forward }))
}

/// Elements that a rank keeps for the backward pass, for B sequences of T tokens: what [`Saved::bytes`]
/// counts.
///
/// ```
/// use layers::multi_head::Sizes;
/// use parallel::tensor::BlockSizes;
/// use parallel::{Strategy, block};
///
/// // GPT-3's block. Korthikanti et al. count 16 elements of dim for each token; besides there are statistics, and what
/// // the heads put out is kept as they put it out, and as Wo takes it.
/// let attention = Sizes::new(12_288, 96)?;
/// let sizes = BlockSizes { attention, hidden: 4 * 12_288, gated: false, centred: true, biases: true };
/// let saved = block::saved_elements(&sizes, (1, 2048), Strategy::Ulysses, 8, 0)?;
/// assert_eq!(saved, 2048 / 8 * (16 * 12_288 + 4 + 96 + 12_288));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If there are more ranks along the axis of Ulysses than query heads, or G doesn't divide H.
///
/// # Panics
///
/// If there is no such rank, or P isn't a multiple of the ranks along the axis of Ulysses.
pub fn saved_elements(
    sizes: &BlockSizes,
    (batch, tokens): (usize, usize),
    strategy: Strategy,
    ranks: usize,
    rank: usize,
) -> Result<usize> {
    let attention = multi_head::saved_elements(&sizes.attention, (batch, tokens), strategy, ranks, rank)?;
    let own = batch * strategy.tokens(tokens, ranks, rank).len();
    let norms = 2 * (sizes.attention.dim + if sizes.centred { 2 } else { 1 });
    let network = sizes.attention.dim + sizes.hidden * if sizes.gated { 3 } else { 2 };
    Ok(attention + own * (norms + network))
}
