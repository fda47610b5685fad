//! A stack of transformer blocks on a sequence that is cut by tokens: each takes what the one before it
//! gives.
//!
//! ```text
//! x ──► block 0 ──► block 1 ──► … ──► block L-1 ──► y        own tokens, (B, T_r, dim), all the way
//! ```
//!
//! A token stays on its rank from the first block to the last: a placement is chosen once, for the whole
//! model.
//!
//! Cost: L times that of a block.

use crate::block::{self, Saved};
use crate::{Float, Result, SequenceParallelAttention};
use layers::Block;
use layers::multi_head::Call;
use ndarray::{ArcArray, Array3, Ix3};

/// y (B, T_r, dim) for this rank's tokens x (B, T_r, dim) of a sequence of `tokens` tokens, and what the
/// backward pass needs, block by block. The call is that of every block's attention. Blocks may have
/// different head counts.
///
/// ```
/// use collectives::World;
/// use layers::feed_forward::{FeedForward, SwiGlu};
/// use layers::multi_head::{Call, Sizes};
/// use layers::norm::{Norm, RmsNorm};
/// use layers::{Block, MultiHeadAttention};
/// use ndarray::Array3;
/// use parallel::{Placement, SequenceParallelAttention, Strategy, gradients, stack};
///
/// let rng = &mut fastrand::Rng::with_seed(1);
/// let blocks = [3, 2].map(|heads| Block::<f32> {
///     attention_norm: Norm::Rms(RmsNorm::new(6, 1e-5)),
///     attention: MultiHeadAttention::random(Sizes::new(6, heads).unwrap(), false, rng),
///     feed_forward_norm: Norm::Rms(RmsNorm::new(6, 1e-5)),
///     feed_forward: FeedForward::SwiGlu(SwiGlu::random(6, 16, false, rng)),
/// });
/// let (tokens, call) = (10, Call::default());
/// let d_blocks = World::new(4).run(|comm| {
///     let strategy = Strategy::Ring { placement: Placement::Zigzag, both: false };
///     let attention = SequenceParallelAttention::new(comm, strategy)?;
///     let own = attention.tokens(tokens);
///     let x = Array3::from_shape_fn((1, own.len(), 6), |(_, t, d)| ((own[t] * 7 + d * 3) % 5) as f32);
///     let (y, saved) = stack::forward(&blocks, &attention, tokens, x, &call)?;
///     let (_, mut d_blocks) = stack::backward(&blocks, &attention, saved, y, &call)?; // of |y|² / 2
///     for d_block in &mut d_blocks {
///         gradients::sum(comm, d_block)?;
///     }
///     Ok(d_blocks)
/// })?;
/// assert!(d_blocks.iter().all(|of_rank| *of_rank == d_blocks[0]), "all ranks will take the same step");
/// # Ok::<(), collectives::RunError>(())
/// ```
///
/// # Errors
///
/// As [`multi_head::forward`](crate::multi_head::forward).
#[track_caller]
pub fn forward<T: Float>(
    blocks: &[Block<T>],
    attention: &SequenceParallelAttention,
    tokens: usize,
    x: impl Into<ArcArray<T, Ix3>>,
    call: &Call<'_, T>,
) -> Result<(Array3<T>, Vec<Saved<T>>)> {
    let mut x = x.into();
    let mut saved = Vec::with_capacity(blocks.len());
    for block in blocks {
        let (y, kept) = block::forward(block, attention, tokens, x, call)?;
        saved.push(kept);
        x = y.into_shared();
    }
    Ok((x.into_owned(), saved))
}

/// The gradient of this rank's x, and its part of each block's, given that of its y. What was saved is
/// consumed: the memory of a block becomes free when its gradient is there.
///
/// # Errors
///
/// As [`multi_head::backward`](crate::multi_head::backward).
///
/// # Panics
///
/// If what was saved isn't of as many blocks.
#[track_caller]
pub fn backward<T: Float>(
    blocks: &[Block<T>],
    attention: &SequenceParallelAttention,
    saved: Vec<Saved<T>>,
    gradient: Array3<T>,
    call: &Call<'_, T>,
) -> Result<(Array3<T>, Vec<Block<T>>)> {
    assert_eq!(saved.len(), blocks.len(), "what was saved is of the blocks");
    let mut gradient = gradient;
    let mut d_blocks = Vec::with_capacity(blocks.len());
    for (block, saved) in blocks.iter().zip(saved).rev() {
        let (dx, d_block) = block::backward(block, attention, &saved, gradient.view(), call)?;
        d_blocks.push(d_block);
        gradient = dx;
    }
    d_blocks.reverse();
    Ok((gradient, d_blocks))
}
