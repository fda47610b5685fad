//! The textbook: all scores of a head at once, then all shares, then the output.
//!
//! ```text
//!            Tk                  Tk                  E
//!        ┌────────┐          ┌────────┐           ┌─────┐
//!     Tq │ Q Kᵀ s │ ──────► Tq   P    │ · V ──► Tq│  O  │
//!        └────────┘  row by  └────────┘           └─────┘
//!                   row: softmax
//! ```
//!
//! The backward pass is the chain rule, product by product. With dX for the gradient of X, and s for the
//! scale:
//!
//! ```text
//! O = P V                      dP = dO Vᵀ          dV = Pᵀ dO
//! P = softmax(S) by rows       dS = P (dP - δ)     δᵢ = Σⱼ Pᵢⱼ dPᵢⱼ = Σₑ dOᵢₑ Oᵢₑ
//! S = Q Kᵀ s + mask            dQ = dS K s         dK = dSᵀ Q s
//! ```
//!
//! P is made anew from the scores and their log-sum-exp. So if output and log-sum-exp are those of an
//! attention over more keys, P holds the shares that these keys have in it, and the gradients are their part.
//!
//! Cost: 2 B H Tq Tk (D + E) operations forward, 2 B H Tq Tk (3 D + 2 E) backward, whatever the mask hides.
//! Memory: a head's (Tq, Tk) forward and two of them backward, for each thread. The exponential is the
//! standard library's, the products sum in no particular order: in f64 this is what all others are compared
//! with.
//!
//! Source: Vaswani et al., *Attention Is All You Need*, 2017.

#[cfg(test)]
mod tests;

use crate::algorithm::{Attended, Gradients, Upstream};
use crate::mask::HeadMask;
use crate::seen::product_of_seen;
use crate::{Dropout, Options, Result, Shape};
use matmul::{Write, tile};
use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView4, ArrayViewMut1, Axis, s};
use simd::Float;

