//! The loops of the built-in reductions over whole slices, compiled for the widest vectors of the processor.
//!
//! ```text
//! Sum.fold(left, right) ──► f32::kernels(Sum).fold ──► simd::vectorised(|| loop) ─┬─► AVX-512
//!     any T: Number           a function of f32           in this crate, once     ├─► AVX2
//!                                                                                 └─► portable
//! ```
//!
//! A generic function is compiled where it is used, as that crate is: a test's loops would be slow ones. So the way
//! from `T` to its loops is a table of functions, [`Kernels`], and the functions are compiled here.
//!
//! What is compiled, for each of three levels of vectors, three loops each ([`two`]):
//!
//! | elements | sum, product | min, max |
//! |---|---|---|
//! | integers to 64 bits | as unsigned of the width: they wrap, so the bits are the same | each of its own |
//! | 128 bits | without dispatch: no processor has vectors of these | likewise |
//! | f32, f64 | each of its own | each of its own |
//! | f16, bf16 | in f32, rounded at the end ([`halves`]) | on the bits, in both types alike |
//!
//! A mean is a sum, then divided ([`mean`]). More than two slices at once go through memory block by block
//! ([`several`]).
//!
//! *The same bits on every level*: element i of a result depends on elements i of the inputs alone, and each step is
//! one that IEEE 754 or the integers define. (Rust never fuses or reorders floating-point operations.)

mod halves;
mod mean;
pub(crate) mod several;
mod two;

pub(crate) use halves::{Half, of_halves};
pub(crate) use mean::{Divisor, divide};
pub(crate) use two::{of_bits, plain};

/// What the loops do to two elements. (A mean adds.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `left + right`
    Sum,
    /// `left * right`
    Product,
    /// The lesser.
    Min,
    /// The greater.
    Max,
}

/// The loops of one operation on one type of elements. All slices of a call have the same length.
#[derive(Clone, Copy)]
pub struct Kernels<T> {
    /// `left = left ∘ right`
    pub fold: fn(&mut [T], &[T]),
    /// `out = left ∘ right`
    pub combine: fn(&mut [T], &[T], &[T]),
    /// `left = right = left ∘ right`
    pub pair: fn(&mut [T], &mut [T]),
    /// How three and more are accumulated, and means, if not in `T` itself.
    pub wide: Option<halves::Wide<T>>,
}
