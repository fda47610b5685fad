//! Every collective, every algorithm, held against what it owes; and the suite held against planted mistakes.

use super::Options;
use std::io::{self, Write};
use testkit::case::Case;
use testkit::gear::{Algorithm, Gear, catalogue};
use testkit::mutants::Mutant;
use testkit::suite::verify;

const INTRODUCTION: &str = "\
Every algorithm of every collective, against what it owes: the result equals a
naive reference, in a world where every send waits; messages, bytes and rounds
equal the closed form, on every rank; every contribution counts exactly once; a
reduction that doesn't commute is combined in rank order, or refused; all runs
give the same bits; nobody leaves a barrier early; no message is left behind.
";

/// The most ranks that the suite tries.
const RANKS: usize = 16;

/// Runs the section.
pub(super) fn run(out: &mut dyn Write, _options: &Options) -> io::Result<bool> {
    writeln!(out, "{INTRODUCTION}")?;
    writeln!(out, "{:<15} {:<21} {:<15} {:>7}  result", "operation", "algorithm", "ranks tried", "cases")?;
    let mut agrees = true;
    let mut total = 0;
    for algorithm in catalogue() {
        let verdict = verify(&algorithm);
        let (cases, result) = match &verdict {
            Ok(cases) => (*cases, "ok".to_owned()),
            Err(rejection) => (0, format!("DISAGREES: {rejection}")),
        };
        let (operation, name) = (algorithm.operation().name(), algorithm.name());
        writeln!(out, "{operation:<15} {name:<21} {:<15} {cases:>7}  {result}", ranks_tried(&algorithm))?;
        agrees &= verdict.is_ok();
        total += cases;
    }
    writeln!(out, "\n{} algorithms, {total} cases.\n", catalogue().len())?;
    Ok(agrees & mistakes(out)?)
}

/// A suite is worth what it rejects.
fn mistakes(out: &mut dyn Write) -> io::Result<bool> {
    let passed: Vec<Mutant> =
        Mutant::ALL.into_iter().filter(|mutant| mutant.rejections().is_empty()).collect();
    let planted = Mutant::ALL.len();
    for mutant in &passed {
        writeln!(out, "DISAGREES: the planted mistake {mutant:?} passed the suite")?;
    }
    writeln!(
        out,
        "\
The suite itself was tried on {planted} algorithms with one planted mistake each (a
barrier that is a round short, a ring that passes whole tensors round, ...):
{} of {planted} rejected.",
        planted - passed.len()
    )?;
    Ok(passed.is_empty())
}

/// `1-16`, or a list where some are left out.
fn ranks_tried(algorithm: &Algorithm) -> String {
    let tried: Vec<usize> =
        (1..=RANKS).filter(|&ranks| algorithm.supports(&Case::new(ranks, 0), true)).collect();
    match tried.len() {
        RANKS => format!("1-{RANKS}"),
        _ => tried.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    }
}
