//! Ranks as threads of this process.

mod endpoint;
mod group;
mod journal;
mod mailbox;
#[cfg(all(test, loom))]
mod models;
mod panics;
mod seat;
mod sync;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod waiting;

pub use endpoint::Endpoint;
#[cfg(loom)]
pub use sync::explore;
#[cfg(any(loom, shuttle))]
pub use sync::{Planted, Weakness, plant};

use crate::{Cause, Error, Mismatch, RunError, View};
use endpoint::Rank;
use group::{Group, Unreceived};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use sync::catch_unwind;
use waiting::Shared;

/// How to start a world of ranks that are threads.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    ranks: usize,
    strict: bool,
    quiet: bool,
}

impl Threads {
    /// A world of so many ranks.
    pub fn new(ranks: usize) -> Self {
        Self { ranks, strict: false, quiet: false }
    }

    /// Makes every send wait for its receiver, however small the message, so that a program which leans on
    /// buffering fails every time instead of only on large data.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Doesn't let panics of ranks be printed where they happen: for worlds that fail on purpose. What they said,
    /// and where, stands in the error.
    pub fn quiet(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Runs `main` on every rank, each a thread of its own, and returns their values in rank order. The
    /// closure may borrow from the caller.
    ///
    /// # Errors
    ///
    /// If a rank panics, returns an error, waits for a rank that has returned, takes part in a deadlock or in
    /// a mismatch, or leaves a message that nobody received: the root cause, after all threads have ended.
    pub fn run<R, E, F>(&self, main: F) -> Result<Vec<R>, RunError<E>>
    where
        R: Send,
        E: Send + fmt::Display,
        F: Fn(Endpoint) -> Result<R, E> + Sync,
    {
        if self.ranks == 0 {
            return Err(RunError::new(0, Cause::NoRanks));
        }
        let (world, parkers) = Shared::new(self.ranks);
        let group = Group::of_world(&world);
        let outcomes: Vec<Option<Outcome<R, E>>> = sync::scope(|scope| {
            let start = |(number, parker)| {
                let (world, group, main) = (Arc::clone(&world), Arc::clone(&group), &main);
                let failure_to_start = Arc::clone(&world);
                let body = move || {
                    panics::note(self.quiet);
                    run_rank(Rank::new(world, number, parker, self.strict), group, main)
                };
                sync::spawn(scope, format!("rank {number}"), body)
                    .map_err(|error| {
                        let message = format!("its thread could not be started: {error}");
                        failure_to_start.fail(number, Error::Failed { rank: number, message, last: None });
                    })
                    .ok()
            };
            let threads: Vec<_> = parkers.into_iter().enumerate().map(start).collect();
            // A thread that unwinds in spite of `run_rank`, in a destructor of the program's, has panicked.
            let join =
                |thread: sync::ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|_| Err(unspeakable()));
            threads.into_iter().map(|thread| thread.map(join)).collect()
        });
        let missing_member = world.pending_groups().clear();
        drop(group); // the last member: now leftovers have been reported
        conclude(&world, outcomes, missing_member)
    }
}

/// How a rank's thread ended.
type Outcome<R, E> = Result<R, Cause<E>>;

/// The life of a rank's thread.
fn run_rank<R, E, F>(rank: Rank, group: Arc<Group>, main: &F) -> Outcome<R, E>
where
    E: fmt::Display,
    F: Fn(Endpoint) -> Result<R, E> + Sync,
{
    let rank = Rc::new(rank);
    let leave = Leave(Rc::clone(&rank));
    let number = rank.number;
    let endpoint = Endpoint::new(rank, group, number);
    // The endpoint is gone when the closure has unwound, and what the ranks share is never left half
    // changed: the mailboxes' guards see to that.
    let outcome = match catch_unwind(AssertUnwindSafe(|| main(endpoint))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Cause::Returned(error)),
        Err(panic) => {
            let (message, at) = panics::describe(&*panic);
            Err(Cause::Panicked { message, at })
        }
    };
    if let Err(cause) = &outcome {
        leave.0.fail(cause.to_string());
    }
    outcome
}

