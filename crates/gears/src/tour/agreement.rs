//! Whether the ranks learned the same, and the same as one rank alone.

use super::digits::Digits;
use super::model;
use super::train::Trained;
use crate::text::{mark, thousands};
use std::io::{self, Write};

/// The share of the held-out digits that a good run reads right. All of the seeds 0..300 reach it.
const GOOD: f64 = 0.95;

/// Compares all runs with the first, which has one rank.
pub(super) fn report(out: &mut dyn Write, runs: &[Trained], held_out: &Digits) -> io::Result<bool> {
    let Some(alone) = runs.first() else { return Ok(true) };
    let tolerance = tolerance(alone);
    writeln!(
        out,
        "
What they have learned: the digits read right of the {} held out, at least {}%
expected; whether all ranks hold the same weights, bit for bit; the largest
difference of a weight from the run with P = 1, at most {tolerance:.1e} expected.

  {:16} {:>3}{:>10}{:>16}{:>14}",
        held_out.len(),
        100.0 * GOOD,
        "all-reduce",
        "P",
        "right",
        "same weights",
        "difference",
    )?;
    let mut all_agree = true;
    for run in runs {
        let (x, labels) = held_out.rows(0..held_out.len());
        let right = model::accuracy(&run.weights[0], x, labels);
        let identical = run.identical();
        let difference = run.difference(alone);
        let agrees = right >= GOOD && identical && difference <= tolerance;
        all_agree &= agrees;
        writeln!(
            out,
            "  {:16} {:3}{:>9.1}%{:>16}{:>14}{}",
            run.training.algorithm.name(),
            run.training.ranks,
            100.0 * right,
            if identical { "yes" } else { "NO" },
            if difference == 0.0 { "0".to_string() } else { format!("{difference:.1e}") },
            mark(agrees),
        )?;
    }
    writeln!(
        out,
        "
Nobody ever sends weights. The ranks begin with the same, and an all-reduce
gives all of them the same sum, so they stay the same. With another P gradients
are added in another order, which rounds differently: hence the difference. It
grows with the steps; what is allowed is that each of the {} steps rounds the
largest weight, {:.1}, by f32's {:.1e} of its size, always in one direction.",
        thousands(alone.steps as u64),
        largest(alone),
        f32::EPSILON,
    )?;
    Ok(all_agree)
}

/// How far rounding may take a weight: each step rounds the largest one, always in the same direction.
///
/// Roundings mostly cancel, so good runs stay far below. A wrong algorithm is far above: to lose one sample
/// of all moves some weight by more than this, as a test shows. It takes a stable training: with too high a
/// learning rate any difference grows from step to step.
pub(super) fn tolerance(run: &Trained) -> f32 {
    run.steps as f32 * f32::EPSILON * largest(run)
}

fn largest(run: &Trained) -> f32 {
    run.weights[0].iter().fold(0.0, |largest, weight| weight.abs().max(largest))
}
