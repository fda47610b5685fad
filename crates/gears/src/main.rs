//! The command line of gears.
//!
//! Each subcommand is a module with its options and a function `run(out, &options) -> io::Result<bool>`: it
//! writes to `out` alone, and answers whether everything agreed.

mod bench;
mod faults;
mod memory;
mod network;
mod plan;
mod text;
mod tour;
mod tune;

use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// Watch ranks work together, as they do when large models are trained, on this machine.
#[derive(Debug, Parser)]
#[command(name = "gears", version, after_help = STATUS)]
struct Cli {
    /// The tour, if none is given
    #[command(subcommand)]
    command: Option<Command>,
}

const STATUS: &str = "\
Exit status: 0 if everything agrees, 1 if anything disagrees or fails, 2 for a
command line that makes no sense.";

#[derive(Debug, Subcommand)]
enum Command {
    Tour(tour::Options),
    Bench(bench::Options),
    Plan(plan::Options),
    Tune(tune::Options),
    Network(network::Options),
    Faults(faults::Options),
}

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Tour(tour::Options::default()));
    // Not locked: a progress bar draws to the terminal from a rank's thread.
    let out = &mut io::stdout();
    let result = match command {
        Command::Tour(options) => tour::run(out, &options),
        Command::Bench(options) => bench::run(out, &options),
        Command::Plan(options) => plan::run(out, &options),
        Command::Tune(options) => tune::run(out, &options),
        Command::Network(options) => network::run(out, &options),
        Command::Faults(options) => faults::run(out, &options),
    };
    match result.and_then(|agrees| out.flush().map(|()| agrees)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => fail("not everything agrees: see the lines with DISAGREES"),
        // Whoever reads, `head` for instance, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn fail(message: impl std::fmt::Display) -> ExitCode {
    // If not even this can be written, the exit status still tells.
    let _ = writeln!(io::stderr(), "gears: {message}");
    ExitCode::FAILURE
}

/// Ends the program as clap does where an argument makes no sense.
fn refuse(message: impl std::fmt::Display) -> ! {
    clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{message}\n")).exit()
}
