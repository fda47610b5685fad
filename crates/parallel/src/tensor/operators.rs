//! f, g and their bars: what happens to activations where a layer that is cut up begins and where it ends.
//!
//! ```text
//!        forward            backward             seen as a matrix, for P = 2       its transpose
//! f      nothing            all-reduce           ( I )  a copy for each rank       ( I  I )  their sum
//!                                                ( I )
//! f̄      all-reduce         nothing              ( I  I )                          ( I )
//!                                                                                  ( I )
//! g      all-gather         reduce-scatter       every rank copies all shards      the copies' gradients are summed
//! ḡ      reduce-scatter     all-gather           partial sums become shards        each part gets its sum's gradient
//! ```
//!
//! To copy and to add are each other's transpose, and the backward pass goes through the transpose of what
//! the forward pass went through. So each of these is the other one's backward: f and f̄, g and ḡ are
//! *conjugate*.
//!
//! The names are those of Korthikanti et al. (2022). In Megatron's first paper (Shoeybi et al., 2019) f̄ is
//! called g.
//!
//! Cost, for x of N elements: an all-reduce sends 2N(P-1)/P elements a rank, an all-gather or reduce-scatter
//! half of that: f and f̄ together send what g and ḡ do. [`Edges`](super::Edges) has the exact numbers.
//!
//! Sources: Shoeybi et al., *Megatron-LM: Training Multi-Billion Parameter Language Models Using Model
//! Parallelism*, 2019; Korthikanti et al., *Reducing Activation Recomputation in Large Transformer Models*,
//! 2022.

use super::shards;
use crate::gradients::ALL_REDUCE;
use crate::{Float, Result};
use collectives::{Communicator, Sum};
use ndarray::{ArcArray, Array3, ArrayView3, Ix3};

/// f, forward: x (B, T, dim), which every rank has, is used by every rank.
pub fn f<T>(x: ArcArray<T, Ix3>) -> ArcArray<T, Ix3> {
    x
}

/// f, backward: every rank used x, so its gradient is the sum of theirs.
///
/// # Errors
///
/// If the world has failed.
#[track_caller]
pub fn f_backward<T: Float>(comm: &Communicator, gradient: Array3<T>) -> Result<Array3<T>> {
    all_reduce(comm, gradient)
}

/// f̄, forward: y is the sum of the ranks' partial results (B, T, dim). (g in the paper of 2019.)
///
/// # Errors
///
/// If the world has failed.
#[track_caller]
pub fn f_bar<T: Float>(comm: &Communicator, partial: Array3<T>) -> Result<Array3<T>> {
    all_reduce(comm, partial)
}

/// f̄, backward: each partial result was a term of y, so its gradient is that of y, which every rank has.
pub fn f_bar_backward<T>(gradient: ArcArray<T, Ix3>) -> ArcArray<T, Ix3> {
    gradient
}

/// g, forward: x (B, T, dim) of the shards (B, T_r, dim) that the ranks have of it.
///
/// # Errors
///
/// If the shard isn't that of this rank, or the world has failed.
#[track_caller]
pub fn g<T: Float>(comm: &Communicator, shard: ArrayView3<'_, T>, tokens: usize) -> Result<Array3<T>> {
    shards::gather(comm, shard, tokens)
}

/// g, backward: every rank used all of x; each gets the sum of their gradients for its shard.
///
/// # Errors
///
/// If the world has failed.
#[track_caller]
pub fn g_backward<T: Float>(comm: &Communicator, gradient: ArrayView3<'_, T>) -> Result<Array3<T>> {
    shards::scatter_sum(comm, gradient)
}

/// ḡ, forward: the sum of the ranks' partial results (B, T, dim), of which each rank gets its shard (B, T_r,
/// dim).
///
/// # Errors
///
/// If the world has failed.
#[track_caller]
pub fn g_bar<T: Float>(comm: &Communicator, partial: ArrayView3<'_, T>) -> Result<Array3<T>> {
    shards::scatter_sum(comm, partial)
}

/// ḡ, backward: each partial result was a term of all of y, whose gradient the ranks have in shards.
///
/// # Errors
///
/// If the shard isn't that of this rank, or the world has failed.
#[track_caller]
pub fn g_bar_backward<T: Float>(
    comm: &Communicator,
    gradient: ArrayView3<'_, T>,
    tokens: usize,
) -> Result<Array3<T>> {
    shards::gather(comm, gradient, tokens)
}

#[track_caller]
fn all_reduce<T: Float>(comm: &Communicator, x: Array3<T>) -> Result<Array3<T>> {
    let mut x = match x.is_standard_layout() {
        true => x,
        false => x.as_standard_layout().into_owned(),
    };
    comm.all_reduce_with(ALL_REDUCE, x.as_slice_mut().expect("in row-major order"), &Sum)?;
    Ok(x)
}
