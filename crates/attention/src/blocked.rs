//! Attention over some keys at a time: the step between [`naive`](crate::naive) and [`flash`](crate::flash).
//!
//! ```text
//!            keys ──►
//!          ┌─────┬─────┬─────┬──┐        for each block of keys, for all queries of a head:
//!          │     │  ▒  │     │  │
//! queries  │     │  ▒  │     │  │        S = Q Kᵀ s                        (Tq, block)
//!    │     │     │  ▒  │     │  │        m_new = max(m, the row's maximum)
//!    ▼     │     │  ▒  │     │  │        P = exp(S - m_new)
//!          │     │  ▒  │     │  │        l = l exp(m - m_new) + the row's sum of P
//!          └─────┴─────┴─────┴──┘        O = O exp(m - m_new) + P V
//!                                        at the end: O / l, and m + ln l
//! ```
//!
//! A row needs all of its scores for the maximum and the sum, but not at once: they are a [`Partial`], which
//! grows with each block. What was added to the output was relative to an older maximum, and is scaled when
//! there is a new one. The backward pass needs no running softmax, since it is given the log-sum-exp.
//!
//! Invariant: after each block, `running` is the softmax of the keys so far, and the output, divided by its
//! sum, their attention.
//!
//! Cost: the operations of [`naive`](crate::naive), but for blocks that no query sees, and Tq exponentials
//! more for each block. Memory: (Tq, block) in place of (Tq, Tk), for each thread. That still grows with Tq,
//! and leaves the cache when a sequence is long: flash cuts the queries too.
//!
//! Source: Rabe & Staats, *Self-attention Does Not Need O(n²) Memory*, 2021.

#[cfg(test)]
mod tests;

use crate::algorithm::{Attended, Gradients, Upstream};
use crate::mask::{Coverage, HeadMask, Resolved};
use crate::partial::Partial;
use crate::seen::product_of_seen;
use crate::{Dropout, Options, Result, Shape};
use matmul::{Write, tile};
use ndarray::{Array2, Array3, Array4, ArrayView1, ArrayView2, ArrayView4, Axis, s};
use simd::Float;
use std::ops::Range;

/// Keys to a block.
const KEYS: usize = 128;

/// The attention of `query` (B, H, Tq, D) over `key` (B, G, Tk, D) and `value` (B, G, Tk, E).
///
/// # Errors
///
/// If shapes don't fit each other or the options.
pub fn forward<T: Float>(
    query: ArrayView4<'_, T>,
    key: ArrayView4<'_, T>,
    value: ArrayView4<'_, T>,
    options: &Options<'_, T>,
) -> Result<Attended<T>> {
    let shape = Shape::of(query, key, value)?;
    let mask = options.mask.resolve(&shape)?;
    let Shape { batch, heads, queries, value_dim, .. } = shape;

    let mut output = Array3::zeros((batch * heads, queries, value_dim));
    let mut lse = Array2::zeros((batch * heads, queries));
    let tasks = output.outer_iter_mut().zip(lse.outer_iter_mut()).enumerate();
    options.threads.for_each(tasks, |(index, (mut output, lse))| {
        let head = Head::of(query, key, value, options, &shape, &mask, (index / heads, index % heads));
        let mut running = vec![Partial::identity(); queries];
        for keys in head.blocks() {
            let mut shares = head.scores(&keys); // (Tq, block)
            let rows = shares.outer_iter_mut().zip(output.outer_iter_mut());
            for ((mut row, mut output), running) in rows.zip(&mut running) {
                let max = row.fold(running.shift(), |max: T, &score| max.max(score));
                let kept = (running.shift() - max).exp();
                row.mapv_inplace(|score| (score - max).exp());
                output.mapv_inplace(|x| x * kept);
                *running = Partial { max, sum: running.sum * kept + row.sum() };
            }
            head.drop_out(&mut shares, &keys);
            let value = head.value.slice(s![keys.clone(), ..]);
            product_of_seen(output.view_mut(), shares.view(), value, Write::Add, |i, j| {
                head.sees(i, &keys, j)
            });
        }
        for ((mut output, lse), running) in output.outer_iter_mut().zip(lse).zip(running) {
            output.mapv_inplace(|x| x * running.scale());
            *lse = running.log_sum_exp();
        }
    });
    Ok(Attended {
        output: output.into_shape_with_order(shape.output()).expect("(B H, Tq, E) to (B, H, Tq, E)"),
        lse: lse.into_shape_with_order((batch, heads, queries)).expect("(B H, Tq) to (B, H, Tq)"),
    })
}

