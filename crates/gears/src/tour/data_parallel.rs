//! Section: the same training on one rank and on several, by two all-reduces.

use super::digits::{CSV, Digits};
use super::model::WEIGHTS;
use super::train::{Trained, Training};
use super::{Options, agreement, progress, traffic};
use crate::text::thousands;
use collectives::AllReduce;
use std::io::{self, Write};

/// Samples in a global batch. Not a multiple of 7: ranks take parts of different sizes.
const BATCH_SIZE: usize = 32;
const EPOCHS: usize = 40;
/// The epochs whose loss is shown.
const SHOWN: [usize; 5] = [1, 2, 5, 10, EPOCHS];

const ALGORITHMS: [AllReduce; 2] = [AllReduce::ReduceBroadcast, AllReduce::Ring];

pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let digits = Digits::parse(CSV).map_err(io::Error::other)?;
    let (training, held_out) = digits.split(options.seed);
    introduce(out, &training, &held_out)?;

    let mut runs = Vec::new();
    for algorithm in ALGORITHMS {
        for ranks in options.ranks() {
            let trained = train(plan(algorithm, ranks, options.seed), &training)?;
            show_losses(out, &trained)?;
            runs.push(trained);
        }
    }
    let most = options.ranks().into_iter().max().unwrap_or(1);
    explain_times(out, most)?;

    let agree = agreement::report(out, &runs, &held_out)?;
    let equal = traffic::report(out, &runs)?;
    Ok(agree && equal)
}

fn plan(algorithm: AllReduce, ranks: usize, seed: u64) -> Training {
    Training { algorithm, ranks, epochs: EPOCHS, batch_size: BATCH_SIZE, seed }
}

fn train(plan: Training, digits: &Digits) -> io::Result<Trained> {
    let Training { algorithm, ranks, .. } = plan;
    let bar = progress::bar(format!("{:16} P = {ranks}", algorithm.name()), plan.epochs)?;
    let trained = plan.run(digits, |loss| {
        bar.set_message(format!("loss {loss:.4}"));
        bar.inc(1);
    });
    bar.finish_and_clear();
    trained.map_err(|error| io::Error::other(format!("training with {algorithm} on {ranks} ranks: {error}")))
}

fn introduce(out: &mut dyn Write, training: &Digits, held_out: &Digits) -> io::Result<()> {
    writeln!(
        out,
        "\
A rank is one worker of a group: here a thread of this process, elsewhere a GPU
or a machine. A rank computes on its own memory; what it knows of the others has
come in messages. P is the number of ranks.

The task is to read handwritten digits: {} to learn from, {} held out to
test with. The model has {} weights in two layers.

Each rank holds all the weights, and its part of every batch of {BATCH_SIZE} digits. In a
step every rank sums the gradients of its own digits, an all-reduce adds up the
sums of all ranks and gives everyone the total, and everyone changes its weights
by the same amount. The gradient of a batch is the sum of its digits' gradients,
so it doesn't matter who computes which: batches and steps are the same for any
P. Two all-reduces are compared:

  reduce_broadcast   rank 0 takes all gradients, adds, sends everyone the total
  ring               each rank adds up one block as it goes round, then the
                     finished blocks go round

Mean loss of a digit, -ln p(its label), after so many epochs:
",
        thousands(training.len() as u64),
        held_out.len(),
        thousands(WEIGHTS as u64),
    )?;
    write!(out, "  {:16} {:>3}", "all-reduce", "P")?;
    for epoch in SHOWN {
        write!(out, "{epoch:>9}")?;
    }
    writeln!(out, "{:>11}", "time")
}

fn show_losses(out: &mut dyn Write, run: &Trained) -> io::Result<()> {
    write!(out, "  {:16} {:3}", run.training.algorithm.name(), run.training.ranks)?;
    for epoch in SHOWN {
        write!(out, "{:9.4}", run.losses[epoch - 1])?;
    }
    writeln!(out, "{:8.0} ms", 1e3 * run.time.as_secs_f64())
}

fn explain_times(out: &mut dyn Write, ranks: usize) -> io::Result<()> {
    let Ok(cores) = std::thread::available_parallelism() else { return Ok(()) };
    let cores = cores.get();
    let s = if cores == 1 { "" } else { "s" };
    writeln!(out, "\nThis program may use {cores} core{s}.")?;
    match ranks > cores {
        true => writeln!(
            out,
            "With more ranks than cores it is oversubscribed: ranks take turns on a core, and\n\
             the time shows how they wait for each other, not what an algorithm costs."
        ),
        false => writeln!(
            out,
            "There is a core for every rank; with a model as small as this one, though,\n\
             ranks spend much of the time on messages."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_agrees_and_fits_80_columns() {
        let mut out = Vec::new();
        let options = Options { ranks: Some(3), seed: 0 };
        assert!(run(&mut out, &options).unwrap());
        let text = String::from_utf8(out).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
        }
        assert!(text.contains("ring, P = 3"), "{text}");
    }

    #[test]
    #[ignore = "two minutes, optimised: whether every seed is as good as agreement.rs says"]
    fn seeds() {
        let digits = Digits::parse(CSV).unwrap();
        for seed in 0..300 {
            let (training, held_out) = digits.split(seed);
            let runs = [1, 2, 7].map(|ranks| train(plan(AllReduce::Ring, ranks, seed), &training).unwrap());
            let mut out = Vec::new();
            let agrees = agreement::report(&mut out, &runs, &held_out).unwrap();
            assert!(agrees, "seed {seed}: {}", String::from_utf8_lossy(&out));
        }
    }
}
