//! `gears bench`: how long an operation takes, next to how long it must take.
//!
//! | module | idea |
//! |---|---|
//! | [`collectives`] | what ranks do together: bandwidths, as in nccl-tests |
//! | [`arithmetic`] | what one rank computes: speeds, against the matrix product's |
//! | [`parallel`] | attention across ranks: against one rank, by turns |
//! | [`sorting`] | sorts, by turns with the standard library's and rayon's |
//! | [`floors`] | what two cores need for a flag, and for a cache line |
//! | [`sizes`] | `8..64M` |
//! | [`time`] | times, and how numbers are rounded |
//! | [`kept`] | a measurement as files |
//! | [`place`] | where and when something was measured |
//! | [`plot`] | two panels of curves |
//! | [`roofline`] | what can't be beaten by what must load and store a buffer |
//!
//! Each operation is a command of its own with the options that make sense for it. The timing itself is
//! [`testkit::timed`], which `cargo bench` uses too.

mod arithmetic;
mod collectives;
mod floors;
mod kept;
mod parallel;
pub(crate) mod place;
mod plot;
mod roofline;
pub(crate) mod sizes;
mod sorting;
mod time;

use std::io::{self, Write};

/// Measure an operation: a collective, softmax, attention or a sort, on one rank or across ranks; or floors
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    operation: Operation,
}

#[derive(Clone, Debug, clap::Subcommand)]
#[command(subcommand_value_name = "OPERATION", subcommand_help_heading = "Operations")]
enum Operation {
    #[command(flatten)]
    Arithmetic(arithmetic::Operation),
    #[command(flatten)]
    Parallel(parallel::Operation),
    #[command(flatten)]
    Sorting(sorting::Operation),
    /// What two cores need for a flag and for a cache line: the floors of a collective
    ///
    /// Two threads that only raise flags for each other, or only read what the other has just written; and two that
    /// update buffers of their own. No collective of 2 ranks goes below what it must do of that. What each line means
    /// stands above the table.
    Floors(floors::Options),
    #[command(flatten)]
    Collective(collectives::Request),
}

/// Measures and reports, point by point. True if no element was wrong.
pub(crate) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let right = match &options.operation {
        Operation::Arithmetic(operation) => arithmetic::run(out, operation)?,
        Operation::Parallel(operation) => parallel::run(out, operation)?,
        Operation::Sorting(operation) => sorting::run(out, operation)?,
        Operation::Floors(options) => floors::run(out, options)?,
        Operation::Collective(request) => collectives::run(out, request)?,
    };
    match right {
        true => Ok(true),
        false => Err(io::Error::other("there are wrong elements: see #wrong")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    pub(super) struct Cli {
        #[command(flatten)]
        pub(super) options: Options,
    }

    /// What the command prints.
    pub(super) fn output(arguments: &str) -> String {
        let arguments = ["bench"].into_iter().chain(arguments.split_whitespace());
        let options = Cli::parse_from(arguments).options;
        let mut out = Vec::new();
        assert!(run(&mut out, &options).expect("it runs"));
        String::from_utf8(out).expect("text")
    }

    /// The objects that the command prints, one a line.
    pub(super) fn objects(arguments: &str) -> Vec<serde_json::Value> {
        let lines = output(arguments);
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[test]
    fn a_closed_pipe_is_an_error_not_a_panic() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for operation in ["barrier", "attention"] {
            let options = Cli::parse_from(["bench", operation, "--iterations", "1"]).options;
            let error = run(&mut Closed, &options).expect_err("nothing can be written");
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        }
    }
}
