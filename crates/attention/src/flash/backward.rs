//! Flash attention, backward: nothing but the output and the log-sum-exp is kept from the forward pass.
//!
//! With P the shares, D' the mask of dropout and its factor, delta_i = Σ dO_i O_i (the part of dP that the
//! division by the sum takes away again), for each tile of keys and each tile of queries:
//!
//! ```text
//! Sᵀ  = K Qᵀ                       Pᵀ = exp(Sᵀ - lse)        the forward pass again
//! dV += (P D')ᵀ dO
//! dPᵀ = V dOᵀ D'                   dSᵀ = Pᵀ (dPᵀ - delta)    element by element
//! dK += dSᵀ Q scale
//! dQ += dS K scale                 five products in all
//! ```
//!
//! A task is one key-value head, with all query heads that share it, so that the gradients of its keys and
//! values are summed without a lock. Where these can't be shared out evenly, and aren't four for each thread,
//! a head's tiles of keys are dealt out to several tasks. Then each has gradients of the queries of its own
//! (up to one dQ for each thread), and they are summed at the end, always in the same order.

use super::masking::Masking;
use super::{Head, KEYS, QUERIES, columns, matrix, matrix_mut, transpose_into};
use crate::algorithm::{Gradients, Upstream};
use crate::mask::{Coverage, Resolved};
use crate::seen::product_of_seen;
use crate::{Options, Result, Shape, Threads};
use matmul::{Write, tile};
use ndarray::{Array4, ArrayView2, ArrayView4, s};
use simd::{Float, exp, vectorised};
use std::ops::Range;

/// The gradients of `query` (B, H, Tq, D), `key` (B, G, Tk, D) and `value` (B, G, Tk, E), given that of the
/// output.
///
/// The same bits on every run with the same number of threads.
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
    let mut d_key = Array4::zeros(key.raw_dim());
    let mut d_value = Array4::zeros(value.raw_dim());
    let parts = parts(&shape, options.threads);
    let mut d_query = vec![Array4::zeros(query.raw_dim()); parts];

    let inputs = Inputs {
        query: query.view(),
        key: key.view(),
        value: value.view(),
        upstream: upstream.view(),
        scale: options.scale_for(&shape),
    };
    let tasks = tasks(&shape, &mut d_query, &mut d_key, &mut d_value);
    options.threads.for_each_with(
        tasks,
        || Workspace::new(&shape),
        |workspace, mut task| {
            for in_group in 0..shape.group() {
                let head = Head { batch: task.batch, head: task.kv_head * shape.group() + in_group };
                workspace.load(&inputs, head);
                workspace.propagate(
                    &inputs.head(head, task.kv_head),
                    &mask,
                    options,
                    head,
                    in_group,
                    &mut task,
                );
            }
        },
    );
    let d_query = d_query.into_iter().reduce(|sum, part| sum + part);
    Ok(Gradients { query: d_query.expect("at least one part"), key: d_key, value: d_value })
}

/// How many tasks a key-value head becomes: 1 if heads can be shared out evenly among the threads, or are
/// many.
fn parts(shape: &Shape, threads: Threads) -> usize {
    let heads = shape.batch * shape.kv_heads;
    let enough = |parts: &usize| {
        (heads * parts).is_multiple_of(threads.count()) || heads * parts >= threads.count().saturating_mul(4)
    };
    let most = shape.keys.div_ceil(KEYS).max(1);
    (1..most).find(enough).unwrap_or(most)
}

/// Some tiles of keys of one head, with all queries.
struct Task<'a, T> {
    batch: usize,
    kv_head: usize,
    /// Of the query heads of the group: (H / G, Tq, D).
    d_query: &'a mut [T],
    tiles: Vec<KeyTile<'a, T>>,
}

/// A tile of keys, and where its gradients go.
struct KeyTile<'a, T> {
    keys: Range<usize>,
    d_key: &'a mut [T],   // (keys, D)
    d_value: &'a mut [T], // (keys, E)
}

/// Deals out the tiles of keys of each head to as many tasks as there are gradients of the queries.
fn tasks<'a, T: Float>(
    shape: &Shape,
    d_query: &'a mut [Array4<T>],
    d_key: &'a mut Array4<T>,
    d_value: &'a mut Array4<T>,
) -> Vec<Task<'a, T>> {
    let parts = d_query.len();
    let mut tasks = Vec::new();
    if shape.keys == 0 || shape.queries == 0 || shape.heads == 0 {
        return tasks; // no pairs: all gradients are zero
    }
    let chunk = shape.group() * shape.queries * shape.head_dim;
    for d_query in d_query {
        let by_head = slice_mut(d_query).chunks_mut(chunk);
        tasks.extend(by_head.enumerate().map(|(index, d_query)| Task {
            batch: index / shape.kv_heads,
            kv_head: index % shape.kv_heads,
            d_query,
            tiles: Vec::new(),
        }));
    }
    let heads = tasks.len() / parts;
    let d_keys = slice_mut(d_key).chunks_mut(shape.keys * shape.head_dim);
    let d_values = slice_mut(d_value).chunks_mut(shape.keys * shape.value_dim);
    for (head, (d_key, d_value)) in d_keys.zip(d_values).enumerate() {
        let tiles = d_key.chunks_mut(KEYS * shape.head_dim).zip(d_value.chunks_mut(KEYS * shape.value_dim));
        for (tile, (d_key, d_value)) in tiles.enumerate() {
            let keys = tile * KEYS..shape.keys.min((tile + 1) * KEYS);
            tasks[tile % parts * heads + head].tiles.push(KeyTile { keys, d_key, d_value });
        }
    }
    tasks
}

