//! A feed-forward network cut up by its hidden elements: a rank has some of them.
//!
//! ```text
//! Mlp      x ──enter──► x ── rows of W₁ ──► act ── columns of W₂ ──► partial ──leave──► Σ + b₂
//!                            dim ─► hidden_r       hidden_r ─► dim
//! SwiGLU   the same with rows of Wg and of Wu: both use the x that entered once
//! ```
//!
//! An activation works on each hidden element alone, so it doesn't mind who has the others. Had the first
//! matrix been cut by inputs, its sum would have to come before the activation, since act(a + b) isn't act(a)
//! + act(b).
//!
//! The part of a rank is a [`layers::feed_forward::FeedForward`] with fewer hidden elements. Hidden elements
//! needn't divide by the ranks, and a rank may have none.
//!
//! Saved, in elements, for B sequences of T tokens, of which a rank has T' outside: B T' dim for the input (B
//! T dim if it [keeps](super::Keep) the whole), and B T hidden_r twice for an MLP, three times for SwiGLU.

use super::linear::{add_bias, bias_gradient, views_mut};
use super::{Costs, Edges, Ranks, cut};
use crate::shapes::{by_sequence, by_token, shared_by_token};
use crate::{Float, Result};
use collectives::Cost;
use layers::feed_forward::{self, Mlp, SwiGlu};
use layers::{Parameter, ParameterMut, Parameters, Threads};
use ndarray::{ArcArray, ArcArray2, Array1, Array3, ArrayViewMutD, Ix3};
use std::ops::Range;

/// Some of the hidden elements of a feed-forward network, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedForward<T> {
    /// The hidden elements of this rank, as a network of their own; its last layer has no bias.
    pub part: feed_forward::FeedForward<T>,
    /// The last layer's bias, (dim), which every rank has: it is added after the sum.
    pub bias: Option<Array1<T>>,
    /// Hidden elements of all ranks together.
    hidden: usize,
    /// Which of them are here.
    own: Range<usize>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input: as it was outside, or the whole; [`Keep`](super::Keep) says.
    pub x: ArcArray<T, Ix3>,
    /// Of the part; its x is empty, and is `x` or gathered from it.
    pub part: feed_forward::Saved<T>,
}

impl<T> Saved<T> {
    /// Bytes held; see the module for the formula.
    pub fn bytes(&self) -> usize {
        self.x.len() * size_of::<T>() + self.part.bytes()
    }
}

impl<T: Float> FeedForward<T> {
    /// A rank's part of a network.
    pub fn from_full(network: &feed_forward::FeedForward<T>, ranks: usize, rank: usize) -> FeedForward<T> {
        let down = last(network);
        let hidden = down.inputs();
        let own = cut::even(hidden, ranks)[rank].clone();
        let bias = down.bias.clone();
        let down = cut::inputs(down, own.clone());
        let part = match network {
            feed_forward::FeedForward::Mlp(Mlp { up, activation, .. }) => {
                let up = cut::outputs(up, own.clone());
                feed_forward::FeedForward::Mlp(Mlp { up, down, activation: *activation })
            }
            feed_forward::FeedForward::SwiGlu(SwiGlu { gate, up, .. }) => {
                let (gate, up) = (cut::outputs(gate, own.clone()), cut::outputs(up, own.clone()));
                feed_forward::FeedForward::SwiGlu(SwiGlu { gate, up, down })
            }
        };
        FeedForward { part, bias, hidden, own }
    }

    /// The network, put together again, on every rank.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks: before anything is sent. If the
    /// world has failed.
    #[track_caller]
    pub fn to_full(&self, ranks: &Ranks<'_>) -> Result<feed_forward::FeedForward<T>> {
        self.check(ranks)?;
        let ranges = cut::even(self.hidden, ranks.size());
        let outputs = |layer| cut::join_outputs(ranks, layer, &ranges);
        let inputs = |layer| cut::join_inputs(ranks, layer, &self.bias, &ranges);
        Ok(match &self.part {
            feed_forward::FeedForward::Mlp(Mlp { up, down, activation }) => {
                let (up, down) = (outputs(up)?, inputs(down)?);
                feed_forward::FeedForward::Mlp(Mlp { up, down, activation: *activation })
            }
            feed_forward::FeedForward::SwiGlu(SwiGlu { gate, up, down }) => {
                let (gate, up, down) = (outputs(gate)?, outputs(up)?, inputs(down)?);
                feed_forward::FeedForward::SwiGlu(SwiGlu { gate, up, down })
            }
        })
    }

