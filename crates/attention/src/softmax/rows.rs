//! Rows that lie together in memory, in vectors.
//!
//! ```text
//!  a row of 40:   |0 ........ 15|16 ....... 31|
//!                               |24 ....... 39|   the last 16 are a chunk too, of which lanes that
//!                                ▒▒▒▒▒▒▒▒         were in the one before don't count in the sum
//! ```
//!
//! A short row is over before its first result is there: its maximum has to come together out of 16 lanes,
//! then the first exponential, then the sum, each step waiting for the one before. So eight rows are in
//! flight at once: eight maxima, then eight rows of exponentials, then eight sums.
//!
//! A row that is longer than the second cache would be loaded from memory three times, for maximum,
//! exponentials and scaling. There the first pass keeps a running maximum and sum, piece by piece, and the
//! second computes the exponentials anew.

use super::Form;
use super::lanes::{Chunk, LANES, Running, greater, greatest_of_each, map, sum, sum_of_each, zip};
use crate::Float;
use crate::partial::Partial;
use simd::{exp_nonpositive, vectorised};

/// Rows in flight. Tuned on an AMD EPYC (Zen 5), 2026-11: at 16384 x 64 one row at a time takes 1.25 times as
/// long, 4 take 1.08 times, and 16 the same.
const ROWS: usize = 8;

/// Rows up to this length are taken eight at a time: with their outputs 32 KiB of f32, which fit in the first
/// cache.
const SHORT: usize = 512;

/// The longest row that is taken in three passes: with its output 1 MiB of f32, a second cache. Chosen, not
/// tuned.
pub(super) const LONG: usize = 1 << 17;

/// Numbers to a piece of a longer row: it is still in the first cache when its sum is computed.
const PIECE: usize = 1 << 12;

/// Writes all rows of this length. Without an input, the output's rows are their own.
pub(super) fn run<T: Float>(form: Form, input: Option<&[T]>, out: &mut [T], length: usize) {
    vectorised(
        #[inline(always)]
        || match form {
            _ if !(LANES..=LONG).contains(&length) => two_passes(form, input, out, length),
            Form::Shares => in_groups::<T, false>(input, out, length),
            Form::Logarithms => in_groups::<T, true>(input, out, length),
        },
    );
}

/// Maximum and sum of numbers that lie together.
pub(super) fn measure<T: Float>(x: &[T]) -> Partial<T> {
    vectorised(
        #[inline(always)]
        || measure_pieces(x),
    )
}

/// Writes the shares of some numbers in what `partial` was measured of.
pub(super) fn write<T: Float>(form: Form, partial: &Partial<T>, input: Option<&[T]>, out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || write_row(form, partial, input, out),
    );
}

/// Eight rows at a time, if they are short; `LOG` for their logarithms.
#[inline(always)]
fn in_groups<T: Float, const LOG: bool>(input: Option<&[T]>, out: &mut [T], length: usize) {
    let group = if length <= SHORT { ROWS * length } else { usize::MAX }; // of long rows there are no groups
    let (groups, rest) = out.split_at_mut(out.len() - out.len() % group);
    let (group_input, rest_input) = input.map(|input| input.split_at(groups.len())).unzip();
    for (index, out) in groups.chunks_exact_mut(group).enumerate() {
        three_passes::<T, ROWS, LOG>(group_input.map(|input| &input[index * group..][..group]), out);
    }
    for (index, out) in rest.chunks_exact_mut(length).enumerate() {
        three_passes::<T, 1, LOG>(rest_input.map(|input| &input[index * length..][..length]), out);
    }
}

/// Maximum, exponentials, and scaling of `R` rows of `LANES` numbers or more.
#[inline(always)]
fn three_passes<T: Float, const R: usize, const LOG: bool>(input: Option<&[T]>, out: &mut [T]) {
    let length = out.len() / R;
    let maxima = maxima::<T, R>(input.unwrap_or(out));
    let mut sums = [Running([T::zero(); LANES]); R];
    for (row, (out, (sum, &max))) in
        out.chunks_exact_mut(length).zip(sums.iter_mut().zip(&maxima)).enumerate()
    {
        *sum = exponentials::<T, LOG>(input.map(|input| &input[row * length..][..length]), out, max);
    }
    for (out, (sum, max)) in out.chunks_exact_mut(length).zip(sum_of_each(&sums).into_iter().zip(maxima)) {
        let partial = Partial { max, sum };
        // (By chunks the compiler, LLVM 22, makes gathers of this loop.)
        if LOG {
            let log_scale = partial.log_scale();
            out.iter_mut().for_each(|y| *y -= log_scale);
        } else {
            let scale = partial.scale();
            out.iter_mut().for_each(|y| *y *= scale);
        }
    }
}

