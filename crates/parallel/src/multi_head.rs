//! Multi-head attention of a sequence that is cut by tokens: every rank has all weights, and some tokens.
//!
//! ```text
//!              own tokens alone           ┊ all ranks ┊        own tokens alone
//! x ── Wq Wk Wv ──► q, k, v ── turn ──►    attention    ──► (B, H, T_r, D) ── Wo ──► y
//! (B, T_r, dim)                                                                     (B, T_r, dim)
//! ```
//!
//! A projection treats each token alone, so a rank projects its own, and what is sent is queries, keys and
//! values: no weight travels, and x doesn't. What this file adds to [`sequence`] is the steps of
//! [`layers::MultiHeadAttention`] around it.
//!
//! A [`Call`] is that of the whole sequence, as on one rank: its mask, its dropout, and its positions. A rank
//! turns its queries and keys by the positions that its tokens have in the *whole*. (By those in the shard,
//! 0, 1, ..., distances between tokens of one shard would be right, those between shards wrong, and all
//! shapes as they should be.)
//!
//! With [`Exchange::Separate`] the queries are under way while keys and values are computed; else one product
//! makes all three.
//!
//! Backward each rank gets the gradient of x of its own tokens, complete, and its *part* of that of the
//! weights: a weight's gradient is a sum over tokens, and the rank has seen some.
//! [`gradients::sum`](crate::gradients::sum) adds up the parts.
//!
//! Cost: what [`Strategy::cost`] says, and the sum of gradients. The layer itself sends nothing.
//!
//! Saved, in elements, for T_r tokens of the rank, T' tokens and H_r and G_r heads that it attends with (see
//! [`saved_elements`]):
//!
//! ```text
//! B T_r dim                             x
//! B T' (2 H_r D + 2 G_r D + H_r)        q, k, v, what the heads put out, its log-sum-exp
//! B T_r H D                             what the heads put out as Wo takes it: where it was redistributed, by Ulysses
//! ```

use crate::error::expect;
use crate::heads::HeadMap;
use crate::sequence::{self, Exchange, SequenceParallelAttention};
use crate::strategy::{self, Sent};
use crate::{Float, Result, Strategy};
use collectives::Layout;
use layers::MultiHeadAttention;
use layers::multi_head::{Call, Projected, Sizes};
use layers::rotary::Positions;
use ndarray::{ArcArray, Array2, Array3, ArrayView3, ArrayView4, Axis, Ix3, Ix4};

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (B, T_r, dim).
    pub x: ArcArray<T, Ix3>,
    /// Of the attention across the ranks.
    pub attention: sequence::Saved<T>,
    /// What the heads put out, (B, H, T_r, D), if it was redistributed. Else it is what the attention saved.
    pub attended: Option<ArcArray<T, Ix4>>,
    /// T, of the whole.
    tokens: usize,
}

impl<T> Saved<T> {
    /// Bytes held; see the module for the formula.
    pub fn bytes(&self) -> usize {
        let attended = self.attended.as_ref().map_or(0, |attended| attended.len());
        (self.x.len() + attended) * size_of::<T>() + self.attention.bytes()
    }

    /// What the heads put out, (B, H, T_r, D).
    fn attended(&self) -> ArrayView4<'_, T> {
        self.attended.as_ref().unwrap_or(&self.attention.output).view()
    }
}