fn slice_mut<T>(array: &mut Array4<T>) -> &mut [T] {
    array.as_slice_mut().expect("made in standard layout")
}

/// What all tasks read.
struct Inputs<'a, T> {
    query: ArrayView4<'a, T>,
    key: ArrayView4<'a, T>,
    value: ArrayView4<'a, T>,
    upstream: Upstream<'a, T>,
    scale: T,
}

/// What the tasks of one query head read.
struct HeadInputs<'a, T> {
    query: ArrayView2<'a, T>,    // (Tq, D)
    key: ArrayView2<'a, T>,      // (Tk, D)
    value: ArrayView2<'a, T>,    // (Tk, E)
    gradient: ArrayView2<'a, T>, // (Tq, E)
    scale: T,
}

impl<'a, T: Float> Inputs<'a, T> {
    fn head(&self, head: Head, kv_head: usize) -> HeadInputs<'a, T> {
        let Head { batch, head } = head;
        HeadInputs {
            query: self.query.slice_move(s![batch, head, .., ..]),
            key: self.key.slice_move(s![batch, kv_head, .., ..]),
            value: self.value.slice_move(s![batch, kv_head, .., ..]),
            gradient: self.upstream.gradient.slice_move(s![batch, head, .., ..]),
            scale: self.scale,
        }
    }
}

/// One thread's room to work in. What belongs to queries is there for all tiles of a head, one after the
/// other.
struct Workspace<T> {
    query: Vec<T>,    // Qᵀ scale: for each tile (D, columns)
    gradient: Vec<T>, // dOᵀ: for each tile (E, columns)
    lse: Vec<T>,      // for each column; +inf where there is no query or it sees no key, so that shares are 0
    delta: Vec<T>,    // for each column
    shares: Vec<T>,   // Sᵀ, then Pᵀ: (keys, columns)
    d_scores: Vec<T>, // dPᵀ, then dSᵀ: (keys, columns)
    dropped: Vec<T>,  // (P D')ᵀ, if there is dropout: (keys, columns)
}

impl<T: Float> Workspace<T> {
    fn new(shape: &Shape) -> Self {
        let width = columns(shape.queries.min(QUERIES));
        let all = width * shape.queries.div_ceil(QUERIES);
        let zeros = |length| vec![T::zero(); length];
        let keys = KEYS.min(shape.keys);
        Workspace {
            query: zeros(shape.head_dim * all),
            gradient: zeros(shape.value_dim * all),
            lse: zeros(all),
            delta: zeros(all),
            shares: zeros(keys * width),
            d_scores: zeros(keys * width),
            dropped: Vec::new(),
        }
    }

    /// Copies what belongs to the queries of a head.
    fn load(&mut self, inputs: &Inputs<'_, T>, head: Head) {
        let Head { batch, head } = head;
        let query = inputs.query.slice(s![batch, head, .., ..]);
        let gradient = inputs.upstream.gradient.slice(s![batch, head, .., ..]);
        let output = inputs.upstream.output.slice(s![batch, head, .., ..]);
        let lse = inputs.upstream.lse.slice(s![batch, head, ..]);
        let width = columns(query.nrows().min(QUERIES));
        let (head_dim, value_dim) = (query.ncols(), gradient.ncols());
        self.lse.fill(T::infinity());
        self.delta.fill(T::zero());
        for first in (0..query.nrows()).step_by(QUERIES) {
            let rows = first..query.nrows().min(first + QUERIES);
            let column = first / QUERIES * width;
            let transposed = &mut self.query[column * head_dim..][..head_dim * width];
            transpose_into(query.slice(s![rows.clone(), ..]), inputs.scale, transposed, width);
            let transposed = &mut self.gradient[column * value_dim..][..value_dim * width];
            transpose_into(gradient.slice(s![rows.clone(), ..]), T::one(), transposed, width);
            for (column, row) in (column..).zip(rows) {
                self.delta[column] =
                    gradient.row(row).iter().zip(output.row(row)).map(|(&g, &o)| g * o).sum();
                if lse[row] != T::neg_infinity() {
                    self.lse[column] = lse[row];
                }
            }
        }
    }

