//! A sequence in shards: which tokens a rank has, and how shards become a whole and back.
//!
//! ```text
//! T = 7, P = 3      rank 0: tokens 0 1 2      rank 1: 3 4      rank 2: 5 6        of every sequence of the batch
//!
//! in memory, B = 2, tokens a₀ ... a₆ and b₀ ... b₆:
//!   by rank        a₀a₁a₂ b₀b₁b₂ │ a₃a₄ b₃b₄ │ a₅a₆ b₅b₆         what an all-gather gives, and a reduce-scatter takes
//!   by sequence    a₀a₁a₂a₃a₄a₅a₆ │ b₀b₁b₂b₃b₄b₅b₆                (B, T, dim)
//! ```
//!
//! The two orders are one if there is one sequence. For more, elements are moved once, from the one to the
//! other. (Megatron lays activations out as (T, B, dim), where the orders are always one; here attention
//! wants the tokens of a sequence together.)
//!
//! Shards differ by one token at most, and where there are fewer tokens than ranks some are empty.

use crate::Float;
use crate::error::{Result, expect};
use collectives::{AllGather, Communicator, Cost, Layout, ReduceScatter, Sum};
use ndarray::{Array3, ArrayView3, s};

/// The algorithm of all gathers here.
const ALL_GATHER: AllGather = AllGather::Ring;
/// The algorithm of all sums that are scattered here.
const REDUCE_SCATTER: ReduceScatter = ReduceScatter::Ring;

/// Elements of each rank's shard of x (B, T, dim).
fn counts([batch, tokens, dim]: [usize; 3], ranks: usize) -> Vec<usize> {
    let tokens = Layout::even(tokens, ranks);
    (0..ranks).map(|rank| batch * tokens.len(rank) * dim).collect()
}

/// The whole, (B, T, dim), of the ranks' shards, (B, T_r, dim).
#[track_caller]
pub(super) fn gather<T: Float>(
    comm: &Communicator,
    shard: ArrayView3<'_, T>,
    tokens: usize,
) -> Result<Array3<T>> {
    let (batch, _, dim) = shard.dim();
    let own = Layout::even(tokens, comm.size()).len(comm.rank());
    expect("the shard", shard.shape(), &[batch, own, dim], "(B, T_r, dim): T is cut evenly among the ranks")?;
    let shape = [batch, tokens, dim];
    let shard = shard.as_standard_layout();
    let mut by_rank = vec![T::zero(); shape.iter().product()];
    let shard = shard.as_slice().expect("in row-major order");
    comm.all_gather_v_with(ALL_GATHER, shard, &counts(shape, comm.size()), &mut by_rank)?;
    Ok(by_sequence(by_rank, shape, comm.size()))
}

/// The sum of what the ranks have, (B, T, dim), of which each gets its shard, (B, T_r, dim).
#[track_caller]
pub(super) fn scatter_sum<T: Float>(comm: &Communicator, x: ArrayView3<'_, T>) -> Result<Array3<T>> {
    let (batch, tokens, dim) = x.dim();
    let shape = [batch, tokens, dim];
    let own = Layout::even(tokens, comm.size()).len(comm.rank());
    let mut shard = Array3::zeros((batch, own, dim));
    let counts = counts(shape, comm.size());
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("in row-major order");
    let output = shard.as_slice_mut().expect("in row-major order");
    match batch == 1 || comm.size() == 1 {
        true => comm.reduce_scatter_v_with(REDUCE_SCATTER, x, &counts, output, &Sum)?,
        false => {
            let x = by_rank(x, shape, comm.size());
            comm.reduce_scatter_v_with(REDUCE_SCATTER, &x, &counts, output, &Sum)?;
        }
    }
    Ok(shard)
}

/// What rank `rank` sends to gather x (B, T, dim).
pub(super) fn gather_cost(shape: [usize; 3], ranks: usize, rank: usize) -> Cost {
    ALL_GATHER.cost(&Layout::of_counts(counts(shape, ranks)), rank)
}

/// What rank `rank` sends to sum and scatter x (B, T, dim).
pub(super) fn scatter_sum_cost(shape: [usize; 3], ranks: usize, rank: usize) -> Cost {
    REDUCE_SCATTER.cost(&Layout::of_counts(counts(shape, ranks)), rank)
}

/// (P, B, T_r, dim), one shard after the other, as (B, T, dim).
fn by_sequence<T: Float>(by_rank: Vec<T>, shape: [usize; 3], ranks: usize) -> Array3<T> {
    let [batch, tokens, dim] = shape;
    if batch == 1 || ranks == 1 {
        return Array3::from_shape_vec(shape, by_rank).expect("all shards together are the whole");
    }
    let (layout, shards) = (Layout::even(tokens, ranks), Layout::of_counts(counts(shape, ranks)));
    let mut whole = Array3::zeros(shape);
    for rank in 0..ranks {
        let shard = &by_rank[shards.block(rank)];
        let shard =
            ArrayView3::from_shape((batch, layout.len(rank), dim), shard).expect("its shape's elements");
        whole.slice_mut(s![.., layout.block(rank), ..]).assign(&shard);
    }
    whole
}

/// (B, T, dim) as (P, B, T_r, dim), one shard after the other.
fn by_rank<T: Float>(x: &[T], [batch, tokens, dim]: [usize; 3], ranks: usize) -> Vec<T> {
    let layout = Layout::even(tokens, ranks);
    let mut by_rank = Vec::with_capacity(x.len());
    for rank in 0..ranks {
        let own = layout.block(rank);
        for sequence in 0..batch {
            by_rank.extend_from_slice(
                &x[(sequence * tokens + own.start) * dim..(sequence * tokens + own.end) * dim],
            );
        }
    }
    by_rank
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each element says which one it is.
    #[test]
    fn the_orders_are_each_others_inverse() {
        for batch in 0..4 {
            for tokens in 0..8 {
                for ranks in 1..6 {
                    let shape = [batch, tokens, 3];
                    let whole = Array3::from_shape_fn(shape, |(b, t, d)| (b * 100 + t * 10 + d) as f64);
                    let packed = by_rank(whole.as_slice().unwrap(), shape, ranks);
                    let shards = Layout::of_counts(counts(shape, ranks));
                    for rank in 0..ranks {
                        let own = Layout::even(tokens, ranks).block(rank);
                        let expected: Vec<f64> = whole.slice(s![.., own, ..]).iter().copied().collect();
                        assert_eq!(
                            packed[shards.block(rank)],
                            expected,
                            "{shape:?} on {ranks} ranks, rank {rank}"
                        );
                    }
                    assert_eq!(by_sequence(packed, shape, ranks), whole, "{shape:?} on {ranks} ranks");
                }
            }
        }
    }
}
