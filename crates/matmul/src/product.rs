//! Products of views: of any strides, of any sizes, also empty.

use crate::Threads;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use simd::Float;
use std::fmt;

/// What happens to what was in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// It is replaced; not even read.
    Replace,
    /// The product is added to it.
    Add,
}

/// Sizes that don't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Rows and columns of the left factor.
    pub a: (usize, usize),
    /// Rows and columns of the right factor.
    pub b: (usize, usize),
    /// Rows and columns of the output.
    pub out: (usize, usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { a, b, out } = self;
        write!(f, "a product of {} x {} and {} x {} ", a.0, a.1, b.0, b.1)?;
        match a.1 == b.0 {
            true => write!(f, "is {} x {}, and the output is {} x {}", a.0, b.1, out.0, out.1),
            false => write!(f, "doesn't exist: the left has {} columns, the right {} rows", a.1, b.0),
        }
    }
}

impl std::error::Error for Error {}

/// `a` times `b`.
///
/// ```
/// use matmul::{Threads, product};
/// use ndarray::array;
///
/// let c = product(array![[1.0, 2.0]].view(), array![[3.0], [4.0]].view(), Threads::ONE)?;
/// assert_eq!(c, array![[11.0]]);
/// # Ok::<(), matmul::Error>(())
/// ```
///
/// # Errors
///
/// If `a` hasn't as many columns as `b` has rows.
pub fn product<T: Float>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    threads: Threads,
) -> Result<Array2<T>, Error> {
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    product_into(out.view_mut(), a, b, Write::Replace, threads)?;
    Ok(out)
}

/// Writes `a` times `b` to `out`, or adds it.
///
/// # Errors
///
/// If the sizes don't fit; then `out` is as it was.
pub fn product_into<T: Float>(
    mut out: ArrayViewMut2<'_, T>,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    write: Write,
    threads: Threads,
) -> Result<(), Error> {
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    if b.nrows() != k || out.dim() != (m, n) {
        return Err(Error { a: a.dim(), b: b.dim(), out: out.dim() });
    }
    if k == 0 && write == Write::Replace {
        out.fill(T::zero()); // the sum of nothing
    }
    if m == 0 || n == 0 || k == 0 {
        return Ok(());
    }
    // More threads than this only wait for each other. On 2 cores of an AMD EPYC (Zen 5), 2026-11, two threads
    // make 128 x 128 x 64 slower (150 GFLOP/s for 260 with one) and 512 x 512 x 64 faster (460 for 270).
    const PER_THREAD: usize = 128 * 128 * 64;
    let threads = threads.count().min(m * n * k / PER_THREAD);
    let parallelism = match threads {
        0 | 1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    let (out_strides, a_strides, b_strides) =
        (strides(out.strides()), strides(a.strides()), strides(b.strides()));
    // SAFETY: the pointers, sizes and strides are those of views, whose every element lies in memory that they
    // borrow; `out` is borrowed mutably, so it overlaps neither factor and no element of its own (a mutable
    // view has no two indices for one element). The sizes fit each other: that was checked above.
    #[allow(unsafe_code, reason = "gemm's one function takes pointers and strides")]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_strides.1,
            out_strides.0,
            write == Write::Add,
            a.as_ptr(),
            a_strides.1,
            a_strides.0,
            b.as_ptr(),
            b_strides.1,
            b_strides.0,
            T::one(),
            T::one(),
            false,
            false,
            false,
            parallelism,
        );
    }
    Ok(())
}

/// Of rows and of columns.
fn strides(strides: &[isize]) -> (isize, isize) {
    (strides[0], strides[1])
}

/// [`product_into`] on the calling thread, for kernels that made the tiles themselves.
///
/// # Panics
///
/// If the sizes don't fit.
#[inline]
pub fn tile<T: Float>(out: ArrayViewMut2<'_, T>, a: ArrayView2<'_, T>, b: ArrayView2<'_, T>, write: Write) {
    if let Err(error) = product_into(out, a, b, write, Threads::ONE) {
        panic!("{error}");
    }
}
