//! A product in which pairs that aren't seen count for nothing, whatever stands there.
//!
//! ```text
//!  i sees j, and so on:         j  k  l
//!     P = i [ ½  ½  0 ]     V = j [ 1 ]         by the rules of floating-point numbers 0 * NaN is NaN,
//!                               k [ 2 ]         so P V is NaN, though i doesn't see l
//!                               l [NaN]
//! ```
//!
//! A share of zero isn't enough to keep out a key that a query doesn't see: padding may hold anything, also infinities and NaN.
//! Where all is finite (nearly always) a plain product is right, since 0 times a finite number is zero. To look
//! costs one pass over the right factor, which is small beside the product.

use matmul::{Write, tile};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};
use simd::Float;

/// Writes `a` times `b` to `out`, or adds it, on the calling thread: the sums over those j alone for which `seen(i, j)`.
/// Where it isn't seen, `a[(i, j)]` must be zero. `a` is (m, k), `b` (k, n), `out` (m, n).
///
/// # Panics
///
/// If the sizes don't fit.
pub(crate) fn product_of_seen<T: Float>(
    mut out: ArrayViewMut2<'_, T>,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    write: Write,
    seen: impl Fn(usize, usize) -> bool,
) {
    if b.iter().all(|x| x.is_finite()) {
        return tile(out, a, b, write);
    }
    if write == Write::Replace {
        out.fill(T::zero());
    }
    for ((i, j), &factor) in a.indexed_iter() {
        if seen(i, j) {
            Zip::from(out.row_mut(i)).and(b.row(j)).for_each(|out, &b| *out += factor * b);
        }
    }
}
