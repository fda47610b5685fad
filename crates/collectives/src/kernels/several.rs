//! Several inputs at once: block by block, so that memory is gone over once.
//!
//! ```text
//!              block
//! input 0   ├───────┤ ───────────────────┐  begin
//! input 1   ├───────┤ ──── ∘ ────────────┤  add        the block's result stays in the first-level cache,
//! input 2   ├───────┤ ──── ∘ ────────────┤  add        while the inputs go by
//!           ├───────┤ ◄── the result ────┘  end
//! ```
//!
//! P buffers of N elements, one after the other, would read and write the result P-1 times: 3(P-1)N elements
//! through memory. In blocks it is P N read, and as many written as there are outputs: what an all-reduce of
//! buffers in shared memory can't do without.

use super::Kernels;
use crate::{Element, Number, Reduction};
use std::cmp::{max, min};

/// Bytes of a block. The blocks of 8 buffers fit a first-level cache of 32 KiB, so that what was read is written
/// there. (Of 64 buffers, they don't: then they are written in the second level, and the result is still summed in
/// the first.)
pub(crate) const BLOCK_BYTES: usize = 4096;

/// Elements of a block. Those that take no memory are all in one.
pub(crate) fn block<T>() -> usize {
    BLOCK_BYTES.checked_div(size_of::<T>()).map_or(usize::MAX, |elements| max(elements, 1))
}

/// How the blocks of several inputs become one.
pub(crate) trait Accumulate<T> {
    /// `into` is the first input.
    fn begin(&mut self, _into: &[T]) {}
    /// Another.
    fn add(&mut self, into: &mut [T], next: &[T]);
    /// That was the last: `into` becomes the result.
    fn end(&mut self, into: &mut [T]);
}

/// Every column becomes what all of them make together.
pub(crate) fn all_reduce<T: Element>(columns: &mut [&mut [T]], how: &mut impl Accumulate<T>) {
    let Some((first, others)) = columns.split_first_mut() else { return };
    let length = first.len();
    for start in (0..length).step_by(block::<T>()) {
        let range = start..min(length, start.saturating_add(block::<T>()));
        let into = &mut first[range.clone()];
        how.begin(into);
        for next in others.iter() {
            how.add(into, &next[range.clone()]);
        }
        how.end(into);
        for other in others.iter_mut() {
            other[range.clone()].copy_from_slice(into);
        }
    }
}

/// `output` becomes what all inputs make together.
pub(crate) fn reduce<T: Element>(inputs: &[&[T]], output: &mut [T], how: &mut impl Accumulate<T>) {
    let Some((first, others)) = inputs.split_first() else { return };
    let length = output.len();
    for start in (0..length).step_by(block::<T>()) {
        let range = start..min(length, start.saturating_add(block::<T>()));
        let into = &mut output[range.clone()];
        into.copy_from_slice(&first[range.clone()]);
        how.begin(into);
        for next in others {
            how.add(into, &next[range.clone()]);
        }
        how.end(into);
    }
}

/// Any reduction, in the elements' own type.
pub(crate) struct InPlace<'a, R: ?Sized> {
    pub(crate) reduction: &'a R,
    pub(crate) inputs: usize,
}

impl<T: Element, R: Reduction<T> + ?Sized> Accumulate<T> for InPlace<'_, R> {
    fn add(&mut self, into: &mut [T], next: &[T]) {
        self.reduction.fold(into, next);
    }

    fn end(&mut self, into: &mut [T]) {
        self.reduction.finish(into, self.inputs);
    }
}

/// A built-in one, in the elements' own type.
struct InNumbers<T> {
    kernels: Kernels<T>,
    /// Divide by this at the end.
    divisor: Option<usize>,
}

impl<T: Number> Accumulate<T> for InNumbers<T> {
    fn add(&mut self, into: &mut [T], next: &[T]) {
        (self.kernels.fold)(into, next);
    }

    fn end(&mut self, into: &mut [T]) {
        if let Some(count) = self.divisor {
            T::divide(into, count);
        }
    }
}

/// [`Reduction::all_reduce_columns`] of the built-in ones: a mean is divided at the end.
pub(crate) fn all_reduce_numbers<T: Number>(kernels: Kernels<T>, mean: bool, columns: &mut [&mut [T]]) {
    let divisor = mean.then_some(columns.len());
    match (columns, divisor, kernels.wide) {
        ([left, right], None, _) => (kernels.pair)(left, right),
        (columns, divisor, Some(wide)) => wide.all_reduce(columns, divisor),
        (columns, divisor, None) => all_reduce(columns, &mut InNumbers { kernels, divisor }),
    }
}

/// [`Reduction::reduce_columns`] of the built-in ones.
pub(crate) fn reduce_numbers<T: Number>(kernels: Kernels<T>, mean: bool, inputs: &[&[T]], output: &mut [T]) {
    let divisor = mean.then_some(inputs.len());
    match (inputs, divisor, kernels.wide) {
        ([left, right], None, _) => (kernels.combine)(output, left, right),
        (inputs, divisor, Some(wide)) => wide.reduce(inputs, output, divisor),
        (inputs, divisor, None) => reduce(inputs, output, &mut InNumbers { kernels, divisor }),
    }
}