/// Of each of `R` rows of `LANES` numbers or more; of -inf alone, the lowest finite number.
#[inline(always)]
fn maxima<T: Float, const R: usize>(x: &[T]) -> [T; R] {
    let mut lanes = [Running([T::min_value(); LANES]); R];
    for (lanes, x) in lanes.iter_mut().zip(x.chunks_exact(x.len() / R)) {
        // Four chunks at a time: a maximum waits two cycles for the one before, and two could be had in each.
        let (chunks, _) = x.as_chunks::<LANES>();
        let (fours, rest) = chunks.as_chunks::<4>();
        let mut four = [lanes.0; 4];
        for chunks in fours {
            for (max, &chunk) in four.iter_mut().zip(chunks) {
                *max = zip(chunk, *max, greater);
            }
        }
        let [a, b, c, d] = four;
        lanes.0 = zip(zip(a, b, greater), zip(c, d, greater), greater);
        for &chunk in rest {
            lanes.0 = zip(chunk, lanes.0, greater);
        }
        if x.len() % LANES > 0 {
            lanes.0 = zip(last_chunk(x), lanes.0, greater);
        }
    }
    greatest_of_each(&lanes)
}

/// Returns the sum of exp(x - max), and writes what is summed, or if `LOG` x - max.
#[inline(always)]
fn exponentials<T: Float, const LOG: bool>(input: Option<&[T]>, out: &mut [T], max: T) -> Running<T> {
    let both = |chunk: Chunk<T>| {
        let relative = map(chunk, |x| x - max);
        let exp = map(relative, exp_nonpositive);
        (if LOG { relative } else { exp }, exp)
    };
    // First, since in place its lanes may be overwritten.
    let remainder = out.len() % LANES;
    let last = (remainder > 0).then(|| both(last_chunk(input.unwrap_or(out))));
    let mut total = [T::zero(); LANES];
    let (chunks, _) = out.as_chunks_mut::<LANES>();
    match input {
        Some(x) => {
            for (y, &x) in chunks.iter_mut().zip(x.as_chunks::<LANES>().0) {
                let (written, exp) = both(x);
                *y = written;
                total = zip(total, exp, sum);
            }
        }
        None => {
            for y in chunks {
                let (written, exp) = both(*y);
                *y = written;
                total = zip(total, exp, sum);
            }
        }
    }
    if let Some(((written, exp), end)) = last.zip(out.last_chunk_mut()) {
        *end = written;
        total = zip(total, only(exp, remainder), sum);
    }
    Running(total)
}

/// Measures each row, and writes it.
#[inline(always)]
fn two_passes<T: Float>(form: Form, input: Option<&[T]>, out: &mut [T], length: usize) {
    for (index, out) in out.chunks_exact_mut(length).enumerate() {
        let input = input.map(|input| &input[index * length..][..length]);
        let partial = measure_pieces(input.unwrap_or(out));
        write_row(form, &partial, input, out);
    }
}

/// Maximum and sum of any number of numbers.
#[inline(always)]
fn measure_pieces<T: Float>(x: &[T]) -> Partial<T> {
    let mut all = Partial::identity();
    for piece in x.chunks(PIECE) {
        all = all.merge(match piece.len() < LANES {
            true => {
                let mut padded = [T::neg_infinity(); LANES];
                padded[..piece.len()].copy_from_slice(piece);
                measure_piece(&padded)
            }
            false => measure_piece(piece),
        });
    }
    all
}

/// Maximum and sum of `LANES` numbers or more.
#[inline(always)]
fn measure_piece<T: Float>(x: &[T]) -> Partial<T> {
    let [max] = maxima(x);
    if max == T::infinity() {
        // inf - inf is NaN, and the sum below would be good for nothing.
        return x.iter().copied().fold(Partial::identity(), Partial::push);
    }
    let exp = |chunk: Chunk<T>| map(chunk, |x| exp_nonpositive(x - max));
    let mut total = [T::zero(); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for &chunk in chunks {
        total = zip(total, exp(chunk), sum);
    }
    if !rest.is_empty() {
        total = zip(total, only(exp(last_chunk(x)), rest.len()), sum);
    }
    let [sum] = sum_of_each(&[Running(total)]);
    Partial { max, sum }
}

#[inline(always)]
fn write_row<T: Float>(form: Form, partial: &Partial<T>, input: Option<&[T]>, out: &mut [T]) {
    let shift = partial.shift();
    match form {
        Form::Shares => {
            let scale = partial.scale();
            write_each(input, out, |x| exp_nonpositive(x - shift) * scale);
        }
        Form::Logarithms => {
            let log_scale = partial.log_scale();
            write_each(input, out, |x| x - shift - log_scale);
        }
    }
}

#[inline(always)]
fn write_each<T: Float>(input: Option<&[T]>, out: &mut [T], f: impl Fn(T) -> T) {
    match input {
        Some(x) => out.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x)),
        None => out.iter_mut().for_each(|y| *y = f(*y)),
    }
}

/// The last numbers of a row that has enough of them.
#[inline(always)]
fn last_chunk<T: Float>(x: &[T]) -> Chunk<T> {
    *x.last_chunk().expect("LANES numbers or more")
}

/// The last lanes alone.
#[inline(always)]
fn only<T: Float>(mut chunk: Chunk<T>, last: usize) -> Chunk<T> {
    for (lane, x) in chunk.iter_mut().enumerate() {
        *x = if lane + last >= LANES { *x } else { T::zero() };
    }
    chunk
}
