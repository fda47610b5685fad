//! The options that all computations have, and the threads.

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use matmul::Threads;
use std::fmt;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;
use testkit::timed::arithmetic::dtype;
use testkit::timed::start::Repeat;

/// How to measure a computation.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// The type of the elements
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub(super) dtype: Dtype,

    /// Compute on N threads (1 to 256) [default: one for each core]
    #[arg(long, value_name = "N", value_parser = count(256))]
    threads: Option<usize>,

    /// Time each point N times, instead of for a fifth of a second
    #[arg(long, value_name = "N", value_parser = count(1_000_000))]
    iterations: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    pub(super) json: bool,
}

/// The types that computations are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::bench) enum Dtype {
    F32,
    F64,
}

impl Dtype {
    /// What is measured of this type.
    pub(in crate::bench) fn timed(self) -> &'static dtype::Dtype {
        match self {
            Dtype::F32 => &dtype::F32,
            Dtype::F64 => &dtype::F64,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.timed().name)
    }
}

impl Common {
    /// How often each point is measured.
    pub(super) fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat::times(times),
            None => Repeat { warm_up: 2, at_least: 5, budget: Duration::from_millis(200), at_most: 10_000 },
        }
    }

    /// How many threads to compute on; that many there are from now on.
    pub(super) fn threads(&self) -> Threads {
        Threads::new(start_threads(self.threads))
    }
}

/// Starts so many threads for rayon, or one for each core, and answers how many.
pub(in crate::bench) fn start_threads(asked: Option<usize>) -> usize {
    let threads = asked.unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get));
    // Fails where there are some already: in tests, which have several runs in one process.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    threads
}

/// A number from 1 to `most`.
pub(in crate::bench) fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::<usize>::new().range(1..=most)
}

/// `8 heads`, or `8 heads on 2 of keys and values`.
pub(in crate::bench) fn heads(heads: usize, kv_heads: usize) -> String {
    let plural = if heads == 1 { "" } else { "s" };
    match heads == kv_heads {
        true => format!("{heads} head{plural}"),
        false => format!("{heads} head{plural} on {kv_heads} of keys and values"),
    }
}

/// Stands for every algorithm.
const ALL: &str = "all";

/// A name of one of these, or `all`.
pub(in crate::bench) fn names(
    names: impl IntoIterator<Item = &'static str>,
) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(names.into_iter().chain([ALL]))
}

/// Whether this one is among those asked for.
pub(in crate::bench) fn is_asked(asked: &[String], name: &str) -> bool {
    asked.iter().any(|asked| asked == ALL || asked == name)
}
