//! Tokens in the rows of a matrix, and tokens in sequences: two shapes of the same elements.

use crate::Float;
use ndarray::{ArcArray, ArcArray2, Array2, Array3, ArrayBase, ArrayView3, CowArray, Ix2, Ix3, RawData};

/// (B, T, dim) as (B T, dim): a copy only if it doesn't lie so.
pub(crate) fn by_token<T: Float>(x: ArrayView3<'_, T>) -> CowArray<'_, T, Ix2> {
    let (batch, tokens, dim) = x.dim();
    let shape = (batch * tokens, dim);
    match x.is_standard_layout() {
        true => x.into_shape_with_order(shape).expect("as many elements").into(),
        false => {
            x.as_standard_layout().into_owned().into_shape_with_order(shape).expect("as many elements").into()
        }
    }
}

/// (B, T, dim) as (B T, dim), sharing its elements.
pub(crate) fn shared_by_token<T: Float>(x: ArcArray<T, Ix3>) -> ArcArray2<T> {
    flat(contiguous(x))
}

/// (B, T, dim) as (B T, dim), of an array in row-major order.
pub(crate) fn flat<T, S: RawData<Elem = T>>(x: ArrayBase<S, Ix3>) -> ArrayBase<S, Ix2> {
    let (batch, tokens, dim) = x.dim();
    x.into_shape_with_order((batch * tokens, dim)).expect("(B, T, dim) to (B T, dim)")
}

/// (B T, dim) as (B, T, dim).
pub(crate) fn by_sequence<T>(x: Array2<T>, (batch, tokens): (usize, usize)) -> Array3<T> {
    let dim = x.ncols();
    x.into_shape_with_order((batch, tokens, dim)).expect("(B T, dim) to (B, T, dim)")
}

/// The same array, its elements in row-major order: most often as it is, else a copy.
pub(crate) fn contiguous<T: Float>(x: ArcArray<T, Ix3>) -> ArcArray<T, Ix3> {
    match x.is_standard_layout() {
        true => x,
        false => x.as_standard_layout().into_owned().into_shared(),
    }
}
