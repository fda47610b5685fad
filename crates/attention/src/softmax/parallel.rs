//! Softmax on several threads.
//!
//! ```text
//!  many lanes: each thread takes some           few long lanes: each thread takes a part of each
//!  ┌──────────────────┐                         ┌────────┬────────┬────────┐
//!  │ ───────────────► │ thread 0                │ m₀, l₀ │ m₁, l₁ │ m₂, l₂ │  measured
//!  │ ───────────────► │                         └────────┴────────┴────────┘
//!  ├──────────────────┤                              └── merged: m, l ──┘
//!  │ ───────────────► │ thread 1                ┌────────┬────────┬────────┐
//!  │ ───────────────► │                         │ exp(x - m) / l           │  written
//!  └──────────────────┘                         └────────┴────────┴────────┘
//! ```
//!
//! To cut a lane costs a second exponential of each number, and the threads wait for each other once. So it
//! is for lanes that are so long that one thread would compute two exponentials as well.

use super::{Form, rows, vectorised};
use crate::partial::Partial;
use crate::{Float, Threads};
use ndarray::{ArrayView, ArrayView1, ArrayViewMut, Axis, Dimension};
use std::cmp::Reverse;

/// Numbers that are worth a thread: it takes some microseconds to wake one, and as long to do this many.
/// Chosen, not tuned.
const WORTH_A_THREAD: usize = 1 << 15;

/// Parts for each thread, so that none waits long for one that was interrupted.
const PARTS: usize = 4;

/// Writes the softmax along an axis that there is. Without an input, the output is its own.
pub(super) fn run<T: Float, D: Dimension>(
    form: Form,
    input: Option<ArrayView<'_, T, D>>,
    axis: Axis,
    mut out: ArrayViewMut<'_, T, D>,
    threads: Threads,
) {
    let threads = Threads::new(threads.count().min(out.len() / WORTH_A_THREAD));
    if threads == Threads::ONE {
        return vectorised::run(form, input, axis, out);
    }
    // The longest of the other axes; of equals the first.
    let others = (0..out.ndim()).map(Axis).filter(|&other| other != axis);
    let longest = others.min_by_key(|&other| Reverse(out.len_of(other)));
    let Some(longest) = longest.filter(|&other| out.len_of(other) >= threads.count()) else {
        return match out.len_of(axis) > rows::LONG {
            true => cut_lanes(form, input, axis, out, threads),
            false => vectorised::run(form, input, axis, out),
        };
    };
    let size = out.len_of(longest).div_ceil(PARTS * threads.count());
    let out = out.axis_chunks_iter_mut(longest, size);
    match &input {
        Some(input) => threads.for_each(input.axis_chunks_iter(longest, size).zip(out), |(input, out)| {
            vectorised::run(form, Some(input), axis, out);
        }),
        None => threads.for_each(out, |out| vectorised::run(form, None, axis, out)),
    }
}

/// One lane after the other, each on all threads.
fn cut_lanes<T: Float, D: Dimension>(
    form: Form,
    input: Option<ArrayView<'_, T, D>>,
    axis: Axis,
    mut out: ArrayViewMut<'_, T, D>,
    threads: Threads,
) {
    let mut inputs = input.as_ref().map(|input| input.lanes(axis).into_iter());
    for mut out in out.lanes_mut(axis) {
        let input = inputs.as_mut().and_then(Iterator::next);
        match vectorised::slices(&input, &mut out) {
            Some((input, out)) => cut(form, input, out, threads),
            None => {
                let mut copy: Vec<T> = input.unwrap_or(out.view()).iter().copied().collect();
                cut(form, None, &mut copy, threads);
                out.assign(&ArrayView1::from(&copy[..]));
            }
        }
    }
}

/// Measures all parts, merges, writes all parts.
fn cut<T: Float>(form: Form, input: Option<&[T]>, out: &mut [T], threads: Threads) {
    let size = out.len().div_ceil(PARTS * threads.count());
    let mut partials = vec![Partial::identity(); out.len().div_ceil(size)];
    let parts = input.unwrap_or(out).chunks(size);
    threads.for_each(parts.zip(&mut partials), |(part, partial)| *partial = rows::measure(part));
    let all = partials.into_iter().fold(Partial::identity(), Partial::merge);
    match input {
        Some(input) => threads.for_each(input.chunks(size).zip(out.chunks_mut(size)), |(input, out)| {
            rows::write(form, &all, Some(input), out);
        }),
        None => threads.for_each(out.chunks_mut(size), |out| rows::write(form, &all, None, out)),
    }
}
