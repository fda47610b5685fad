//! One trial: a world with a victim in it, watched from outside.

use super::Harm;
use super::program::program;
use crate::case::Case;
use crate::gear::Algorithm;
use collectives::transport::{self, Fault};
use collectives::{Cause, Error, RunError, World};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How a world with a victim in it ended.
#[derive(Debug)]
pub struct Report {
    /// What ended it; none if nothing did and all results were right.
    pub error: Option<RunError>,
    /// Until all ranks had returned.
    pub took: Duration,
    /// What should not be: a wrong result, an error that doesn't name the victim, a world that can't be followed by
    /// another.
    pub objections: Vec<String>,
}

/// A world that didn't end in time. Its threads are still there.
#[derive(Debug)]
pub struct Hang;

/// Runs the program with a harmed victim on so many ranks, and once more without harm.
///
/// # Errors
///
/// If not all ranks have returned after `limit`. That is the watchdog's own clock: the world has none.
pub fn trial(
    algorithm: Algorithm,
    case: Case,
    victim: usize,
    harm: Harm,
    strict: bool,
    limit: Duration,
) -> Result<Report, Hang> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let world = World::new(case.ranks).strict(strict).quiet(true);
        let start = Instant::now();
        let own = |rank| Some(harm).filter(|_| rank == victim);
        let harmed = match harm {
            Harm::Injected(kind) => world.clone().fault(Fault { rank: victim, kind }),
            _ => world.clone(),
        };
        let ended = harmed.run(|comm| program(comm, algorithm, &case, own(comm.rank())));
        let took = start.elapsed();
        let mut objections = Vec::new();
        let error = match ended {
            Ok(right) => {
                objections.extend((!right.iter().all(|&right| right)).then(|| "a wrong result".to_owned()));
                None
            }
            Err(error) => {
                objections.extend(unnamed(&error, victim));
                Some(error)
            }
        };
        match world.run(|comm| program(comm, algorithm, &case, None)) {
            Ok(right) if right.iter().all(|&right| right) => {}
            after => objections.push(format!("the next world ended with {after:?}")),
        }
        // Nobody listens any more if this took too long.
        let _ = send.send(Report { error, took, objections });
    });
    receive.recv_timeout(limit).map_err(|_| Hang)
}

/// Errors that don't name the victim: the caller's, and those that the ranks got.
fn unnamed(error: &RunError, victim: usize) -> Vec<String> {
    let mut objections = Vec::new();
    if !named(error.rank, &error.cause).contains(&victim) || !names(&error.to_string(), victim) {
        objections.push(format!("rank {victim} isn't named: {error}"));
    }
    for (rank, cause) in &error.consequences {
        let told = format!("rank {rank}: {cause}");
        if !named(*rank, cause).contains(&victim) || !names(&told, victim) {
            objections.push(format!("rank {victim} isn't named: {told}"));
        }
    }
    objections
}

/// The ranks that a cause is about.
fn named(rank: usize, cause: &Cause<Error>) -> Vec<usize> {
    use transport::Error::{Deadlock, Failed, Left, Mismatch};
    match cause {
        Cause::World(error) | Cause::Returned(Error::Transport(error)) => match error {
            Mismatch(mismatch) => vec![mismatch.sent.rank, mismatch.expected.rank],
            Deadlock { cycle } => cycle.iter().map(|wait| wait.rank).collect(),
            Left { rank, wait, .. } => vec![*rank, wait.rank],
            Failed { rank, .. } => vec![*rank],
            _ => Vec::new(),
        },
        Cause::Unreceived { to, .. } => vec![rank, *to],
        _ => vec![rank],
    }
}

/// Whether a text speaks of the rank.
fn names(text: &str, rank: usize) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let number = rank.to_string();
    let mut in_list = false;
    words.any(|word| {
        let is_number = word.chars().all(|c| c.is_ascii_digit());
        let named = in_list && word == number;
        in_list = matches!(word, "rank" | "ranks") || in_list && (is_number || word == "and");
        named
    })
}
