//! The same inputs, the same result: whatever the strides and the threads, and on every run.

use super::nearness::Run;
use super::{rejection, same_bits};
use crate::attention::{AttentionGear, Case, Inputs, Trial};
use crate::suite::{Rejection, Verdict};
use attention::algorithm::Attended;
use ndarray::{Array4, Axis, s};
use parallel::Float;

/// A second run gives the same bits. With 1, 2 and 3 threads the output and the log-sum-exp have the same
/// bits, and the gradients agree to within rounding.
///
/// # Errors
///
/// The first element that differs.
pub(super) fn bits<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    typed_bits(gear, trial, &trial.inputs)?;
    typed_bits(gear, trial, &trial.single)
}

fn typed_bits<G: AttentionGear, T: Float>(gear: &G, trial: &Trial, inputs: &Inputs<T>) -> Verdict {
    let Trial { case, oracle, .. } = trial;
    let with = |threads| Run::of("bits", gear, &Case { threads, ..case.clone() }, inputs);
    let first = with(case.threads)?;
    equal(case, "a second run", &first, &with(case.threads)?, 5)?;
    // Three don't divide evenly what two do.
    let others: &[usize] = if case.seed.is_multiple_of(3) { &[1, 2, 3] } else { &[1, 2] };
    for &threads in others.iter().filter(|&&threads| threads != case.threads) {
        let other = with(threads)?;
        equal(case, &format!("{threads} thread(s)"), &first, &other, 2)?;
        other.agrees("bits", case, &first, oracle)?;
    }
    Ok(1)
}

/// The first tensors have the same bits.
fn equal<T: Float>(case: &Case, what: &str, a: &Run<T>, b: &Run<T>, tensors: usize) -> Result<(), Rejection> {
    for (a, b) in a.tensors().iter().zip(b.tensors()).take(tensors) {
        for ((place, &a), &b) in a.indexed_iter().zip(&b) {
            if !same_bits(a, b) {
                return Err(rejection("bits", case, format!("{what}: {a:?} at {place:?} became {b:?}")));
            }
        }
    }
    Ok(())
}

/// All inputs in other orders of memory, each in another, give the same to within rounding.
///
/// # Errors
///
/// The first element that differs by more.
pub(super) fn strides<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    let plain = Run::of("strides", gear, case, inputs)?;
    for turn in 0..3 {
        let moved = |n: usize, x: &Array4<f64>| [heads_inside, with_gaps, backwards][(n + turn) % 3](x);
        let moved_inputs = Inputs {
            query: moved(0, &inputs.query),
            key: moved(1, &inputs.key),
            value: moved(2, &inputs.value),
            gradient: moved(1, &inputs.gradient),
            slopes: inputs.slopes.clone(),
            allowed: inputs.allowed.as_ref().map(heads_inside),
            bias: inputs.bias.as_ref().map(|bias| moved(3, bias)),
        };
        let run = Run::through("strides", gear, case, &moved_inputs, |attended| Attended {
            output: moved(2, &attended.output),
            lse: moved(0, &attended.lse.insert_axis(Axis(3))).remove_axis(Axis(3)),
        })?;
        run.agrees("strides", case, &plain, oracle)?;
    }
    Ok(1)
}

/// (B, H, T, D) as it lies in memory when a projection has made all heads at once: (B, T, H, D).
fn heads_inside<T: Copy>(x: &Array4<T>) -> Array4<T> {
    x.view().permuted_axes([0, 2, 1, 3]).as_standard_layout().into_owned().permuted_axes([0, 2, 1, 3])
}

/// Between the elements, and between the rows, there are others that don't belong to it.
fn with_gaps(x: &Array4<f64>) -> Array4<f64> {
    let (batch, heads, rows, columns) = x.dim();
    let mut wide = Array4::from_elem((batch, heads, 2 * rows, 3 * columns), f64::NAN);
    wide.slice_mut(s![.., .., ..;2, ..;3]).assign(x);
    wide.slice_move(s![.., .., ..;2, ..;3])
}

/// The last element comes first in memory.
fn backwards(x: &Array4<f64>) -> Array4<f64> {
    let mut mirrored = x.slice(s![.., .., ..;-1, ..;-1]).as_standard_layout().into_owned();
    mirrored.invert_axis(Axis(2));
    mirrored.invert_axis(Axis(3));
    mirrored
}