/// y (B, T_r, dim) for this rank's tokens x (B, T_r, dim) of a sequence of `tokens` tokens, and what the
/// backward pass needs. All ranks call this with the same layer, and the call of the whole sequence. What
/// computes attention on a rank is `attention.algorithm`, not the layer's.
///
/// ```
/// use collectives::World;
/// use layers::multi_head::{Call, Sizes};
/// use layers::{Mask, MultiHeadAttention, Options, Threads};
/// use ndarray::{Array3, Axis};
/// use parallel::{SequenceParallelAttention, Strategy, multi_head};
///
/// let layer = MultiHeadAttention::<f64>::random(Sizes::new(12, 3)?, true, &mut fastrand::Rng::with_seed(1));
/// let call = Call { options: Options::masked(Mask::causal()).threads(Threads::ONE), ..Call::default() };
/// let x = Array3::from_shape_fn((1, 10, 12), |(_, t, d)| ((t * 7 + d * 3) % 5) as f64);
/// let whole = layer.infer(x.view(), &call)?;
///
/// World::new(3).run(|comm| {
///     let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?;
///     let own = attention.tokens(10);
///     let (y, _) = multi_head::forward(&layer, &attention, 10, x.select(Axis(1), &own), &call)?;
///     assert!((y - whole.select(Axis(1), &own)).iter().all(|error| error.abs() < 1e-12));
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If x isn't of the rank's tokens or doesn't fit the layer, or positions don't fit the whole: before
/// anything is sent. If the mask doesn't fit, there are more ranks along the axis of Ulysses than query
/// heads, or the world has failed.
#[track_caller]
pub fn forward<T: Float>(
    layer: &MultiHeadAttention<T>,
    attention: &SequenceParallelAttention,
    tokens: usize,
    x: impl Into<ArcArray<T, Ix3>>,
    call: &Call<'_, T>,
) -> Result<(Array3<T>, Saved<T>)> {
    let x = x.into();
    let own = attention.tokens(tokens);
    let (batch, Sizes { dim, heads, kv_heads, .. }) = (x.dim().0, layer.sizes);
    expect("x", x.shape(), &[batch, own.len(), dim], "(B, T_r, dim), of the tokens that the rank has")?;
    let (positions, threads) =
        (OwnPositions::of(layer, call.positions, &own, (batch, tokens))?, call.options.threads);

    let (attended, saved) = match attention.exchange {
        Exchange::Fused => {
            let Projected { query, key, value } = layer.project(x.view(), positions.view(), threads)?;
            attention.forward(tokens, query, key, value, &call.options)?
        }
        Exchange::Separate => {
            let query = layer.project_query(x.view(), positions.view(), threads)?.into_shared();
            let keys_and_values = || Ok(layer.project_key_value(x.view(), positions.view(), threads)?);
            attention.forward_while(tokens, query, kv_heads, keys_and_values, &call.options)?
        }
    }; // (B, H, T_r, D)
    let y = layer.project_output(attended.view(), threads)?;
    // A rank that attended with all heads has put out what it has now: one array.
    let redistributed = saved.output.dim().1 != heads;
    Ok((y, Saved { x, attention: saved, attended: redistributed.then_some(attended), tokens }))
}

/// The gradient of this rank's x, (B, T_r, dim), and its part of the layer's, given that of its y. All ranks
/// call this with the layer, the attention and the call of the forward pass.
///
/// # Errors
///
/// If the gradient's shape isn't that of y: before anything is sent. If the layer or the call aren't those of
/// the forward pass, or the world has failed.
#[track_caller]
pub fn backward<T: Float>(
    layer: &MultiHeadAttention<T>,
    attention: &SequenceParallelAttention,
    saved: &Saved<T>,
    gradient: ArrayView3<'_, T>,
    call: &Call<'_, T>,
) -> Result<(Array3<T>, MultiHeadAttention<T>)> {
    let (x, threads) = (saved.x.view(), call.options.threads);
    let own = attention.tokens(saved.tokens);
    let positions = OwnPositions::of(layer, call.positions, &own, (x.dim().0, saved.tokens))?;

    let (d_attended, output) = layer.project_output_backward(saved.attended(), gradient, threads)?;
    let gradients = attention.backward(&saved.attention, d_attended.view(), &call.options)?;
    let (dx, inputs) = layer.project_backward(x, &gradients, positions.view(), threads)?;
    let (rotary, algorithm) = (layer.rotary.clone(), layer.algorithm);
    Ok((dx, MultiHeadAttention { sizes: layer.sizes, inputs, output, rotary, algorithm }))
}

