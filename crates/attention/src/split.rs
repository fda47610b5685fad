//! Attention of few queries over many keys, as in decoding: the keys are cut into pieces, and the pieces'
//! results merged.
//!
//! ```text
//!  keys    0 ........ 511 512 ...... 1023 1024 ..... 1535
//!              │               │               │           a task each, on any thread
//!           (O₀, lse₀)      (O₁, lse₁)      (O₂, lse₂)
//!              └───────────────┴───────┬───────┘
//!                              lse = ln Σ exp(lseₚ)        in the order of the keys
//!                              O   = Σ exp(lseₚ - lse) Oₚ
//! ```
//!
//! With one query a tile of queries has one column, and there is nothing to share out but the keys. The query
//! heads that use the same key-value head are taken together, as rows of one matrix: keys and values, which
//! are all that takes time here, are read once for all of them. (Flash-decoding: Dao, Haziza, Massa & Sizov,
//! 2023.)
//!
//! Cost: 2 B H Tq Tk (D + E) operations, of which a processor does more than it can load keys and values for.
//! Memory: an output for each piece, B H Tq E Tk / 512, so it isn't for many queries. Pieces don't depend on
//! the threads: nor do the bits.

mod piece;

use crate::algorithm::Attended;
use crate::mask::{HeadMask, Resolved};
use crate::partial::merge_attended;
use crate::{Options, Result, Shape};
use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView4, Axis, s};
use piece::{Piece, Workspace};
use simd::Float;
use std::ops::Range;

/// Keys to a piece: few enough that its keys and values (256 KiB of f32 for D = E = 64) stay in the second
/// cache, so many that a piece is worth a task. Chosen, not tuned.
const KEYS: usize = 512;

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
    let source = Whole { key: key.view(), value: value.view(), mask };
    Ok(attend(query, &source, &shape, options))
}

/// Where keys and values are.
pub(crate) trait Source<T: 'static>: Sync {
    /// How many keys a sequence has.
    fn keys(&self, batch: usize) -> usize;

    /// Who sees whom in one head.
    fn mask(&self, batch: usize, head: usize) -> HeadMask<'_, T>;

    /// Some keys and values of a key-value head, in runs that lie together: the keys' range, (run, D) and
    /// (run, E).
    fn runs(
        &self,
        batch: usize,
        kv_head: usize,
        keys: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, ArrayView2<'_, T>, ArrayView2<'_, T>)> + Clone;
}

/// Keys and values that lie together.
struct Whole<'a, T> {
    key: ArrayView4<'a, T>,   // (B, G, Tk, D)
    value: ArrayView4<'a, T>, // (B, G, Tk, E)
    mask: Resolved<'a, T>,
}

impl<T: Float> Source<T> for Whole<'_, T> {
    fn keys(&self, _batch: usize) -> usize {
        self.key.dim().2
    }

    fn mask(&self, batch: usize, head: usize) -> HeadMask<'_, T> {
        self.mask.head(batch, head)
    }

    fn runs(
        &self,
        batch: usize,
        kv_head: usize,
        keys: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, ArrayView2<'_, T>, ArrayView2<'_, T>)> + Clone {
        let key = self.key.slice(s![batch, kv_head, keys.clone(), ..]);
        let value = self.value.slice(s![batch, kv_head, keys.clone(), ..]);
        std::iter::once((keys, key, value))
    }
}

/// The attention over whatever the source holds. Of `shape` the keys aren't looked at: each sequence has its
/// own.
pub(crate) fn attend<T: Float, S: Source<T>>(
    query: ArrayView4<'_, T>,
    source: &S,
    shape: &Shape,
    options: &Options<'_, T>,
) -> Attended<T> {
    let rows = shape.group() * shape.queries; // of one key-value head
    let pieces = pieces(source, shape);
    let mut outputs = Array3::zeros((pieces.len(), rows, shape.value_dim));
    let mut lses = Array2::from_elem((pieces.len(), rows), T::neg_infinity());
    let tasks = pieces.iter().zip(outputs.outer_iter_mut()).zip(lses.outer_iter_mut());
    let scale = options.scale_for(shape);
    options.threads.for_each_with(
        tasks,
        || Workspace::new(rows, shape, KEYS),
        |workspace, ((piece, output), lse)| {
            workspace.attend(query, source, shape, scale, options.dropout, piece, output, lse);
        },
    );

    let mut output = Array4::zeros((shape.batch, shape.kv_heads, rows, shape.value_dim));
    let mut lse = Array3::from_elem((shape.batch, shape.kv_heads, rows), T::neg_infinity());
    for (index, piece) in pieces.iter().enumerate() {
        merge_attended(
            output.slice_mut(s![piece.batch, piece.kv_head, .., ..]),
            lse.slice_mut(s![piece.batch, piece.kv_head, ..]),
            outputs.index_axis(Axis(0), index),
            lses.index_axis(Axis(0), index),
        )
        .expect("of the same rows");
    }
    // (B, G, H / G Tq, E) to (B, H, Tq, E): the rows of a key-value head are its query heads, one after the
    // other.
    Attended {
        output: output.into_shape_with_order(shape.output()).expect("as many elements"),
        lse: lse.into_shape_with_order((shape.batch, shape.heads, shape.queries)).expect("as many elements"),
    }
}

/// All pieces of all key-value heads, those of a head in the order of its keys.
fn pieces<T: Float>(source: &impl Source<T>, shape: &Shape) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for batch in 0..shape.batch {
        let keys = source.keys(batch);
        for kv_head in 0..shape.kv_heads {
            pieces.extend((0..keys).step_by(KEYS).map(|first| {
                let keys = first..keys.min(first + KEYS);
                Piece { batch, kv_head, keys }
            }));
        }
    }
    pieces
}
