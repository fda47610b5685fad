//! The options of every collective, and what they come to.

use crate::bench::sizes::Sizes;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use std::time::Duration;
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::timed::dtype::{self, Dtype};
use testkit::timed::start::Repeat;
use testkit::timed::{measure, size};

/// How to measure a collective.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Use P ranks (1 to 256), each a thread
    #[arg(long, value_name = "P", default_value_t = 2,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub(crate) ranks: usize,

    /// An algorithm; `all` of the operation's, simplest first; or `auto`, the plain method's own choice
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(super) algorithm: String,

    /// One size, or powers of 4 times MIN and then MAX, as in `8..64M`: bytes of the whole array that a rank
    /// puts in or gets out
    #[arg(long, value_name = "MIN..MAX", default_value = "8..67108864")]
    bytes: Sizes,

    /// The type of the elements
    #[arg(long, default_value = "f32", value_parser = dtypes())]
    pub(crate) dtype: &'static Dtype,

    /// Time N laps at each point, instead of for a fifth of a second
    ///
    /// A lap is a batch of calls, back to back: as many as fit 256 KiB, 64 at most, one at least.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    iterations: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    pub(crate) json: bool,
}

fn dtypes() -> impl TypedValueParser<Value = &'static Dtype> {
    PossibleValuesParser::new(dtype::ALL.iter().map(|dtype| dtype.name))
        .try_map(|name| dtype::ALL.iter().find(|dtype| dtype.name == name).ok_or("no such type"))
}

impl Options {
    /// How often each point is measured.
    pub(crate) fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat { warm_up: 3, ..Repeat::times(times) },
            None => Repeat { warm_up: 3, at_least: 5, budget: Duration::from_millis(200), at_most: 10_000 },
        }
    }

    /// Why the algorithm can't be used on so many ranks, if it can't: what it says itself.
    pub(crate) fn refusal(&self, choice: Choice) -> Option<String> {
        let case = Case::new(self.ranks, 0);
        if choice.supports(&case, true) {
            return None;
        }
        measure::<u8>(choice, &case, Repeat::times(1)).err().map(|error| error.cause.to_string())
    }

    /// The sizes, in whole elements.
    pub(crate) fn cases(&self, operation: Operation) -> Vec<Case> {
        let case = |bytes| size::case(operation, self.ranks, bytes, self.dtype.bytes);
        let mut cases: Vec<_> = self.bytes.powers_of(4).map(case).collect();
        cases.dedup(); // Several may round to the same one, and those of a barrier are all alike.
        cases
    }
}
