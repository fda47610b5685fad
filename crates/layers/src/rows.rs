//! Rows of matrices, shared out among threads in blocks.
//!
//! Blocks are cut by the matrix's size alone, never by the number of threads, so that sums over rows are the
//! same bits whatever the threads.

use crate::{Float, Threads};
use ndarray::{
    ArcArray, Array1, Array2, ArrayBase, ArrayView, ArrayView2, ArrayView3, ArrayViewMut2, Axis, CowArray,
    Data, DataMut, Dimension, Ix2,
};

/// Rows to a block. Long enough that a block is worth handing to a thread, short enough that there are blocks
/// for all.
pub(crate) const BLOCK: usize = 64;

/// Elements to a chunk, where rows don't matter.
pub(crate) const CHUNK: usize = 1 << 14;

/// As many threads as pay: what each has to do must be long against the microseconds that it takes to wake
/// it.
pub(crate) fn worthwhile(threads: Threads, elements: usize) -> Threads {
    const PER_THREAD: usize = 1 << 15;
    Threads::new(threads.count().min(elements / PER_THREAD))
}

/// Blocks of rows.
pub(crate) fn blocks<T: Sync, S: Data<Elem = T>>(
    matrix: &ArrayBase<S, Ix2>,
) -> impl ExactSizeIterator<Item = ArrayView2<'_, T>> + Send + use<'_, T, S> {
    matrix.axis_chunks_iter(Axis(0), BLOCK)
}

/// Blocks of rows, to be written.
pub(crate) fn blocks_mut<T: Send>(
    matrix: &mut Array2<T>,
) -> impl ExactSizeIterator<Item = ArrayViewMut2<'_, T>> + Send + use<'_, T> {
    matrix.axis_chunks_iter_mut(Axis(0), BLOCK)
}

/// The sum of the rows.
pub(crate) fn sum<T: Float>(matrix: ArrayView2<'_, T>, threads: Threads) -> Array1<T> {
    let mut sums = Array2::zeros((matrix.nrows().div_ceil(BLOCK), matrix.ncols()));
    let tasks = sums.outer_iter_mut().zip(blocks(&matrix));
    worthwhile(threads, matrix.len()).for_each(tasks, |(mut sum, rows)| {
        for row in rows.outer_iter() {
            match row.as_slice() {
                Some(row) => simd::vectorised(|| add(slice_mut(&mut sum), row)),
                None => sum += &row,
            }
        }
    });
    sums.sum_axis(Axis(0))
}

#[inline(always)]
fn add<T: Float>(sum: &mut [T], row: &[T]) {
    sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
}

/// The same array, its elements in row-major order: most often as it is, else a copy.
pub(crate) fn contiguous<T: Clone, D: Dimension>(array: ArcArray<T, D>) -> ArcArray<T, D> {
    match array.is_standard_layout() {
        true => array,
        false => array.as_standard_layout().into_owned().into_shared(),
    }
}

/// (B, T, dim) as (B T, dim): a copy only if rows don't follow each other.
pub(crate) fn flat<T: Clone>(x: ArrayView3<'_, T>) -> CowArray<'_, T, Ix2> {
    let (batch, tokens, dim) = x.dim();
    reshaped(x, (batch * tokens, dim))
}

/// The same elements in rows of another length: a copy only if they aren't in row-major order.
pub(crate) fn reshaped<T: Clone, D: Dimension>(
    array: ArrayView<'_, T, D>,
    shape: (usize, usize),
) -> CowArray<'_, T, Ix2> {
    let fits = "as many elements";
    match array.is_standard_layout() {
        true => array.into_shape_with_order(shape).expect(fits).into(),
        false => {
            let copy = array.as_standard_layout().into_owned();
            copy.into_shape_with_order(shape).expect(fits).into()
        }
    }
}

/// a = f(a, b), element by element.
pub(crate) fn each_with<T: Float>(a: &mut [T], b: &[T], threads: Threads, f: impl Fn(T, T) -> T + Sync) {
    assert_eq!(a.len(), b.len());
    let tasks = a.chunks_mut(CHUNK).zip(b.chunks(CHUNK));
    worthwhile(threads, b.len()).for_each(tasks, |(a, b)| {
        simd::vectorised(
            #[inline(always)]
            || a.iter_mut().zip(b).for_each(|(a, &b)| *a = f(*a, b)),
        );
    });
}

/// The elements of an array that is known to be in row-major order.
pub(crate) fn slice<T, S: Data<Elem = T>, D: Dimension>(array: &ArrayBase<S, D>) -> &[T] {
    array.as_slice().expect("in row-major order")
}

/// The elements of an array that is known to be in row-major order.
pub(crate) fn slice_mut<T, S: DataMut<Elem = T>, D: Dimension>(array: &mut ArrayBase<S, D>) -> &mut [T] {
    array.as_slice_mut().expect("in row-major order")
}
