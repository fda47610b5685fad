//! The tour: a few minutes of reading beside a few seconds of computing.
//!
//! A section explains something, does it, and checks what came of it.

mod agreement;
mod attention;
mod batches;
mod data_parallel;
mod digits;
mod model;
mod progress;
mod sequence_parallel;
mod sorting;
mod traffic;
mod train;
mod verify;

use clap::builder::RangedU64ValueParser;
use std::io::{self, Write};

/// Train a model on several ranks, verify every collective, climb the ladder of attention, share it out, and sort
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Use P ranks (1 to 64), and 1 to compare with, instead of 1, 2, 4 and 7
    #[arg(long, value_name = "P", value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    ranks: Option<usize>,

    /// Draw the held-out digits, the initial weights and the tokens from this seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

impl Options {
    /// The numbers of ranks to show, beginning with 1.
    fn ranks(&self) -> Vec<usize> {
        match self.ranks {
            None => vec![1, 2, 4, 7],
            Some(1) => vec![1],
            Some(ranks) => vec![1, ranks],
        }
    }
}

/// A part of the tour: writes to the reader, and answers whether everything in it agreed.
struct Section {
    title: &'static str,
    run: fn(&mut dyn Write, &Options) -> io::Result<bool>,
}

/// All sections, in the reader's order.
const SECTIONS: &[Section] = &[
    Section { title: "Data-parallel training", run: data_parallel::run },
    Section { title: "Every collective, verified", run: verify::run },
    Section { title: "Attention: the ladder", run: attention::run },
    Section { title: "Attention across ranks", run: sequence_parallel::run },
    Section { title: "Sorting by a network", run: sorting::run },
];

/// Takes the tour.
pub(crate) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let mut agrees = true;
    for (number, section) in (1..).zip(SECTIONS) {
        let title = format!("{number}. {}", section.title);
        writeln!(out, "{title}\n{}\n", "=".repeat(title.len()))?;
        agrees &= (section.run)(out, options)?;
        writeln!(out)?;
    }
    if agrees {
        writeln!(out, "Everything agrees.")?;
    }
    Ok(agrees)
}
