//! Multi-head attention cut up by heads: a rank has some of them, with their rows of Wq, Wk and Wv and their
//! columns of Wo.
//!
//! ```text
//! x ──enter──► x ── Wq Wk Wv of its heads ──► attention of its heads ── Wo of its heads ──► partial ──leave──► Σ + bₒ
//!      f, g         column parallel              nothing to say               row parallel           f̄, ḡ
//! ```
//!
//! A head's output goes through its own columns of Wo and is added to the others': attention was cut up all
//! along. The part of a rank is a [`layers::MultiHeadAttention`] of fewer heads, which knows nothing of other
//! ranks; this file is what stands around it.
//!
//! Any number of heads, also one that the ranks don't divide, and any number of key-value heads: [`HeadMap`]
//! says who has which. Where several ranks have the same key-value head they add up the gradients of its Wk
//! and Wv.
//!
//! Saved, in elements, for B sequences of T tokens, of which a rank has T' outside: B T' dim for the input (B
//! T dim if it [keeps](super::Keep) the whole), and for its H_r and G_r heads B T (2 H_r D + 2 G_r D + H_r).

use super::linear::{add_bias, bias_gradient, views_mut};
use super::{Costs, Edges, Ranks, cut};
use crate::heads::HeadMap;
use crate::whole::check_mask;
use crate::{Float, Result};
use attention::mask::{Part, Places};
use collectives::Cost;
use layers::multi_head::{self, Call, Projections, Sizes};
use layers::{MultiHeadAttention, Parameter, ParameterMut, Parameters};
use ndarray::{ArcArray, Array1, Array3, ArrayViewMutD, Ix3};
use std::ops::Range;

/// Some heads of a multi-head attention, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention<T> {
    /// The heads of this rank, as a layer of their own; Wo has no bias.
    pub part: MultiHeadAttention<T>,
    /// That of Wo, (dim), which every rank has: it is added after the sum.
    pub bias: Option<Array1<T>>,
    /// Who has which heads.
    pub heads: HeadMap,
    /// Which of the ranks this is the part of.
    rank: usize,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input: as it was outside, or the whole; [`Keep`](super::Keep) says.
    pub x: ArcArray<T, Ix3>,
    /// Of the part; its x is empty, and is `x` or gathered from it.
    pub part: multi_head::Saved<T>,
}

impl<T> Saved<T> {
    /// Bytes held; see the module for the formula.
    pub fn bytes(&self) -> usize {
        self.x.len() * size_of::<T>() + self.part.bytes()
    }
}

impl<T: Float> Attention<T> {
    /// A rank's part of a layer.
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or the layer's matrices don't have its sizes.
    pub fn from_full(layer: &MultiHeadAttention<T>, ranks: usize, rank: usize) -> Result<Attention<T>> {
        let Sizes { heads, kv_heads, head_dim, .. } = layer.sizes;
        let map = HeadMap::new(heads, kv_heads, ranks)?;
        let separate = layer.clone().separate()?;
        let Projections::Separate { query, key, value } = &separate.inputs else {
            unreachable!("they are separate now")
        };
        let rows = |heads: Range<usize>| heads.start * head_dim..heads.end * head_dim;
        let (own, own_kv) = (map.heads(rank), map.kv_heads(rank));
        let part = MultiHeadAttention {
            sizes: Sizes { heads: own.len(), kv_heads: own_kv.len(), ..layer.sizes },
            inputs: Projections::Separate {
                query: cut::outputs(query, rows(own.clone())),
                key: cut::outputs(key, rows(own_kv.clone())),
                value: cut::outputs(value, rows(own_kv)),
            },
            output: cut::inputs(&separate.output, rows(own)),
            rotary: layer.rotary.clone(),
            algorithm: layer.algorithm,
        };
        let part = if is_fused(layer) { part.fused()? } else { part };
        Ok(Attention { part, bias: separate.output.bias, heads: map, rank })
    }

    /// The layer, put together again, on every rank.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks: before anything is sent. If the
    /// world has failed.
    #[track_caller]
    pub fn to_full(&self, ranks: &Ranks<'_>) -> Result<MultiHeadAttention<T>> {
        ranks.check_heads(&self.heads, self.rank)?;
        let separate = self.part.clone().separate()?;
        let Projections::Separate { query, key, value } = &separate.inputs else {
            unreachable!("they are separate now")
        };
        let size = self.part.sizes.head_dim;
        let rows = |heads: Range<usize>| heads.start * size..heads.end * size;
        let own: Vec<_> = (0..ranks.size()).map(|rank| rows(self.heads.heads(rank))).collect();
        let own_kv: Vec<_> = (0..ranks.size()).map(|rank| rows(self.heads.kv_heads(rank))).collect();
        let (heads, kv_heads) = self.of_all();
        let layer = MultiHeadAttention {
            sizes: Sizes { heads, kv_heads, ..self.part.sizes },
            inputs: Projections::Separate {
                query: cut::join_outputs(ranks, query, &own)?,
                key: cut::join_outputs(ranks, key, &own_kv)?,
                value: cut::join_outputs(ranks, value, &own_kv)?,
            },
            output: cut::join_inputs(ranks, &separate.output, &self.bias, &own)?,
            rotary: self.part.rotary.clone(),
            algorithm: self.part.algorithm,
        };
        Ok(if is_fused(&self.part) { layer.fused()? } else { layer })
    }

