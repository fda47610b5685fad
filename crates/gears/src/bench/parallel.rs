//! Attention across ranks: how much faster than on one, and how much of the time goes into communicating.
//!
//! | module | idea |
//! |---|---|
//! | [`options`] | the options, and what they come to |
//! | [`point`] | one measurement, and as an object of JSON |
//! | [`table`] | for people |
//! | [`record`] | the points as files: a table and a plot of how it scales |

mod options;
mod point;
mod record;
mod table;

use matmul::Threads;
use options::{Options, Plan};
use point::Point;
use std::io::{self, Write};
use testkit::timed::arithmetic::Pass;
use testkit::timed::parallel::name::Family;

#[derive(Clone, Debug, clap::Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Attention across ranks by all-to-all, from tokens to heads and back: the forward pass
    Ulysses(Options),
    /// Attention across ranks by all-to-all, from tokens to heads and back: the forward and the backward pass
    UlyssesTraining(Options),
    /// Attention across ranks whose keys and values go round a ring: the forward pass
    Ring(Options),
    /// Attention across ranks whose keys and values go round a ring: the forward and the backward pass
    RingTraining(Options),
    /// Attention across ranks that all get all keys and values: the forward pass
    AllGatherKeys(Options),
    /// Attention across ranks that all get all keys and values: the forward and the backward pass
    AllGatherKeysTraining(Options),
    /// Attention across a mesh of ranks, all-to-all along one axis and a ring along the other: the forward pass
    UlyssesRing(Options),
    /// Attention across a mesh of ranks, all-to-all along one axis and a ring along the other: the forward and the
    /// backward pass
    UlyssesRingTraining(Options),
    /// Attention across ranks by each of these strategies: the forward pass
    SequenceParallel(Options),
    /// Attention across ranks by each of these strategies: the forward and the backward pass
    SequenceParallelTraining(Options),
}

/// Measures and reports, point by point. True if no element was wrong.
pub(super) fn run(out: &mut dyn Write, operation: &Operation) -> io::Result<bool> {
    let (options, families, pass) = operation.parts();
    let Plan { points, skipped } = options.plan(families).unwrap_or_else(|message| crate::refuse(message));
    let dtype = options.dtype.timed();
    // Sizes that make no sense make none without tokens.
    if let Err(error) = (dtype.attention)(options.setting(pass, 0)) {
        crate::refuse(error);
    }
    let cores = options::cores();
    let alone = Threads::new(cores);
    // Fails where there are some already: in tests, which have several runs in one process.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(cores).build_global();
    if !options.json {
        table::write_header(out, options, pass)?;
    }
    for reason in skipped {
        match options.json {
            true => writeln!(io::stderr(), "# {reason}")?, // not an object
            false => writeln!(out, "# {reason}")?,
        }
    }
    let mut measured = Vec::new();
    for tokens in options.sequence() {
        let setting = options.setting(pass, tokens);
        for &on in &points {
            let of =
                (dtype.on_ranks)(setting, on, Some(alone), options.repeat()).map_err(io::Error::other)?;
            let point = Point::new(options, on, &setting, dtype.name, cores, &of);
            match options.json {
                true => writeln!(out, "{}", serde_json::to_string(&point)?)?,
                false => table::write_point(out, &point)?,
            }
            measured.push(point);
        }
    }
    if let Some(path) = &options.record {
        record::write(path, cores, &measured)?;
    }
    Ok(measured.iter().all(|point| point.wrong == 0))
}

impl Operation {
    fn parts(&self) -> (&Options, &'static [Family], Pass) {
        let (forward, training) = (Pass::Forward, Pass::Training);
        match self {
            Operation::Ulysses(options) => (options, &[Family::Ulysses], forward),
            Operation::UlyssesTraining(options) => (options, &[Family::Ulysses], training),
            Operation::Ring(options) => (options, &[Family::Ring], forward),
            Operation::RingTraining(options) => (options, &[Family::Ring], training),
            Operation::AllGatherKeys(options) => (options, &[Family::AllGatherKeys], forward),
            Operation::AllGatherKeysTraining(options) => (options, &[Family::AllGatherKeys], training),
            Operation::UlyssesRing(options) => (options, &[Family::UlyssesRing], forward),
            Operation::UlyssesRingTraining(options) => (options, &[Family::UlyssesRing], training),
            Operation::SequenceParallel(options) => (options, &Family::ALL, forward),
            Operation::SequenceParallelTraining(options) => (options, &Family::ALL, training),
        }
    }
}
