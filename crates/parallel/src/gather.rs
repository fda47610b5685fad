//! Attention over gathered keys: every rank gets the keys and values of all tokens, and attends with its own
//! queries.
//!
//! ```text
//! forward    keys, values of the rank ── all-gather ──► of all tokens ──► attention of the rank's queries
//! backward   d keys, d values of the rank ◄── reduce-scatter ── of all tokens, by the rank's queries
//! ```
//!
//! With grouped heads keys and values are much smaller than queries, and one large attention is simpler, and
//! faster, than a ring of small ones. Its price is memory: all keys on every rank, for one layer at a time
//! (they are gathered again for the backward pass, not kept), and that nothing is computed while they travel.
//!
//! Cost: as ring attention, B T G D elements of keys and of values go round: an all-gather forward; backward
//! an all-gather and a reduce-scatter. P-1 rounds each.
//!
//! Source: Grattafiori et al., *The Llama 3 Herd of Models*, 2024, section 3.3.2.

use crate::packing::{append, append_matrix, take_matrix};
use crate::whole::{Keys, Whole};
use crate::{Float, Result};
use attention::algorithm::{Attended, Gradients, Upstream};
use collectives::{AllGather, Communicator, Cost, Layout, ReduceScatter, Sum};
use ndarray::{Array4, ArrayView4, Axis, s};
use std::ops::Range;

/// The all-gather that it uses.
const GATHER: AllGather = AllGather::Ring;
/// The reduce-scatter that it uses.
const SCATTER: ReduceScatter = ReduceScatter::Ring;

/// The attention of this rank's queries over the keys of all ranks. `tokens` are those of each rank.
#[track_caller]
pub(crate) fn forward<T: Float>(
    comm: &Communicator,
    tokens: &[Vec<usize>],
    whole: &Whole<'_, '_, T>,
    query: ArrayView4<'_, T>,
    key: ArrayView4<'_, T>,
    value: ArrayView4<'_, T>,
) -> Result<Attended<T>> {
    if comm.size() == 1 {
        return whole.forward(&tokens[0], query, Keys { tokens: &tokens[0], key, value });
    }
    let [key, value] = gathered(comm, tokens, whole.tokens, [key, value])?;
    let all: Vec<usize> = (0..whole.tokens).collect();
    whole.forward(&tokens[comm.rank()], query, Keys { tokens: &all, key: key.view(), value: value.view() })
}

/// The gradients of this rank's queries, and of its keys and values by the queries of all ranks.
#[track_caller]
pub(crate) fn backward<T: Float>(
    comm: &Communicator,
    tokens: &[Vec<usize>],
    whole: &Whole<'_, '_, T>,
    query: ArrayView4<'_, T>,
    key: ArrayView4<'_, T>,
    value: ArrayView4<'_, T>,
    upstream: Upstream<'_, T>,
) -> Result<Gradients<T>> {
    if comm.size() == 1 {
        return whole.backward(&tokens[0], query, Keys { tokens: &tokens[0], key, value }, upstream);
    }
    let (own_keys, own_values) = (key.dim(), value.dim());
    let size = key.len();
    let [key, value] = gathered(comm, tokens, whole.tokens, [key, value])?;
    let all: Vec<usize> = (0..whole.tokens).collect();
    let keys = Keys { tokens: &all, key: key.view(), value: value.view() };
    let gradients = whole.backward(&tokens[comm.rank()], query, keys, upstream)?;

    let counts = counts(tokens, [&gradients.key, &gradients.value].map(|gradient| gradient.view()));
    let mut blocks = Vec::with_capacity(counts.iter().sum());
    for tokens in tokens {
        for gradient in [&gradients.key, &gradients.value] {
            take_rows(gradient, tokens, &mut blocks);
        }
    }
    let mut own = vec![T::zero(); counts[comm.rank()]];
    comm.reduce_scatter_v_with(SCATTER, &blocks, &counts, &mut own, &Sum)?;
    let d_value = own.split_off(size);
    Ok(Gradients {
        query: gradients.query,
        key: Array4::from_shape_vec(own_keys, own).expect("as many elements"),
        value: Array4::from_shape_vec(own_values, d_value).expect("as many elements"),
    })
}

/// What rank `rank` sends forward, if its keys and values and those of the others are so many elements.
pub(crate) fn cost_forward(blocks: &[usize], rank: usize) -> Cost {
    GATHER.cost(&Layout::of_counts(blocks.iter().copied()), rank)
}

/// What it sends backward.
pub(crate) fn cost_backward(blocks: &[usize], rank: usize) -> Cost {
    let blocks = Layout::of_counts(blocks.iter().copied());
    GATHER.cost(&blocks, rank).then(SCATTER.cost(&blocks, rank))
}

/// Keys (B, G, T, D) and values (B, G, T, E) of all tokens, in their order.
#[track_caller]
fn gathered<T: Float>(
    comm: &Communicator,
    tokens: &[Vec<usize>],
    total: usize,
    own: [ArrayView4<'_, T>; 2],
) -> Result<[Array4<T>; 2]> {
    let counts = counts(tokens, own);
    let mut block = Vec::with_capacity(counts[comm.rank()]);
    own.iter().for_each(|tensor| append(&mut block, tensor.view()));
    let mut blocks = vec![T::zero(); counts.iter().sum()];
    comm.all_gather_v_with(GATHER, &block, &counts, &mut blocks)?;
    let mut all = own.map(|own| {
        let (batch, kv_heads, _, dim) = own.dim();
        Array4::zeros((batch, kv_heads, total, dim))
    });
    let mut rows = blocks.as_slice();
    for tokens in tokens {
        for all in &mut all {
            put_rows(&mut rows, tokens, all);
        }
    }
    Ok(all)
}

/// Elements of each rank's keys and values.
fn counts<T>(tokens: &[Vec<usize>], tensors: [ArrayView4<'_, T>; 2]) -> Vec<usize> {
    let of_token =
        tensors.map(|tensor| tensor.len_of(Axis(0)) * tensor.len_of(Axis(1)) * tensor.len_of(Axis(3)));
    tokens.iter().map(|tokens| tokens.len() * (of_token[0] + of_token[1])).collect()
}

/// Appends the rows of these tokens, head by head.
fn take_rows<T: Float>(from: &Array4<T>, tokens: &[usize], rows: &mut Vec<T>) {
    for head in from.outer_iter().flat_map(|entry| entry.into_outer_iter()) {
        runs(tokens).for_each(|run| append_matrix(rows, head.slice(s![run, ..])));
    }
}

/// The reverse: the first of these rows become those of these tokens.
fn put_rows<T: Float>(rows: &mut &[T], tokens: &[usize], to: &mut Array4<T>) {
    for mut entry in to.outer_iter_mut() {
        for mut head in entry.outer_iter_mut() {
            runs(tokens).for_each(|run| take_matrix(rows, head.slice_mut(s![run, ..])));
        }
    }
}

/// Tokens that follow each other: one run of contiguous shards, two of zigzag ones, each token of striped ones.
fn runs(tokens: &[usize]) -> impl Iterator<Item = Range<usize>> {
    tokens.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[0] + run.len())
}
