//! Ranks as threads of this process.

mod endpoint;
mod group;
mod mailbox;
#[cfg(all(test, loom))]
mod models;
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

use crate::{Error, Mismatch};
use endpoint::Rank;
use group::{Group, Unreceived};
use std::any::Any;
use std::cell::Cell;
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
}

/// Why a world did not end well: the root cause, then what followed from it.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunError<E> {
    /// The rank on which it began.
    pub rank: usize,
    /// What happened there.
    pub cause: Cause<E>,
    /// What the ranks ended with in consequence, in rank order.
    pub consequences: Vec<(usize, Cause<E>)>,
}

/// How a rank ended, if not well.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause<E> {
    /// There can be no world without ranks.
    NoRanks,
    /// It panicked, with this message.
    Panicked(String),
    /// It returned this error.
    Returned(E),
    /// The world failed there, and that is the root cause, whatever the rank then did.
    World(Error),
    /// It never asked for a sub-world that the others of these ranks made.
    MissingMember {
        /// All members, by their numbers in the world.
        members: Vec<usize>,
    },
    /// It sent a message that was never received.
    Unreceived {
        /// Whom it was for.
        to: usize,
        /// What it was part of.
        what: String,
        /// How many more such messages there are.
        more: usize,
    },
}

impl Threads {
    /// A world of so many ranks.
    pub fn new(ranks: usize) -> Self {
        Self { ranks, strict: false }
    }

    /// Makes every send wait for its receiver, however small the message, so that a program which leans on
    /// buffering fails every time instead of only on large data.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
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
            return Err(RunError::alone(0, Cause::NoRanks));
        }
        let (world, parkers) = Shared::new(self.ranks);
        let group = Group::of_world(&world);
        let outcomes: Vec<Option<Outcome<R, E>>> = sync::scope(|scope| {
            let start = |(number, parker)| {
                let (world, group, main) = (Arc::clone(&world), Arc::clone(&group), &main);
                let failure_to_start = Arc::clone(&world);
                let body = move || {
                    let (looking, left) = (Cell::new(false), Cell::new(false));
                    let rank = Rank { world, number, parker, strict: self.strict, looking, left };
                    run_rank(rank, group, main)
                };
                sync::spawn(scope, format!("rank {number}"), body)
                    .map_err(|error| {
                        let message = format!("its thread could not be started: {error}");
                        failure_to_start.fail(number, Error::Failed { rank: number, message });
                    })
                    .ok()
            };
            let threads: Vec<_> = parkers.into_iter().enumerate().map(start).collect();
            // A thread that unwinds in spite of `run_rank`, in a destructor of the program's, has panicked.
            let join = |thread: sync::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| Err(Cause::Panicked(panic_message(&*panic))))
            };
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
        Err(panic) => Err(Cause::Panicked(panic_message(&*panic))),
    };
    if let Err(cause) = &outcome {
        leave.0.world.fail(number, Error::Failed { rank: number, message: cause.to_string() });
    }
    outcome
}

/// Says that the rank is gone, however its thread ends: also if an error can't be displayed, or a panic's
/// payload panics when it is dropped.
struct Leave(Rc<Rank>);

impl Drop for Leave {
    fn drop(&mut self) {
        let Rank { world, number, left, .. } = &*self.0;
        if cfg!(loom) && std::thread::panicking() {
            return; // the model has failed, and loom takes no more calls
        }
        if std::thread::panicking() {
            let message = "panicked while it ended".to_owned();
            world.fail(*number, Error::Failed { rank: *number, message });
        }
        left.set(true);
        world.leave(*number);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
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
    if let Some((rank, error)) = world.failure() {
        // What a rank said is the root cause if it said it first. If the world failed before, then a panic,
        // say from unwrapping that failure, is a consequence; an error is most likely the failure itself.
        let own = causes.iter().position(|(r, cause)| {
            *r == rank && (matches!(error, Error::Failed { .. }) || matches!(cause, Cause::Returned(_)))
        });
        let cause = match own {
            Some(index) => causes.remove(index).1,
            None => Cause::World(error),
        };
        return Err(RunError { rank, cause, consequences: causes });
    }
    if let Some((members, missing)) = missing_member {
        return Err(RunError::alone(missing, Cause::MissingMember { members }));
    }
    let unreceived = world.unreceived();
    if let Some((rank, mismatch)) = crossed(&unreceived) {
        return Err(RunError::alone(rank, Cause::World(Error::Mismatch(Box::new(mismatch)))));
    }
    if let Some(first) = unreceived.first() {
        let cause =
            Cause::Unreceived { to: first.to, what: first.envelope.to_string(), more: unreceived.len() - 1 };
        return Err(RunError::alone(first.from, cause));
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
                && !other.envelope.matches(&sent.envelope)
        })
    };
    let (sent, other) = unreceived.iter().find_map(|sent| Some((sent, back(sent)?)))?;
    let (sender, receiver) = (sent.from, sent.to);
    let (expected, members) = (other.envelope, sent.members.clone());
    Some((receiver, Mismatch { sender, sent: sent.envelope, receiver, expected, members }))
}

impl<E> RunError<E> {
    fn alone(rank: usize, cause: Cause<E>) -> Self {
        Self { rank, cause, consequences: Vec::new() }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRanks => write!(f, "a world needs at least 1 rank, 0 were asked for"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Returned(error) => write!(f, "{error}"),
            Self::World(error) => write!(f, "{error}"),
            Self::MissingMember { members } => {
                write!(f, "never asked for the sub-world of ranks {members:?} that others of them made")
            }
            Self::Unreceived { to, what, more } => {
                write!(f, "sent a message that rank {to} never received: {what}")?;
                match more {
                    0 => Ok(()),
                    more => write!(f, " (and {more} more)"),
                }
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::NoRanks => write!(f, "{}", self.cause),
            _ => write!(f, "rank {}: {}", self.rank, self.cause),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for RunError<E> {}
