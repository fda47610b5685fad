//! Attention in tiles that fit in cache: FlashAttention (Dao et al., 2022; Dao, 2023) for a processor.
//!
//! ```text
//!            keys ──►                          one tile of 64 queries, against 128 keys at a time:
//!          ┌────┬────┬────┬────┐
//! queries  │ ■  │    │    │    │               Sᵀ = K Qᵀ            128 x 64
//!    │     ├────┼────┼────┼────┤               m  = max(m, each column of Sᵀ)
//!    ▼     │ ■  │ ■  │    │    │               Pᵀ = exp(Sᵀ - m)
//!          ├────┼────┼────┼────┤               l  = l exp(m_old - m) + the sum of each column of Pᵀ
//!          │ ■  │ ■  │ ■  │    │               Oᵀ = Oᵀ exp(m_old - m) + Vᵀ Pᵀ       E x 64
//!          └────┴────┴────┴────┘
//!  causal: tiles that nobody sees            and at last O = Oᵀ / l, lse = m + ln l
//!  are not visited
//! ```
//!
//! Everything is transposed: a *column* is a query, so that neighbouring queries are neighbouring lanes of a
//! vector. Maxima and sums over keys then run down the columns, and no vector is ever summed across. Keys and
//! values are used where they lie; only the queries of the tile are copied.
//!
//! The backward pass computes the shares anew, from the log-sum-exp: exp(Sᵀ - lse). No memory grows with Tq
//! Tk.
//!
//! The algorithm saves memory traffic, not arithmetic. Where all scores fit in cache it has nothing to save:
//! see the chapter on flash in the notes.

mod backward;
mod forward;
mod masking;
mod softmax;

pub use backward::backward;
pub use forward::forward;

use ndarray::{ArrayView2, ArrayViewMut2};
use simd::Float;

/// Queries to a tile, and keys. The scores, the queries and the output of a tile (32 + 16 + 16 KiB of f32 for
/// D = E = 64) lie in the first two caches. Tuned on an AMD EPYC (Zen 5; 48 KiB and 1 MiB), 2026-11, by
/// cycles, among 32 to 128 x 64 to 512: 64 x 512 is 5% faster where nothing is masked and 5 to 30% slower
/// where it is causal.
const QUERIES: usize = 64;
const KEYS: usize = 128;

/// Columns of a tile come in multiples of this, so that loops over them have no remainders: two vectors of
/// f32, the fewest that keep the arithmetic units busy. Those past the last query hold zeros.
const LANES: usize = 32;

/// One head of one sequence.
#[derive(Clone, Copy, Debug)]
struct Head {
    batch: usize,
    head: usize,
}

/// Columns for so many queries.
fn columns(queries: usize) -> usize {
    queries.next_multiple_of(LANES)
}

/// A row-major matrix of so many columns.
fn matrix<T>(data: &[T], columns: usize) -> ArrayView2<'_, T> {
    ArrayView2::from_shape((data.len() / columns, columns), data).expect("whole rows")
}

/// A row-major matrix of so many columns.
fn matrix_mut<T>(data: &mut [T], columns: usize) -> ArrayViewMut2<'_, T> {
    ArrayViewMut2::from_shape((data.len() / columns, columns), data).expect("whole rows")
}

/// Writes the transpose of a few rows, times a factor: column i is row i, and the columns past the last are
/// zero.
fn transpose_into<T: Float>(rows: ArrayView2<'_, T>, factor: T, out: &mut [T], columns: usize) {
    out.fill(T::zero());
    for (column, row) in rows.outer_iter().enumerate() {
        for (i, &x) in row.iter().enumerate() {
            out[i * columns + column] = x * factor;
        }
    }
}