/// How a rank ended that panicked once more when its end was handled.
fn unspeakable<E>() -> Cause<E> {
    Cause::Panicked { message: "a panic while the rank ended".to_owned(), at: None }
}

/// Says that the rank is gone, however its thread ends: also if an error can't be displayed, or a panic's
/// payload panics when it is dropped.
struct Leave(Rc<Rank>);

impl Drop for Leave {
    fn drop(&mut self) {
        let Rank { world, number, left, journal, .. } = &*self.0;
        if cfg!(loom) && std::thread::panicking() {
            return; // the model has failed, and loom takes no more calls
        }
        if std::thread::panicking() {
            self.0.fail(unspeakable::<String>().to_string());
        }
        left.set(true);
        world.leave(*number, journal.records());
    }
}

/// The values of all ranks, or the root cause.
fn conclude<R, E>(
    world: &Shared,
    outcomes: Vec<Option<Outcome<R, E>>>,
    missing_member: Option<(Vec<usize>, usize)>,
) -> Result<Vec<R>, RunError<E>> {
    let mut values = Vec::new();
    let mut causes = Vec::new();
    for (rank, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Some(Ok(value)) => values.push(value),
            Some(Err(cause)) => causes.push((rank, cause)),
            None => {}
        }
    }
    let failed = |rank, cause, consequences: Vec<_>| {
        Err(RunError { rank, cause, consequences: consequences.into(), journals: world.journals() })
    };
    if let Some((rank, error)) = world.failure() {
        // What a rank said is the root cause if it said it first. If the world failed before, what the ranks said
        // came of that.
        let said = matches!(error, Error::Failed { .. });
        let own = causes.iter().position(|(r, _)| said && *r == rank);
        let cause = match own {
            Some(index) => causes.remove(index).1,
            None => Cause::World(error),
        };
        return failed(rank, cause, causes);
    }
    if let Some((members, missing)) = missing_member {
        return failed(missing, Cause::MissingMember { members }, Vec::new());
    }
    let mut unreceived = world.unreceived();
    // Communicators report them in the order in which they end, which is not the same on every run.
    unreceived.sort_by_key(|message| (message.from, message.to, message.members.splits.to_vec()));
    if let Some((rank, mismatch)) = crossed(&unreceived) {
        return failed(rank, Cause::World(Error::Mismatch(Box::new(mismatch))), Vec::new());
    }
    if let Some(first) = unreceived.first() {
        let Unreceived { from, to, envelope, origin, ref members } = *first;
        let sent = Box::new(View { rank: from, envelope, origin });
        let cause = Cause::Unreceived { to, sent, members: members.clone(), more: unreceived.len() - 1 };
        return failed(from, cause, Vec::new());
    }
    Ok(values)
}

/// Two ranks that each sent the other a message of the same collective, and meant different things by it:
/// they disagreed, and each thought that the other would receive.
fn crossed(unreceived: &[Unreceived]) -> Option<(usize, Mismatch)> {
    let back = |sent: &Unreceived| {
        unreceived.iter().find(|other| {
            (other.from, other.to) == (sent.to, sent.from)
                && Arc::ptr_eq(&other.members.ranks, &sent.members.ranks)
                && sent.envelope.sequence > 0
                && other.envelope.sequence == sent.envelope.sequence
                && !other.envelope.agrees(&sent.envelope)
        })
    };
    let (sent, other) = unreceived.iter().find_map(|sent| Some((sent, back(sent)?)))?;
    let view = |message: &Unreceived| View {
        rank: message.from,
        envelope: message.envelope,
        origin: message.origin,
    };
    Some((sent.to, Mismatch { sent: view(sent), expected: view(other), members: sent.members.clone() }))
}
