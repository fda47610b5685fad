//! What happens when a rank misbehaves: every way, in every algorithm, and how the errors read.

use clap::builder::PossibleValuesParser;
use std::io::{self, Write};
use std::time::Duration;
use testkit::case::Operation;
use testkit::faults::Harm;
use testkit::faults::examples::EXAMPLES;
use testkit::faults::matrix::{Cell, End, Row};
use testkit::gear::{Gear, ladder};

/// Make one rank misbehave in every way, in every algorithm, and show what the others are told
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this operation
    #[arg(value_name = "OPERATION", value_parser = PossibleValuesParser::new(Operation::ALL.map(Operation::name)))]
    operation: Option<String>,

    /// On so many ranks, each of them the victim in turn
    #[arg(long, value_name = "P,..", value_delimiter = ',', default_values_t = [2, 3, 4, 7],
          value_parser = clap::value_parser!(u64).range(2..=16))]
    ranks: Vec<u64>,

    /// Only show an example of every kind of error
    #[arg(long)]
    examples: bool,
}

const INTRODUCTION: &str = "\
One rank, the victim, does something else than the others: in the second of three
collectives, for every algorithm, on short and on long buffers, with and without
buffering. Whatever happens, all ranks must return, every error must name the
victim, and the next world must work. How the worlds ended:

  P  the victim's own panic or error   D  ranks that wait for each other
  M  ranks that disagree               L  a wait for a rank that has returned
  U  a message that nobody received    .  well: a slow rank is no fault

The victim panics, returns an error, returns early, dies at each of its messages,
is slow, skips the call or makes it twice, or means something else by it: another
length, root, element type, reduction, algorithm, or another call altogether.
";

/// Runs the subcommand.
pub(crate) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let agrees = options.examples || matrix(out, options)?;
    if options.operation.is_none() {
        for example in EXAMPLES {
            writeln!(out, "{}\n{}\n\n{}\n", example.title, "-".repeat(example.title.len()), example.text())?;
        }
    }
    Ok(agrees)
}

/// The table.
fn matrix(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let ranks: Vec<usize> = options.ranks.iter().map(|&ranks| ranks as usize).collect();
    let asked =
        |operation: &Operation| options.operation.as_deref().is_none_or(|name| name == operation.name());
    writeln!(out, "{INTRODUCTION}")?;
    write!(out, "{:<15} {:<21}", "operation", "algorithm")?;
    Harm::KINDS.iter().try_for_each(|kind| write!(out, " {kind:<5}"))?;
    writeln!(out, " {:>6}", "trials")?;
    let (mut trials, mut disagreements, mut alone, mut agrees) = (0, 0, 0, true);
    let mut slowest = Duration::ZERO;
    for algorithm in Operation::ALL.into_iter().filter(asked).flat_map(ladder) {
        let row = Row::of(algorithm, &ranks);
        write!(out, "{:<15} {:<21}", algorithm.operation().name(), algorithm.name())?;
        for kind in Harm::KINDS {
            write!(out, " {:<5}", row.cells.get(kind).map_or("-".to_owned(), letters))?;
        }
        let count: usize = row.cells.values().map(Cell::trials).sum();
        writeln!(out, " {count:>6}")?;
        for objection in &row.objections {
            writeln!(out, "DISAGREES: {objection}")?;
        }
        trials += count;
        disagreements += row.cells.values().map(|cell| cell.disagreements.0).sum::<usize>();
        alone += row.cells.values().map(|cell| cell.disagreements.1).sum::<usize>();
        slowest = slowest.max(row.slowest);
        agrees &= row.objections.is_empty();
    }
    writeln!(
        out,
        "\n\
         {trials} trials. The longest that all ranks took to return: {:.0} ms.\n\
         Ranks disagreed in {disagreements} trials with more than 2 ranks; what they had called told the victim,\n\
         and nobody else, from the others in {alone} of them. In the rest the others had not all come so far.\n",
        slowest.as_secs_f64() * 1e3
    )?;
    Ok(agrees)
}

/// How the trials of a cell ended.
fn letters(cell: &Cell) -> String {
    let letter = |end: &End| match end {
        End::Well => '.',
        End::Own => 'P',
        End::Mismatch => 'M',
        End::Deadlock => 'D',
        End::Left => 'L',
        End::Unreceived => 'U',
    };
    cell.ends.keys().map(letter).collect()
}