    /// y (B, T or T_r, dim), for x of the same shape, and what the backward pass needs. The call is that of
    /// all heads and all tokens.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if x doesn't fit the layer and the
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
        let x = x.into();
        ranks.check_heads(&self.heads, self.rank)?;
        check_mask(&call.options)?;
        edges.expect_x(ranks, x.shape(), self.part.sizes.dim)?;
        let whole = edges.enter(ranks, x.clone())?; // f or g: (B, T, dim)
        let (partial, mut part) = self.part.forward(whole, &self.own(call))?;
        let whole = std::mem::replace(&mut part.x, ArcArray::zeros((0, 0, 0)));
        let mut y = edges.leave(ranks, partial)?; // f̄ or ḡ
        add_bias(&mut y, &self.bias);
        Ok((y, Saved { x: edges.kept(x, whole), part }))
    }

    /// The gradients of x and of the part, given that of y. What was saved is consumed: its memory becomes
    /// free on the way.
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
    ) -> Result<(Array3<T>, Attention<T>)> {
        let (dx, mut layer) = self.backward_of_own_tokens(ranks, edges, saved, gradient, call)?;
        edges.sum_over_shards(ranks, layer.of_own_tokens())?;
        Ok((dx, layer))
    }

    /// The same, but for the sum over shards: a block has others to add to it.
    #[track_caller]
    pub(super) fn backward_of_own_tokens(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: Saved<T>,
        gradient: impl Into<ArcArray<T, Ix3>>,
        call: &Call<'_, T>,
    ) -> Result<(Array3<T>, Attention<T>)> {
        let (gradient, Saved { x, mut part }) = (gradient.into(), saved);
        ranks.check_heads(&self.heads, self.rank)?;
        check_mask(&call.options)?;
        edges.expect_gradient(ranks, gradient.shape(), (x.dim().0, x.dim().1), self.part.sizes.dim)?;
        let bias = bias_gradient(&self.bias, gradient.view());
        let whole = edges.leave_backward(ranks, gradient)?; // of f̄ or ḡ: (B, T, dim)
        part.x = edges.again(ranks, x)?;
        let (partial, part) = self.part.backward(&part, whole.view(), &self.own(call))?;
        let dx = edges.enter_backward(ranks, partial)?; // of f or g
        let mut layer = Attention { part, bias, heads: self.heads, rank: self.rank };
        ranks.sum_over_sharers(layer.key_value_parameters())?;
        Ok((dx, layer))
    }

    /// The gradients that only know this rank's tokens.
    pub(super) fn of_own_tokens(&mut self) -> Vec<ArrayViewMutD<'_, T>> {
        views_mut(&mut self.bias)
    }

    /// H and G, of all ranks together.
    fn of_all(&self) -> (usize, usize) {
        let last = self.heads.ranks() - 1;
        (self.heads.heads(last).end, self.heads.kv_heads(last).end)
    }

    /// The call of this rank's heads: what it says of heads, it says of all.
    fn own<'a>(&self, call: &Call<'a, T>) -> Call<'a, T> {
        let part = Part {
            first_head: self.heads.heads(self.rank).start,
            heads: self.of_all().0,
            queries: Places::All,
            keys: Places::All,
        };
        let mut own = call.clone();
        own.options.mask = own.options.mask.part(part);
        own
    }

    /// Wk and Wv, and their biases.
    fn key_value_parameters(&mut self) -> Vec<ArrayViewMutD<'_, T>> {
        let Sizes { heads, head_dim, .. } = self.part.sizes;
        match &mut self.part.inputs {
            Projections::Separate { key, value, .. } => {
                cut::outputs_mut(key, 0).chain(cut::outputs_mut(value, 0)).collect()
            }
            Projections::Fused(all) => cut::outputs_mut(all, heads * head_dim).collect(),
        }
    }
}

/// What a rank sends for a layer of these sizes and x (B, T, dim), with biases or without.
///
/// # Errors
///
/// If there are more ranks than query heads, or G doesn't divide H.
pub fn costs(
    sizes: &Sizes,
    (batch, tokens): (usize, usize),
    biases: bool,
    edges: Edges,
    ranks: usize,
    rank: usize,
) -> Result<Costs> {
    let x = [batch, tokens, sizes.dim];
    let around = edges.enter_costs(x, ranks, rank).then(edges.leave_costs(x, ranks, rank));
    let replicas = replica_cost(sizes, biases, ranks, rank)?;
    let bias = edges.sum_over_shards_cost(if biases { sizes.dim } else { 0 }, ranks, rank);
    Ok(around.then(Costs { forward: Cost::default(), backward: replicas.then(bias) }))
}

/// What a rank sends to add up the gradients of a key-value head that others have too.
pub(super) fn replica_cost(sizes: &Sizes, biases: bool, ranks: usize, rank: usize) -> Result<Cost> {
    let map = HeadMap::new(sizes.heads, sizes.kv_heads, ranks)?;
    let sharers = map.sharers(map.kv_heads(rank).start);
    if sharers.len() == 1 {
        return Ok(Cost::default());
    }
    let inputs = sizes.dim + usize::from(biases);
    let elements = 2 * sizes.head_dim * inputs; // of one head's Wk and Wv
    Ok(crate::gradients::ALL_REDUCE.cost(sharers.len(), rank - sharers.start, elements))
}

fn is_fused<T>(layer: &MultiHeadAttention<T>) -> bool {
    matches!(layer.inputs, Projections::Fused(_))
}

impl<T: Float> Parameters<T> for Attention<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        let name = if is_fused(&self.part) { "out_proj.bias" } else { "o_proj.bias" };
        self.part.parameters().into_iter().chain(cut::bias_parameter(name, &self.bias)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let name = if is_fused(&self.part) { "out_proj.bias" } else { "o_proj.bias" };
        let bias = cut::bias_parameter_mut(name, &mut self.bias);
        self.part.parameters_mut().into_iter().chain(bias).collect()
    }
}