/// What a rank sends in one pass forward and one backward, for B sequences of T tokens, with
/// [`Exchange::Fused`]. (Otherwise there are more messages, of as many elements.)
///
/// # Errors
///
/// If there are more ranks along the axis of Ulysses than query heads, or G doesn't divide H.
///
/// # Panics
///
/// If there is no such rank, or P isn't a multiple of the ranks along the axis of Ulysses.
pub fn cost(
    sizes: &Sizes,
    (batch, tokens): (usize, usize),
    strategy: Strategy,
    ranks: usize,
    rank: usize,
) -> Result<Sent> {
    let &Sizes { heads, kv_heads, head_dim, .. } = sizes;
    strategy.cost(&strategy::Sizes { batch, tokens, heads, kv_heads, head_dim }, ranks, rank)
}

/// Elements that a rank keeps for the backward pass, for B sequences of T tokens: what [`Saved::bytes`]
/// counts.
///
/// ```
/// use layers::multi_head::Sizes;
/// use parallel::{Strategy, multi_head};
///
/// // One rank of 8: an eighth of what one alone would keep, and of what the heads put out another copy.
/// let sizes = Sizes::new(1024, 16)?;
/// let one = multi_head::saved_elements(&sizes, (1, 4096), Strategy::Ulysses, 1, 0)?;
/// let eighth = multi_head::saved_elements(&sizes, (1, 4096), Strategy::Ulysses, 8, 3)?;
/// assert_eq!(one, 4096 * (5 * 1024 + 16));
/// assert_eq!(eighth, one / 8 + 4096 / 8 * 1024);
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
    sizes: &Sizes,
    (batch, tokens): (usize, usize),
    strategy: Strategy,
    ranks: usize,
    rank: usize,
) -> Result<usize> {
    let &Sizes { dim, heads, kv_heads, head_dim } = sizes;
    let [ring, ulysses] = strategy.axes(ranks);
    assert!(ring * ulysses == ranks && rank < ranks, "{strategy:?} on rank {rank} of {ranks}");
    let map = HeadMap::new(heads, kv_heads, ulysses)?;
    let line = strategy.placement().count(tokens, ring, rank / ulysses);
    let own = Layout::even(line, ulysses).len(rank % ulysses);
    let (own_heads, own_kv_heads) = (map.heads(rank % ulysses).len(), map.kv_heads(rank % ulysses).len());
    let attention = line * (2 * own_heads * head_dim + 2 * own_kv_heads * head_dim + own_heads);
    let attended = if ulysses == 1 { 0 } else { own * heads * head_dim };
    Ok(batch * (own * dim + attention + attended))
}

/// Where the tokens of a rank stand, in the whole.
enum OwnPositions {
    Each(Vec<usize>),
    PerSequence(Array2<usize>),
}

impl OwnPositions {
    /// Those of the tokens `own`, of `positions` of all. Every rank looks at all of them, so that all refuse what
    /// the layer has no rotations for.
    fn of<T: Float>(
        layer: &MultiHeadAttention<T>,
        positions: Positions<'_>,
        own: &[usize],
        (batch, tokens): (usize, usize),
    ) -> Result<OwnPositions> {
        let because = "there is one position for each token of the whole sequence";
        let highest = match positions {
            Positions::From(first) => tokens.checked_sub(1).map(|last| first.saturating_add(last)),
            Positions::Each(all) => all.iter().max().copied(),
            Positions::PerSequence(all) => all.iter().max().copied(),
        };
        let count = layer.rotary.as_ref().map_or(usize::MAX, |rotary| rotary.positions());
        if let Some(index) = highest.filter(|&highest| highest >= count && batch > 0) {
            return Err(layers::Error::Index { what: "position", index, count }.into());
        }
        Ok(match positions {
            Positions::From(first) => {
                OwnPositions::Each(own.iter().map(|token| first.saturating_add(*token)).collect())
            }
            Positions::Each(all) => {
                expect("the array of positions", &[all.len()], &[tokens], because)?;
                OwnPositions::Each(own.iter().map(|&token| all[token]).collect())
            }
            Positions::PerSequence(all) => {
                expect("the array of positions", all.shape(), &[batch, tokens], because)?;
                OwnPositions::PerSequence(all.select(Axis(1), own))
            }
        })
    }

    fn view(&self) -> Positions<'_> {
        match self {
            OwnPositions::Each(positions) => Positions::Each(positions),
            OwnPositions::PerSequence(positions) => Positions::PerSequence(positions.view()),
        }
    }
}
