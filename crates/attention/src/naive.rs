//! The textbook: being written.
#![allow(missing_docs)]
use crate::algorithm::{Attended, Gradients, Upstream};
use crate::{Options, Result};
use ndarray::ArrayView4;
use simd::Float;

pub fn forward<T: Float>(
    _query: ArrayView4<'_, T>,
    _key: ArrayView4<'_, T>,
    _value: ArrayView4<'_, T>,
    _options: &Options<'_, T>,
) -> Result<Attended<T>> {
    unimplemented!()
}

pub fn backward<T: Float>(
    _query: ArrayView4<'_, T>,
    _key: ArrayView4<'_, T>,
    _value: ArrayView4<'_, T>,
    _upstream: Upstream<'_, T>,
    _options: &Options<'_, T>,
) -> Result<Gradients<T>> {
    unimplemented!()
}
