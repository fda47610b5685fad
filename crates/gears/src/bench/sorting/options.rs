//! The options that all sorts have.

use crate::bench::arithmetic::common::{count, is_asked, names};
use crate::bench::sizes::Sizes;
use std::time::Duration;
use testkit::sorting::Pattern;
use testkit::timed::sorting::dtype::{self, Dtype};
use testkit::timed::start::Repeat;

/// What to sort, and how often.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Types of the keys with commas between, or `all`
    #[arg(long = "type", value_name = "TYPE,..", value_delimiter = ',', default_value = "u32",
          value_parser = names(dtype::ALL.iter().map(|dtype| dtype.name)))]
    types: Vec<String>,

    /// How the keys lie, with commas between, or `all`
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = Pattern::Random.name(),
          value_parser = names(Pattern::ALL.map(Pattern::name)))]
    pattern: Vec<String>,

    /// Keys of an array: one number, or MIN, twice MIN and so on and then MAX, as in `64..1M`
    #[arg(long, value_name = "MIN..MAX", default_value = "1K..1M")]
    n: Sizes,

    /// After each of these numbers also one key more: a network has powers of two of wires
    #[arg(long)]
    odd: bool,

    /// Measure N rounds, instead of as many as fit into half a second
    #[arg(long, value_name = "N", value_parser = count(1_000_000))]
    iterations: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    pub(super) json: bool,
}

impl Common {
    /// What is asked for, types first.
    pub(super) fn inputs(&self) -> Vec<(&'static Dtype, Pattern)> {
        let types = dtype::ALL.iter().filter(|dtype| is_asked(&self.types, dtype.name));
        types.flat_map(|dtype| self.patterns().map(move |pattern| (dtype, pattern))).collect()
    }

    fn patterns(&self) -> impl Iterator<Item = Pattern> {
        Pattern::ALL.into_iter().filter(|pattern| is_asked(&self.pattern, pattern.name()))
    }

    /// Keys of an array.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.n.powers_of(2).flat_map(|n| if self.odd { vec![n, n + 1] } else { vec![n] })
    }

    /// How many rounds.
    pub(super) fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat::times(times),
            None => Repeat { warm_up: 2, at_least: 7, budget: Duration::from_millis(500), at_most: 1000 },
        }
    }
}