/// The attention of `query` (B, H, Tq, D) over `key` (B, G, Tk, D) and `value` (B, G, Tk, E).
///
/// ```
/// use attention::{Options, naive};
/// use ndarray::{Array4, array};
///
/// let query = Array4::from_elem((1, 1, 1, 2), 0.0);
/// let key = Array4::from_shape_fn((1, 1, 4, 2), |(.., j, d)| (j + d) as f64);
/// let value = Array4::from_shape_fn((1, 1, 4, 1), |(.., j, _)| j as f64);
/// // All scores are 0, so that each key has the same share.
/// let attended = naive::forward(query.view(), key.view(), value.view(), &Options::default())?;
/// assert_eq!(attended.output, array![[[[1.5]]]]);
/// assert_eq!(attended.lse, array![[[4_f64.ln()]]]);
/// # Ok::<(), attention::Error>(())
/// ```
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
    let scale = options.scale_for(&shape);
    let Shape { batch, heads, queries, value_dim, .. } = shape;

    let mut output = Array3::zeros((batch * heads, queries, value_dim));
    let mut lse = Array2::zeros((batch * heads, queries));
    let tasks = output.outer_iter_mut().zip(lse.outer_iter_mut()).enumerate();
    options.threads.for_each(tasks, |(index, (output, lse))| {
        let (b, h) = (index / heads, index % heads);
        let (q, k, v) = (of(query, b, h), of(key, b, shape.kv_head(h)), of(value, b, shape.kv_head(h)));
        let mask = mask.head(b, h);

        let mut shares = scores(q, k, scale, &mask); // (Tq, Tk)
        for (row, lse) in shares.outer_iter_mut().zip(lse) {
            *lse = softmax(row);
        }
        drop_out(&mut shares, options.dropout, b, &mask);
        product_of_seen(output, shares.view(), v, Write::Replace, |i, j| mask.sees(i, j));
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
    let scale = options.scale_for(&shape);
    let Shape { batch, heads, kv_heads, queries, keys, head_dim, value_dim } = shape;

    // One task for each key-value head, with all query heads that use it: it alone adds to the gradients of
    // its keys.
    let tasks = batch * kv_heads;
    let mut d_query = Array4::zeros((tasks, shape.group(), queries, head_dim));
    let mut d_key = Array3::zeros((tasks, keys, head_dim));
    let mut d_value = Array3::zeros((tasks, keys, value_dim));
    let d_keys_and_values = d_key.outer_iter_mut().zip(d_value.outer_iter_mut());
    let outputs = d_query.outer_iter_mut().zip(d_keys_and_values).enumerate();
    options.threads.for_each(outputs, |(index, (mut d_query, (mut d_key, mut d_value)))| {
        let (b, g) = (index / kv_heads, index % kv_heads);
        let (k, v) = (of(key, b, g), of(value, b, g));
        for (h, d_query) in (g * shape.group()..).zip(d_query.outer_iter_mut()) {
            let (q, d_output) = (of(query, b, h), of(upstream.gradient, b, h));
            let mask = mask.head(b, h);
            let lse = upstream.lse.slice(s![b, h, ..]);
            let delta = (&d_output * &of(upstream.output, b, h)).sum_axis(Axis(1)); // (Tq)

            let mut shares = scores(q, k, scale, &mask); // (Tq, Tk)
            for (mut row, &lse) in shares.outer_iter_mut().zip(lse) {
                row.mapv_inplace(|score| share(score, lse));
            }
            let mut d_scores = Array2::zeros((queries, keys)); // first dP, then dS s
            tile(d_scores.view_mut(), d_output, v.t(), Write::Replace);
            drop_out(&mut d_scores, options.dropout, b, &mask);
            for ((i, j), d_score) in d_scores.indexed_iter_mut() {
                // Also dP and delta may hold anything where a query doesn't see a key.
                *d_score = match mask.sees(i, j) {
                    true => shares[(i, j)] * (*d_score - delta[i]) * scale,
                    false => T::zero(),
                };
            }
            drop_out(&mut shares, options.dropout, b, &mask);

            product_of_seen(d_query, d_scores.view(), k, Write::Replace, |i, j| mask.sees(i, j));
            product_of_seen(d_key.view_mut(), d_scores.t(), q, Write::Add, |j, i| mask.sees(i, j));
            product_of_seen(d_value.view_mut(), shares.t(), d_output, Write::Add, |j, i| mask.sees(i, j));
        }
    });
    Ok(Gradients {
        query: d_query.into_shape_with_order((batch, heads, queries, head_dim)).expect("(B G, H / G, Tq, D)"),
        key: d_key.into_shape_with_order((batch, kv_heads, keys, head_dim)).expect("(B G, Tk, D)"),
        value: d_value.into_shape_with_order((batch, kv_heads, keys, value_dim)).expect("(B G, Tk, E)"),
    })
}

/// One head: (T, D).
fn of<T>(heads: ArrayView4<'_, T>, batch: usize, head: usize) -> ArrayView2<'_, T> {
    heads.slice_move(s![batch, head, .., ..])
}

/// (Tq, Tk): -inf where a query doesn't see a key.
fn scores<T: Float>(
    q: ArrayView2<'_, T>,
    k: ArrayView2<'_, T>,
    scale: T,
    mask: &HeadMask<'_, T>,
) -> Array2<T> {
    let mut scores = Array2::zeros((q.nrows(), k.nrows()));
    tile(scores.view_mut(), q, k.t(), Write::Replace);
    for ((i, j), score) in scores.indexed_iter_mut() {
        *score = mask.adjusted(i, j, *score * scale);
    }
    scores
}

/// Turns a query's scores into shares, and returns the logarithm of the sum of their exp.
fn softmax<T: Float>(mut row: ArrayViewMut1<'_, T>) -> T {
    if row.iter().all(|&score| score == T::neg_infinity()) {
        row.fill(T::zero());
        return T::neg_infinity();
    }
    let max = row.fold(T::neg_infinity(), |max, &score| max.max(score));
    row.mapv_inplace(|score| (score - max).exp());
    let sum = row.sum();
    row.mapv_inplace(|share| share / sum);
    max + sum.ln()
}

/// exp(score - lse), where a query that sees no key has no shares.
fn share<T: Float>(score: T, lse: T) -> T {
    if score == T::neg_infinity() { T::zero() } else { (score - lse).exp() }
}

/// Drops what `dropout` says of a head's (Tq, Tk), and scales the rest.
fn drop_out<T: Float>(
    shares: &mut Array2<T>,
    dropout: Option<Dropout>,
    batch: usize,
    mask: &HeadMask<'_, T>,
) {
    let Some(dropout) = dropout else { return };
    let scale = T::of(dropout.scale());
    for (i, mut row) in shares.outer_iter_mut().enumerate() {
        let choices = mask.dropout(dropout, batch, i);
        for (j, share) in row.iter_mut().enumerate() {
            *share = if choices.keeps(mask.key(j)) { *share * scale } else { T::zero() };
        }
    }
}
