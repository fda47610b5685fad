//! Two inputs: the three loops that every operation on every type has.
//!
//! ```text
//! fold       left  ◄── left ∘ right            reads 2, writes 1
//! combine    out   ◄── left ∘ right            reads 2, writes 1
//! pair       left, right ◄── left ∘ right      reads 2, writes 2: an all-reduce of two buffers in one pass
//! ```
//!
//! There is no fourth loop for `right = left ∘ right`: the built-in operations commute to the bit, except for the
//! payload of a NaN, which is unspecified.

use super::{Kernels, Operation};
use crate::{Max, Min, Number, Product, Sum};
use bytemuck::Pod;

/// What is done to two elements: without a branch, and inlined into the loop, or else it isn't vectorised.
pub(crate) trait Step<T> {
    fn step(left: T, right: T) -> T;
}

macro_rules! steps {
    ($($operation:ident: $function:ident;)*) => {$(
        impl<T: Number> Step<T> for $operation {
            #[inline(always)]
            fn step(left: T, right: T) -> T {
                left.$function(right)
            }
        }
    )*};
}

steps! { Sum: add; Product: mul; Min: min; Max: max; }

/// Fewer elements than this are as fast without wide vectors, and a call of them is so short that the dispatch shows.
const FEW: usize = 16;

/// The loops of a step, compiled for the vectors of the processor.
pub(crate) const fn kernels<T: Copy, S: Step<T>>() -> Kernels<T> {
    Kernels {
        fold: |left, right| match left.len() < FEW {
            true => fold::<T, S>(left, right),
            false => simd::vectorised(
                #[inline(always)]
                || fold::<T, S>(left, right),
            ),
        },
        combine: |out, left, right| match out.len() < FEW {
            true => combine::<T, S>(out, left, right),
            false => simd::vectorised(
                #[inline(always)]
                || combine::<T, S>(out, left, right),
            ),
        },
        pair: |left, right| match left.len() < FEW {
            true => pair::<T, S>(left, right),
            false => simd::vectorised(
                #[inline(always)]
                || pair::<T, S>(left, right),
            ),
        },
        wide: None,
    }
}

/// Those of another type of the same width, on the bits.
pub(crate) fn of_bits<U: Pod, T: Pod, S: Step<U>>() -> Kernels<T> {
    use bytemuck::{cast_slice as of, cast_slice_mut as of_mut};
    Kernels {
        fold: |left, right| (const { kernels::<U, S>() }.fold)(of_mut(left), of(right)),
        combine: |out, left, right| (const { kernels::<U, S>() }.combine)(of_mut(out), of(left), of(right)),
        pair: |left, right| (const { kernels::<U, S>() }.pair)(of_mut(left), of_mut(right)),
        wide: None,
    }
}

/// The loops of an operation as the target's baseline has them: for elements that no vector holds.
pub(crate) fn plain<T: Number>(operation: Operation) -> Kernels<T> {
    fn of<T: Number, S: Step<T>>() -> Kernels<T> {
        Kernels { fold: fold::<T, S>, combine: combine::<T, S>, pair: pair::<T, S>, wide: None }
    }
    match operation {
        Operation::Sum => of::<T, Sum>(),
        Operation::Product => of::<T, Product>(),
        Operation::Min => of::<T, Min>(),
        Operation::Max => of::<T, Max>(),
    }
}

#[inline(always)]
fn fold<T: Copy, S: Step<T>>(left: &mut [T], right: &[T]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left = S::step(*left, *right);
    }
}

#[inline(always)]
fn combine<T: Copy, S: Step<T>>(out: &mut [T], left: &[T], right: &[T]) {
    for (out, (left, right)) in out.iter_mut().zip(left.iter().zip(right)) {
        *out = S::step(*left, *right);
    }
}

#[inline(always)]
fn pair<T: Copy, S: Step<T>>(left: &mut [T], right: &mut [T]) {
    for (left, right) in left.iter_mut().zip(right) {
        let both = S::step(*left, *right);
        *left = both;
        *right = both;
    }
}
