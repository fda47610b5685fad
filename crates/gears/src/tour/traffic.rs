//! What every rank sent, counted on the way, beside what the algorithm's formula says.

use super::train::{REDUCED, Trained};
use crate::text::{mark, thousands};
use collectives::AllReduce;
use std::io::{self, Write};

/// Of more ranks than this, the table leaves out the middle.
const ROWS: usize = 8;

/// Compares the counts with the formulas, rank by rank, and shows the runs with most ranks.
pub(super) fn report(out: &mut dyn Write, runs: &[Trained]) -> io::Result<bool> {
    let most = runs.iter().map(|run| run.training.ranks).max().unwrap_or(1);
    writeln!(
        out,
        "
What every rank sent in all steps, counted as it left, beside the closed form
that stands with each algorithm's code: they must be equal, not just close. One
all-reduce is of N = {} f32 of 4 bytes: the gradient, and the loss.",
        thousands(REDUCED as u64)
    )?;
    let mut all_agree = true;
    for run in runs {
        all_agree &= match run.training.ranks == most {
            true => table(out, run)?,
            false => differences(out, run)?,
        };
    }
    if most > 1 {
        busiest(out, runs)?;
    }
    Ok(all_agree)
}

/// A row for each rank, or the first and the last ones, and all that disagree.
fn table(out: &mut dyn Write, run: &Trained) -> io::Result<bool> {
    let ranks = run.training.ranks;
    writeln!(out, "\n  {:<29}{:<22}bytes", run.training.title(), "messages")?;
    writeln!(out, "  {:>12}{:>12}{:>12}{:>15}{:>15}", "rank", "counted", "formula", "counted", "formula")?;
    let mut all_agree = true;
    for rank in 0..ranks {
        let agrees = agrees(run, rank);
        all_agree &= agrees;
        if ranks <= ROWS || rank < ROWS - 1 || rank == ranks - 1 || !agrees {
            row(out, run, rank)?;
        } else if rank == ROWS - 1 {
            writeln!(out, "  {:>12}", "...")?;
        }
    }
    Ok(all_agree)
}

/// Rows for the ranks that disagree alone.
fn differences(out: &mut dyn Write, run: &Trained) -> io::Result<bool> {
    let wrong: Vec<usize> = (0..run.training.ranks).filter(|&rank| !agrees(run, rank)).collect();
    if !wrong.is_empty() {
        writeln!(out, "\n  {}", run.training.title())?;
    }
    for &rank in &wrong {
        row(out, run, rank)?;
    }
    Ok(wrong.is_empty())
}

fn agrees(run: &Trained, rank: usize) -> bool {
    (run.sent[rank].messages, run.sent[rank].bytes) == run.expected(rank)
}

fn row(out: &mut dyn Write, run: &Trained, rank: usize) -> io::Result<()> {
    let (messages, bytes) = run.expected(rank);
    writeln!(
        out,
        "  {rank:12}{:>12}{:>12}{:>15}{:>15}{}",
        thousands(run.sent[rank].messages),
        thousands(messages),
        thousands(run.sent[rank].bytes),
        thousands(bytes),
        mark(agrees(run, rank)),
    )
}

/// The reason to prefer one algorithm: what the busiest rank sends in a step.
fn busiest(out: &mut dyn Write, runs: &[Trained]) -> io::Result<()> {
    let (naive, ring) = (AllReduce::ReduceBroadcast, AllReduce::Ring);
    writeln!(
        out,
        "\nBytes that the busiest rank sends in one step:\n\n  {:>12}{:>20}{:>15}",
        "P",
        naive.name(),
        ring.name()
    )?;
    let of = |run: &Trained| run.sent.iter().map(|s| s.bytes).max().unwrap_or(0) / run.steps as u64;
    for run in runs.iter().filter(|run| run.training.algorithm == naive) {
        let ranks = run.training.ranks;
        let other = runs.iter().find(|r| r.training.algorithm == ring && r.training.ranks == ranks);
        let other = other.map_or_else(String::new, |run| thousands(of(run)));
        writeln!(out, "  {ranks:12}{:>20}{other:>15}", thousands(of(run)))?;
    }
    writeln!(
        out,
        "
Both move 2(P-1)N elements in all. The naive rank 0 sends (P-1)N of them itself
and takes as many: on a network its link is the bottleneck, and each rank more
makes it worse. In the ring every rank sends about 2N(P-1)/P, less than 2N
however many ranks there are (not all the same where P doesn't divide N: blocks
differ by one element). The price is 2(P-1) messages, one after the other."
    )
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