    /// y (B, T or T_r, dim), for x of the same shape, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, or x doesn't fit the network and
    /// the edges: before anything is sent. If the world has failed.
    #[track_caller]
    pub fn forward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        x: impl Into<ArcArray<T, Ix3>>,
        threads: Threads,
    ) -> Result<(Array3<T>, Saved<T>)> {
        let x = x.into();
        self.check(ranks)?;
        edges.expect_x(ranks, x.shape(), self.dim())?;
        let whole = edges.enter(ranks, x.clone())?; // f or g: (B, T, dim)
        let (partial, mut part) = self.part.forward(shared_by_token(whole.clone()), threads)?;
        *input_mut(&mut part) = ArcArray2::zeros((0, 0));
        let (batch, tokens, _) = whole.dim();
        let mut y = edges.leave(ranks, by_sequence(partial, (batch, tokens)))?; // f̄ or ḡ
        add_bias(&mut y, &self.bias);
        Ok((y, Saved { x: edges.kept(x, whole), part }))
    }

    /// The gradients of x and of the part, given that of y. What was saved is consumed: its memory becomes
    /// free on the way.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if the gradient's shape isn't that
    /// of y, or the world has failed.
    #[track_caller]
    pub fn backward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: Saved<T>,
        gradient: impl Into<ArcArray<T, Ix3>>,
        threads: Threads,
    ) -> Result<(Array3<T>, FeedForward<T>)> {
        let (dx, mut network) = self.backward_of_own_tokens(ranks, edges, saved, gradient, threads)?;
        edges.sum_over_shards(ranks, network.of_own_tokens())?;
        Ok((dx, network))
    }

    /// The same, but for the sum over shards: a block has others to add to it.
    #[track_caller]
    pub(super) fn backward_of_own_tokens(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: Saved<T>,
        gradient: impl Into<ArcArray<T, Ix3>>,
        threads: Threads,
    ) -> Result<(Array3<T>, FeedForward<T>)> {
        let (gradient, Saved { x, mut part }) = (gradient.into(), saved);
        self.check(ranks)?;
        edges.expect_gradient(ranks, gradient.shape(), (x.dim().0, x.dim().1), self.dim())?;
        let bias = bias_gradient(&self.bias, gradient.view());
        let d_whole = edges.leave_backward(ranks, gradient)?; // of f̄ or ḡ: (B, T, dim)
        let whole = edges.again(ranks, x)?;
        let (batch, tokens, _) = whole.dim();
        *input_mut(&mut part) = shared_by_token(whole);
        let (partial, part) = self.part.backward(&part, by_token(d_whole.view()).view(), threads)?;
        let dx = edges.enter_backward(ranks, by_sequence(partial, (batch, tokens)))?; // of f or g
        Ok((dx, FeedForward { part, bias, hidden: self.hidden, own: self.own.clone() }))
    }

    /// That the hidden elements are those of this rank of so many.
    fn check(&self, ranks: &Ranks<'_>) -> Result<()> {
        ranks.check_cut("the range of hidden elements", &self.own, self.hidden)
    }

    /// The gradients that only know this rank's tokens.
    pub(super) fn of_own_tokens(&mut self) -> Vec<ArrayViewMutD<'_, T>> {
        views_mut(&mut self.bias)
    }

    /// Elements of a token.
    fn dim(&self) -> usize {
        last(&self.part).outputs()
    }
}

/// What a rank sends for x (B, T, dim), if the last layer has a bias or not. How many hidden elements there
/// are doesn't matter.
pub fn costs(x: [usize; 3], bias: bool, edges: Edges, ranks: usize, rank: usize) -> Costs {
    let around = edges.enter_costs(x, ranks, rank).then(edges.leave_costs(x, ranks, rank));
    let bias = edges.sum_over_shards_cost(if bias { x[2] } else { 0 }, ranks, rank);
    around.then(Costs { forward: Cost::default(), backward: bias })
}

/// The layer that leads out of the network.
fn last<T>(network: &feed_forward::FeedForward<T>) -> &layers::Linear<T> {
    match network {
        feed_forward::FeedForward::Mlp(network) => &network.down,
        feed_forward::FeedForward::SwiGlu(network) => &network.down,
    }
}

/// The input among what was saved.
fn input_mut<T>(saved: &mut feed_forward::Saved<T>) -> &mut ArcArray2<T> {
    match saved {
        feed_forward::Saved::Mlp(saved) => &mut saved.x,
        feed_forward::Saved::SwiGlu(saved) => &mut saved.x,
    }
}

impl<T: Float> Parameters<T> for FeedForward<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        self.part
            .parameters()
            .into_iter()
            .chain(cut::bias_parameter(bias_name(&self.part), &self.bias))
            .collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let bias = cut::bias_parameter_mut(bias_name(&self.part), &mut self.bias);
        self.part.parameters_mut().into_iter().chain(bias).collect()
    }
}

fn bias_name<T>(network: &feed_forward::FeedForward<T>) -> &'static str {
    match network {
        feed_forward::FeedForward::Mlp(_) => "fc2.bias",
        feed_forward::FeedForward::SwiGlu(_) => "down_proj.bias",
    }
}
