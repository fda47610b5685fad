//! Flash attention, forward: each task is one tile of queries of one head.

use super::masking::Masking;
use super::softmax::Running;
use super::{Head, KEYS, QUERIES, columns, matrix, matrix_mut, transpose_into};
use crate::algorithm::Attended;
use crate::mask::{Coverage, Resolved};
use crate::seen::product_of_seen;
use crate::{Options, Result, Shape};
use matmul::{Write, tile};
use ndarray::{Array3, Array4, ArrayView2, ArrayView4, s};
use simd::Float;
use std::cmp::Reverse;
use std::ops::Range;

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
    let mut output = vec![T::zero(); shape.output().iter().product()];
    let mut lse = vec![T::neg_infinity(); shape.batch * shape.heads * shape.queries];

    let mut tasks = tasks(&shape, &mask, &mut output, &mut lse);
    // The longest first, so that no thread is left with a long one at the end.
    tasks.sort_by_key(|task| Reverse(task.keys.len()));
    let scale = options.scale_for(&shape);
    options.threads.for_each_with(
        tasks,
        || Workspace::new(&shape),
        |workspace, task| {
            let Head { batch, head } = task.head;
            let kv_head = shape.kv_head(head);
            let inputs = Inputs {
                query: query.slice_move(s![batch, head, task.queries.clone(), ..]),
                key: key.slice_move(s![batch, kv_head, .., ..]),
                value: value.slice_move(s![batch, kv_head, .., ..]),
                scale,
            };
            let masking = Masking::new(mask.head(batch, head), task.queries.clone(), options.dropout, batch);
            workspace.attend(&inputs, &masking, task);
        },
    );
    Ok(Attended {
        output: Array4::from_shape_vec(shape.output(), output).expect("as many elements"),
        lse: Array3::from_shape_vec((shape.batch, shape.heads, shape.queries), lse)
            .expect("as many elements"),
    })
}

/// One tile of queries, and where its results go.
struct Task<'a, T> {
    head: Head,
    queries: Range<usize>,
    /// The keys that any of them may see.
    keys: Range<usize>,
    output: &'a mut [T], // (queries, E)
    lse: &'a mut [T],    // (queries)
}

/// All tiles of all heads.
fn tasks<'a, T: Float>(
    shape: &Shape,
    mask: &Resolved<'_, T>,
    output: &'a mut [T],
    lse: &'a mut [T],
) -> Vec<Task<'a, T>> {
    if lse.is_empty() {
        return Vec::new();
    }
    let mut tasks = Vec::new();
    let heads = output.chunks_mut(shape.queries * shape.value_dim).zip(lse.chunks_mut(shape.queries));
    for (index, (output, lse)) in heads.enumerate() {
        let head = Head { batch: index / shape.heads, head: index % shape.heads };
        let tiles = output.chunks_mut(QUERIES * shape.value_dim).zip(lse.chunks_mut(QUERIES));
        for (tile, (output, lse)) in tiles.enumerate() {
            let queries = tile * QUERIES..tile * QUERIES + lse.len();
            let keys = mask.span(queries.clone());
            tasks.push(Task { head, queries, keys, output, lse });
        }
    }
    tasks
}

/// What a task reads.
struct Inputs<'a, T> {
    query: ArrayView2<'a, T>, // (queries, D)
    key: ArrayView2<'a, T>,   // (Tk, D)
    value: ArrayView2<'a, T>, // (Tk, E)
    scale: T,
}

/// One thread's room to work in.
struct Workspace<T> {
    query: Vec<T>,       // Qᵀ scale: (D, columns)
    scores: Vec<T>,      // Sᵀ, then Pᵀ: (keys of a tile, columns)
    output: Vec<T>,      // Oᵀ, not yet divided: (E, columns)
    running: Running<T>, // the softmax so far, for each column
}

impl<T: Float> Workspace<T> {
    fn new(shape: &Shape) -> Self {
        let columns = columns(QUERIES.min(shape.queries));
        Workspace {
            query: vec![T::zero(); shape.head_dim * columns],
            scores: vec![T::zero(); KEYS.min(shape.keys) * columns],
            output: vec![T::zero(); shape.value_dim * columns],
            running: Running::new(columns),
        }
    }

    fn attend(&mut self, inputs: &Inputs<'_, T>, masking: &Masking<'_, T>, task: Task<'_, T>) {
        let (head_dim, value_dim) = (inputs.query.ncols(), inputs.value.ncols());
        let width = columns(task.queries.len());
        let query = &mut self.query[..head_dim * width];
        let output = &mut self.output[..value_dim * width];
        transpose_into(inputs.query, inputs.scale, query, width);
        output.fill(T::zero());
        self.running.begin(width);

        for first in task.keys.clone().step_by(KEYS) {
            let keys = first..task.keys.end.min(first + KEYS);
            let coverage = masking.coverage(keys.clone());
            if coverage == Coverage::Nothing {
                continue;
            }
            let key = inputs.key.slice(s![keys.clone(), ..]);
            let value = inputs.value.slice(s![keys.clone(), ..]);
            let scores = &mut self.scores[..keys.len() * width];
            tile(matrix_mut(scores, width), key, matrix(query, width), Write::Replace);
            if coverage == Coverage::Some {
                masking.adjust(scores, width, keys.clone());
            }
            // The scores become shares, relative to the greatest score so far.
            if self.running.advance(scores) {
                self.running.rescale(output);
            }
            masking.drop_out(scores, width, keys.clone());
            let (output, shares) = (matrix_mut(output, width), matrix(scores, width));
            match coverage {
                Coverage::Everything => tile(output, value.t(), shares, Write::Add),
                _ => {
                    let seen = |column, j| masking.sees(column, keys.start + j);
                    product_of_seen(output.reversed_axes(), shares.t(), value, Write::Add, seen);
                }
            }
        }
        self.running.finish(output, task.lse);
        for (query, row) in task.output.chunks_mut(value_dim).enumerate() {
            for (e, x) in row.iter_mut().enumerate() {
                *x = output[e * width + query];
            }
        }
    }
}
