//! Lanes that don't lie together in memory, but beside each other: many at once, one in each lane of the
//! vectors.
//!
//! ```text
//!            neighbours ──►
//!        ┌────────┬────────┬────────┐
//!   axis │ strip  │ strip  │ strip  │       a strip is 16 lanes; its maximum and its sum are
//!     │  │   0    │   1    │   2    │       vectors, that nobody has to add up across
//!     ▼  │        │        │        │
//!        └────────┴────────┴────────┘
//! ```
//!
//! A block of some strips and some steps along the axis is copied, measured and written there, and copied
//! back. So it is all the same how it lies in memory, and no vector reaches across the end of a row. Where
//! the lanes have more steps than there is room for, they are measured piece by piece, and copied anew to be
//! written: memory is read twice and written once.

use super::Form;
use super::lanes::{Chunk, LANES, greater, sum, zip};
use crate::Float;
use crate::partial::Partial;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};
use simd::{exp_nonpositive, vectorised};
use std::ops::Range;

/// Chunks to a block: 64 KiB of f32, the steps of most arrays at once.
const CHUNKS: usize = 1024;

/// The most strips to a block, 16 KiB of each step in f32, so that memory is loaded in long runs. On an AMD
/// EPYC (Zen 5) that others were using too, 2026-11, along the first axis of 4096 x 4096: 24 to 34 ms in
/// blocks of 4 strips, 14 to 19 in these.
const STRIPS: usize = 256;

/// Room for a block, and for what is known of its lanes.
pub(super) struct Columns<T> {
    /// Step after step, of a chunk for each strip.
    block: Vec<Chunk<T>>,
    /// For each strip.
    max: Vec<Chunk<T>>,
    sum: Vec<Chunk<T>>,
}

impl<T: Float> Columns<T> {
    pub(super) fn new() -> Self {
        Columns { block: vec![[T::zero(); LANES]; CHUNKS], max: Vec::new(), sum: Vec::new() }
    }

    /// Writes (steps, lanes). Without an input, the output is its own.
    pub(super) fn run(
        &mut self,
        form: Form,
        input: Option<ArrayView2<'_, T>>,
        mut out: ArrayViewMut2<'_, T>,
    ) {
        for lanes in blocks(out.ncols()) {
            let input = input.as_ref().map(|input| input.slice(s![.., lanes.clone()]));
            let mut out = out.slice_mut(s![.., lanes]);
            self.measure_block(input.as_ref().map_or(out.view(), |input| input.view()));
            // From here on, what is multiplied or subtracted takes the place of the sum.
            for (max, sum) in self.max.as_flattened().iter().zip(self.sum.as_flattened_mut()) {
                let partial = Partial { max: *max, sum: *sum };
                *sum = match form {
                    Form::Shares => partial.scale(),
                    Form::Logarithms => partial.log_scale(),
                };
            }
            let steps = self.steps();
            let whole = out.nrows() <= steps;
            for (index, mut out) in out.axis_chunks_iter_mut(Axis(0), steps).enumerate() {
                if !whole {
                    let steps = index * steps..index * steps + out.nrows();
                    match &input {
                        Some(input) => self.load(input.slice(s![steps, ..])),
                        None => self.load(out.view()),
                    }
                }
                self.write(form, out.nrows());
                let (steps, lanes) = out.dim();
                out.assign(&self.block_mut(steps).slice(s![.., ..lanes]));
            }
        }
    }

    /// Calls with the number of each lane of (steps, lanes), and what was measured of it.
    pub(super) fn measure(&mut self, input: ArrayView2<'_, T>, mut each: impl FnMut(usize, Partial<T>)) {
        for lanes in blocks(input.ncols()) {
            self.measure_block(input.slice(s![.., lanes.clone()]));
            for (lane, (&max, &sum)) in lanes.zip(self.max.as_flattened().iter().zip(self.sum.as_flattened()))
            {
                // inf - inf is NaN: there the sum is good for nothing.
                let partial = match max == T::infinity() {
                    true => input.column(lane).iter().copied().fold(Partial::identity(), Partial::push),
                    false => Partial { max, sum },
                };
                each(lane, partial);
            }
        }
    }

    /// Steps that there is room for.
    fn steps(&self) -> usize {
        CHUNKS / self.max.len()
    }

    /// So many steps of the block.
    fn block_mut(&mut self, steps: usize) -> ArrayViewMut2<'_, T> {
        let strips = self.max.len();
        let block = self.block[..steps * strips].as_flattened_mut();
        ArrayViewMut2::from_shape((steps, strips * LANES), block).expect("so many")
    }

    /// Copies (steps, lanes) to the block.
    fn load(&mut self, piece: ArrayView2<'_, T>) {
        self.block_mut(piece.nrows()).slice_mut(s![.., ..piece.ncols()]).assign(&piece);
    }

    /// Maximum and sum of each lane. The last piece stays loaded.
    fn measure_block(&mut self, input: ArrayView2<'_, T>) {
        for (running, first) in [(&mut self.max, T::min_value()), (&mut self.sum, T::zero())] {
            running.clear();
            running.resize(input.ncols().div_ceil(LANES), [first; LANES]);
        }
        for piece in input.axis_chunks_iter(Axis(0), self.steps()) {
            self.load(piece);
            self.measure_piece(piece.nrows());
        }
    }

    fn measure_piece(&mut self, steps: usize) {
        let strips = self.max.len();
        let block = &self.block[..steps * strips];
        vectorised(
            #[inline(always)]
            || {
                for (strip, (max, total)) in self.max.iter_mut().zip(&mut self.sum).enumerate() {
                    let chunks = block[strip..].iter().step_by(strips);
                    let mut new = *max;
                    for &chunk in chunks.clone() {
                        new = zip(chunk, new, greater);
                    }
                    let old = zip(*max, new, |old, new| exp_nonpositive(old - new));
                    let mut now = zip(*total, old, |total, old| total * old);
                    for &chunk in chunks {
                        now = zip(now, zip(chunk, new, |x, max| exp_nonpositive(x - max)), sum);
                    }
                    (*max, *total) = (new, now);
                }
            },
        );
    }

    /// Turns the piece that is loaded into shares.
    fn write(&mut self, form: Form, steps: usize) {
        let strips = self.max.len();
        vectorised(
            #[inline(always)]
            || {
                for step in self.block[..steps * strips].chunks_exact_mut(strips) {
                    for (chunk, (max, factor)) in step.iter_mut().zip(self.max.iter().zip(&self.sum)) {
                        let relative = zip(*chunk, *max, |x, max| x - max);
                        *chunk = match form {
                            Form::Shares => zip(relative, *factor, |x, scale| exp_nonpositive(x) * scale),
                            Form::Logarithms => zip(relative, *factor, |x, log_scale| x - log_scale),
                        };
                    }
                }
            },
        );
    }
}

/// The lanes of each block.
fn blocks(lanes: usize) -> impl Iterator<Item = Range<usize>> {
    (0..lanes).step_by(STRIPS * LANES).map(move |first| first..lanes.min(first + STRIPS * LANES))
}