/// The gradients, given that of the output.
///
/// # Errors
///
/// If shapes don't fit each other or the options.
pub fn backward<T: Float>(
    query: ArrayView4<'_, T>,
    key: ArrayView4<'_, T>,
    value: ArrayView4<'_, T>,
    upstream: Upstream<'_, T>,
    options: &Options<'_, T>,
) -> Result<Gradients<T>> {
    let shape = Shape::of(query, key, value)?;
    upstream.check(&shape)?;
    let mask = options.mask.resolve(&shape)?;
    let Shape { batch, kv_heads, queries, keys, head_dim, value_dim, .. } = shape;

    // One task for each key-value head: it alone adds to the gradients of its keys.
    let tasks = batch * kv_heads;
    let mut d_query = Array4::zeros((tasks, shape.group(), queries, head_dim));
    let mut d_key = Array3::zeros((tasks, keys, head_dim));
    let mut d_value = Array3::zeros((tasks, keys, value_dim));
    let d_keys_and_values = d_key.outer_iter_mut().zip(d_value.outer_iter_mut());
    let outputs = d_query.outer_iter_mut().zip(d_keys_and_values).enumerate();
    options.threads.for_each(outputs, |(index, (mut d_query, (mut d_key, mut d_value)))| {
        let (b, g) = (index / kv_heads, index % kv_heads);
        for (h, mut d_query) in (g * shape.group()..).zip(d_query.outer_iter_mut()) {
            let head = Head::of(query, key, value, options, &shape, &mask, (b, h));
            let d_output = upstream.gradient.slice(s![b, h, .., ..]); // (Tq, E)
            let delta = (&d_output * &upstream.output.slice(s![b, h, .., ..])).sum_axis(Axis(1)); // (Tq)
            for keys in head.blocks() {
                let mut shares = head.shares(&keys, upstream.lse.slice(s![b, h, ..])); // (Tq, block)
                let mut d_scores = Array2::zeros(shares.raw_dim()); // (Tq, block): first dP, then dS s
                tile(
                    d_scores.view_mut(),
                    d_output,
                    head.value.slice(s![keys.clone(), ..]).t(),
                    Write::Replace,
                );
                head.drop_out(&mut d_scores, &keys);
                for ((i, j), d_score) in d_scores.indexed_iter_mut() {
                    *d_score = match head.sees(i, &keys, j) {
                        true => shares[(i, j)] * (*d_score - delta[i]) * head.scale,
                        false => T::zero(),
                    };
                }
                head.drop_out(&mut shares, &keys);

                let sees = |i: usize, j: usize| head.sees(i, &keys, j);
                let key = head.key.slice(s![keys.clone(), ..]);
                product_of_seen(d_query.view_mut(), d_scores.view(), key, Write::Add, sees);
                let d_key = d_key.slice_mut(s![keys.clone(), ..]);
                product_of_seen(d_key, d_scores.t(), head.query, Write::Add, |j, i| sees(i, j));
                let d_value = d_value.slice_mut(s![keys.clone(), ..]);
                product_of_seen(d_value, shares.t(), d_output, Write::Add, |j, i| sees(i, j));
            }
        }
    });
    Ok(Gradients {
        query: d_query.into_shape_with_order(query.raw_dim()).expect("(B G, H / G, Tq, D)"),
        key: d_key.into_shape_with_order(key.raw_dim()).expect("(B G, Tk, D)"),
        value: d_value.into_shape_with_order(value.raw_dim()).expect("(B G, Tk, E)"),
    })
}

/// One query head, with the keys and values that it uses.
struct Head<'a, T> {
    query: ArrayView2<'a, T>, // (Tq, D)
    key: ArrayView2<'a, T>,   // (Tk, D)
    value: ArrayView2<'a, T>, // (Tk, E)
    mask: HeadMask<'a, T>,
    scale: T,
    dropout: Option<Dropout>,
    batch: usize,
}

impl<'a, T: Float> Head<'a, T> {
    fn of(
        query: ArrayView4<'a, T>,
        key: ArrayView4<'a, T>,
        value: ArrayView4<'a, T>,
        options: &Options<'_, T>,
        shape: &Shape,
        mask: &'a Resolved<'_, T>,
        (b, h): (usize, usize),
    ) -> Self {
        let g = shape.kv_head(h);
        Head {
            query: query.slice_move(s![b, h, .., ..]),
            key: key.slice_move(s![b, g, .., ..]),
            value: value.slice_move(s![b, g, .., ..]),
            mask: mask.head(b, h),
            scale: options.scale_for(shape),
            dropout: options.dropout,
            batch: b,
        }
    }

    /// The blocks of keys of which any is seen.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let (queries, keys) = (self.query.nrows(), self.key.nrows());
        let blocks = (0..keys).step_by(KEYS).map(move |first| first..keys.min(first + KEYS));
        blocks.filter(move |keys| self.mask.coverage(0..queries, keys.clone()) != Coverage::Nothing)
    }

    /// Whether query i sees key j of a block.
    fn sees(&self, i: usize, keys: &Range<usize>, j: usize) -> bool {
        self.mask.sees(i, keys.start + j)
    }

    /// (Tq, block): -inf where a query doesn't see a key.
    fn scores(&self, keys: &Range<usize>) -> Array2<T> {
        let mut scores = Array2::zeros((self.query.nrows(), keys.len()));
        tile(scores.view_mut(), self.query, self.key.slice(s![keys.clone(), ..]).t(), Write::Replace);
        for ((i, j), score) in scores.indexed_iter_mut() {
            *score = self.mask.adjusted(i, keys.start + j, *score * self.scale);
        }
        scores
    }

    /// (Tq, block): the shares of these keys among those that the log-sum-exp (Tq) is of.
    fn shares(&self, keys: &Range<usize>, lse: ArrayView1<'_, T>) -> Array2<T> {
        let mut scores = self.scores(keys);
        for (mut row, &lse) in scores.outer_iter_mut().zip(lse) {
            // What isn't seen has no share, also if the lse is -inf (nothing is seen) or NaN (what is seen is
            // NaN).
            let none = T::neg_infinity();
            row.mapv_inplace(|score| if score == none { T::zero() } else { (score - lse).exp() });
        }
        scores
    }

    /// Drops shares of a block, and makes up for them in the others.
    fn drop_out(&self, shares: &mut Array2<T>, keys: &Range<usize>) {
        let Some(dropout) = self.dropout else { return };
        let scale = T::of(dropout.scale());
        for (i, mut row) in shares.outer_iter_mut().enumerate() {
            let choices = self.mask.dropout(dropout, self.batch, i);
            for (j, share) in keys.clone().zip(&mut row) {
                *share = if choices.keeps(self.mask.key(j)) { *share * scale } else { T::zero() };
            }
        }
    }
}
