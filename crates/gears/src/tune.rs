//! `gears tune`: measures every algorithm of every collective and writes the rows that the plain methods look in,
//! `crates/collectives/src/choose/table.rs`.
//!
//! ```text
//! gears tune --output crates/collectives/src/choose/table.rs        some twenty minutes, on a machine that idles
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`race`] | every algorithm at every size, and who wins where |
//! | [`table`] | the rows, as source |

mod race;
mod table;

use crate::bench::place::{machine, today};
use crate::bench::sizes::Sizes;
use clap::builder::RangedU64ValueParser;
use race::Race;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use testkit::case::Operation;
use testkit::choice::setting;
use testkit::timed::start::Repeat;

/// Measure all algorithms on this machine, and write the table that automatic choices are looked up in
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Numbers of ranks, separated by commas; powers of two
    #[arg(long, value_name = "P,..", value_delimiter = ',', default_values_t = [2, 4, 8, 16, 64], value_parser = ranks())]
    ranks: Vec<usize>,

    /// From the least size to the greatest, in powers of 4
    #[arg(long, value_name = "MIN..MAX", default_value = "8..64M")]
    bytes: Sizes,

    /// Time each point N times in each of seven turns, instead of for 20 ms each
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    iterations: Option<usize>,

    /// Write there, instead of to the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn ranks() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::<usize>::new().range(2..=64)
}

/// All ranks' buffers together are no longer than this: for many ranks the greatest sizes are left out.
const MEMORY: usize = 512 << 20;

/// The fastest algorithms of one operation, by ranks and size.
struct Rows {
    operation: Operation,
    rows: Vec<Row>,
}

/// The same on one number of ranks.
struct Row {
    ranks: usize,
    oversubscribed: bool,
    steps: Vec<race::Step>,
}

/// Runs the subcommand.
pub(crate) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let mut all = Vec::new();
    for operation in Operation::ALL {
        let mut rows = Vec::new();
        for ranks in options.ranks() {
            let sizes = options.bytes.powers_of(4).filter(|bytes| bytes * ranks <= MEMORY);
            let race = Race::run(operation, ranks, sizes, options.repeat())?;
            let oversubscribed = setting(ranks).oversubscribed;
            rows.push(Row { ranks, oversubscribed, steps: race.steps() });
        }
        rows.sort_by_key(|row| (row.oversubscribed, row.ranks));
        all.push(Rows { operation, rows });
    }
    let text = table::source(&all, &machine(), &today(), &options.command());
    match &options.output {
        Some(path) => std::fs::write(path, text)?,
        None => out.write_all(text.as_bytes())?,
    }
    Ok(true)
}

impl Options {
    fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat { warm_up: 1, ..Repeat::times(times) },
            None => Repeat { warm_up: 1, at_least: 3, budget: Duration::from_millis(20), at_most: 10_000 },
        }
    }

    /// Each number once.
    fn ranks(&self) -> Vec<usize> {
        let mut ranks = self.ranks.clone();
        ranks.sort_unstable();
        ranks.dedup();
        ranks
    }

    /// What makes the same table again.
    fn command(&self) -> String {
        let ranks: Vec<String> = self.ranks().iter().map(usize::to_string).collect();
        let iterations = self.iterations.map_or(String::new(), |n| format!(" --iterations {n}"));
        format!("gears tune --ranks {} --bytes {}{iterations}", ranks.join(","), self.bytes)
    }
}