    /// Adds the gradients of one query head to those of the task.
    fn propagate(
        &mut self,
        inputs: &HeadInputs<'_, T>,
        mask: &Resolved<'_, T>,
        options: &Options<'_, T>,
        head: Head,
        in_group: usize,
        task: &mut Task<'_, T>,
    ) {
        let (queries, head_dim) = inputs.query.dim();
        let d_query = &mut task.d_query[in_group * queries * head_dim..][..queries * head_dim];
        let head_mask = mask.head(head.batch, head.head);
        for key_tile in &mut task.tiles {
            let span = mask.span_of_queries(key_tile.keys.clone());
            let first = span.start / QUERIES * QUERIES;
            for first in (first..span.end).step_by(QUERIES) {
                let rows = first..queries.min(first + QUERIES);
                let masking = Masking::new(head_mask.clone(), rows.clone(), options.dropout, head.batch);
                let d_query = &mut d_query[rows.start * head_dim..rows.end * head_dim];
                // Of the tile of keys only what these queries may see: on a causal diagonal that is half.
                let span = mask.span(rows.clone());
                let keys = key_tile.keys.start.max(span.start)..key_tile.keys.end.min(span.end);
                if !keys.is_empty() {
                    self.propagate_tile(inputs, &masking, rows, keys, key_tile, d_query);
                }
            }
        }
    }

    /// One tile of queries, and some keys of a tile.
    fn propagate_tile(
        &mut self,
        inputs: &HeadInputs<'_, T>,
        masking: &Masking<'_, T>,
        rows: Range<usize>,
        keys: Range<usize>,
        key_tile: &mut KeyTile<'_, T>,
        d_query: &mut [T],
    ) {
        let coverage = masking.coverage(keys.clone());
        if coverage == Coverage::Nothing {
            return;
        }
        let (head_dim, value_dim) = (inputs.query.ncols(), inputs.value.ncols());
        let width = columns(inputs.query.nrows().min(QUERIES));
        let column = rows.start / QUERIES * width;
        let query_t = matrix(&self.query[column * head_dim..][..head_dim * width], width);
        let gradient_t = matrix(&self.gradient[column * value_dim..][..value_dim * width], width);
        let (lse, delta) = (&self.lse[column..][..width], &self.delta[column..][..width]);
        let query = inputs.query.slice(s![rows.clone(), ..]);
        let gradient = inputs.gradient.slice(s![rows.clone(), ..]);
        let key = inputs.key.slice(s![keys.clone(), ..]);
        let value = inputs.value.slice(s![keys.clone(), ..]);

        let shares = &mut self.shares[..keys.len() * width];
        tile(matrix_mut(shares, width), key, query_t, Write::Replace);
        if coverage == Coverage::Some {
            masking.adjust(shares, width, keys.clone());
        }
        let d_scores = &mut self.d_scores[..keys.len() * width];
        tile(matrix_mut(d_scores, width), value, gradient_t, Write::Replace);
        masking.drop_out(d_scores, width, keys.clone());
        differentiate(shares, d_scores, lse, delta, inputs.scale);
        let dropped = match masking.drops() {
            false => &*shares,
            true => {
                self.dropped.clear();
                self.dropped.extend_from_slice(shares);
                masking.drop_out(&mut self.dropped, width, keys.clone());
                &self.dropped
            }
        };

        // Only the columns that are queries.
        let dropped = matrix(dropped, width).slice_move(s![.., ..rows.len()]);
        let d_scores = matrix(d_scores, width).slice_move(s![.., ..rows.len()]);
        let (d_value, d_key) =
            (matrix_mut(key_tile.d_value, value_dim), matrix_mut(key_tile.d_key, head_dim));
        let in_tile = keys.start - key_tile.keys.start..keys.end - key_tile.keys.start;
        let d_value = d_value.slice_move(s![in_tile.clone(), ..]);
        let d_key = d_key.slice_move(s![in_tile, ..]);
        let d_query = matrix_mut(d_query, head_dim);
        if coverage == Coverage::Everything {
            tile(d_value, dropped, gradient, Write::Add);
            tile(d_key, d_scores, query, Write::Add);
            tile(d_query, d_scores.t(), key, Write::Add);
        } else {
            let seen = |j, column| masking.sees(column, keys.start + j);
            product_of_seen(d_value, dropped, gradient, Write::Add, seen);
            product_of_seen(d_key, d_scores, query, Write::Add, seen);
            product_of_seen(d_query, d_scores.t(), key, Write::Add, |column, j| seen(j, column));
        }
    }
}

/// From scores S and the gradients dP of the shares: the shares P = exp(S - lse), and the gradients of
/// products of queries and keys, P (dP - delta) scale. All are (keys, columns); `lse` and `delta` have one
/// element for each column.
fn differentiate<T: Float>(scores: &mut [T], d_shares: &mut [T], lse: &[T], delta: &[T], scale: T) {
    vectorised(
        #[inline(always)]
        || {
            let rows = scores.chunks_exact_mut(lse.len()).zip(d_shares.chunks_exact_mut(lse.len()));
            for (scores, d_shares) in rows {
                let columns = lse.iter().zip(delta);
                for ((s, d), (&lse, &delta)) in scores.iter_mut().zip(d_shares).zip(columns) {
                    let share = exp(*s - lse);
                    let gradient = share * (*d - delta) * scale;
                    // A pair that isn't seen has no share and no gradient, whatever lse and dP are.
                    let seen = *s != T::neg_infinity();
                    *d = if seen { gradient } else { T::zero() };
                    *s = if seen { share } else { T::zero() };
                }
            }
        },
    );
}
