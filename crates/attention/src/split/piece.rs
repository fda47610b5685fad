//! One piece of the keys, for all queries that use them: plain attention of a few rows.

use super::Source;
use crate::mask::Coverage;
use crate::seen::product_of_seen;
use crate::{Dropout, Shape};
use matmul::{Write, tile};
use ndarray::{ArrayView4, ArrayViewMut1, ArrayViewMut2, s};
use simd::{Float, exp, vectorised};
use std::ops::Range;

/// Some keys of one key-value head.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) batch: usize,
    pub(super) kv_head: usize,
    pub(super) keys: Range<usize>,
}

/// One thread's room to work in.
pub(super) struct Workspace<T> {
    query: Vec<T>,  // Q scale: (rows, D)
    scores: Vec<T>, // S, then P: (rows, keys)
}

/// Up to so many rows are multiplied by the keys one at a time: a product of few rows and a transposed matrix
/// first copies the matrix, which takes longer than the product. On an AMD EPYC (Zen 5), 2026-11, with 512
/// keys and D = 64: 2.1 us for one row; 5.9 for two and 6.2 for four together.
const ONE_BY_ONE: usize = 2;

impl<T: Float> Workspace<T> {
    pub(super) fn new(rows: usize, shape: &Shape, keys: usize) -> Self {
        Workspace { query: vec![T::zero(); rows * shape.head_dim], scores: vec![T::zero(); rows * keys] }
    }

    /// Writes the piece's output, (rows, E), and log-sum-exp; where nothing is seen they stay as they are:
    /// zeros and -inf.
    #[expect(clippy::too_many_arguments, reason = "what is read, what is chosen, what is written")]
    pub(super) fn attend<S: Source<T>>(
        &mut self,
        query: ArrayView4<'_, T>,
        source: &S,
        shape: &Shape,
        scale: T,
        dropout: Option<Dropout>,
        piece: &Piece,
        mut output: ArrayViewMut2<'_, T>,
        mut lse: ArrayViewMut1<'_, T>,
    ) {
        let Piece { batch, kv_head, ref keys } = *piece;
        let heads = kv_head * shape.group()..(kv_head + 1) * shape.group();
        let masks: Vec<_> = heads.clone().map(|head| source.mask(batch, head)).collect();
        let coverages: Vec<_> =
            masks.iter().map(|mask| mask.coverage(0..shape.queries, keys.clone())).collect();
        if coverages.iter().all(|&coverage| coverage == Coverage::Nothing) {
            return;
        }
        // Row r is query r % Tq of head r / Tq of the group.
        let rows = output.nrows();
        let (head, i) = (|row: usize| row / shape.queries, |row: usize| row % shape.queries);
        let of_group = query.slice(s![batch, heads.clone(), .., ..]);
        for (to, &from) in self.query.iter_mut().zip(&of_group) {
            *to = from * scale;
        }
        let q = ndarray::ArrayView2::from_shape((rows, shape.head_dim), &self.query).expect("made so");
        let mut scores = ArrayViewMut2::from_shape((rows, keys.len()), &mut self.scores[..rows * keys.len()])
            .expect("room enough");
        for (run, key, _) in source.runs(batch, kv_head, keys.clone()) {
            let mut scores = scores.slice_mut(s![.., run.start - keys.start..run.end - keys.start]);
            if rows <= ONE_BY_ONE {
                for row in 0..rows {
                    let scores = scores.slice_mut(s![row..=row, ..]);
                    tile(scores, q.slice(s![row..=row, ..]), key.t(), Write::Replace);
                }
            } else {
                tile(scores, q, key.t(), Write::Replace);
            }
        }
        for (row, mut scores) in scores.outer_iter_mut().enumerate() {
            let mask = &masks[head(row)];
            if coverages[head(row)] != Coverage::Everything {
                for (j, score) in keys.clone().zip(&mut scores) {
                    *score = mask.adjusted(i(row), j, *score);
                }
            }
            let scores = scores.into_slice().expect("rows lie together");
            lse[row] = vectorised(
                #[inline(always)]
                || softmax(scores),
            );
            if let Some(dropout) = dropout {
                let mask = &masks[head(row)];
                let choices = mask.dropout(dropout, batch, i(row));
                let scale = T::of(dropout.scale());
                for (j, share) in keys.clone().zip(scores) {
                    *share = if choices.keeps(mask.key(j)) { *share * scale } else { T::zero() };
                }
            }
        }
        let everything = coverages.iter().all(|&coverage| coverage == Coverage::Everything);
        for (run, _, value) in source.runs(batch, kv_head, keys.clone()) {
            let shares = scores.slice(s![.., run.start - keys.start..run.end - keys.start]);
            match everything {
                true => tile(output.view_mut(), shares, value, Write::Add),
                false => product_of_seen(output.view_mut(), shares, value, Write::Add, |row, j| {
                    masks[head(row)].sees(i(row), run.start + j)
                }),
            }
        }
    }
}

/// Turns a row of scores into shares, and returns their log-sum-exp.
#[inline(always)]
fn softmax<T: Float>(scores: &mut [T]) -> T {
    const LANES: usize = 32; // two vectors of f32, so that one needn't wait for the other
    let mut max = [T::neg_infinity(); LANES];
    let (pieces, rest) = scores.as_chunks::<LANES>();
    for piece in pieces {
        for (max, &s) in max.iter_mut().zip(piece) {
            *max = if s > *max { s } else { *max };
        }
    }
    let max = max.iter().chain(rest).fold(T::neg_infinity(), |max, &s| if s > max { s } else { max });
    // Of nothing: exp(-inf - 0) is 0.
    let shift = if max == T::neg_infinity() { T::zero() } else { max };
    let mut sums = [T::zero(); LANES];
    let (pieces, rest) = scores.as_chunks_mut::<LANES>();
    for piece in pieces {
        for (sum, s) in sums.iter_mut().zip(piece) {
            *s = exp(*s - shift);
            *sum += *s;
        }
    }
    for s in rest.iter_mut() {
        *s = exp(*s - shift);
    }
    let sum = sums.iter().chain(&*rest).fold(T::zero(), |sum, &share| sum + share);
    if sum == T::zero() {
        return T::neg_infinity();
    }
    for share in scores {
        *share /= sum;
    }
    max + sum.ln()
}
