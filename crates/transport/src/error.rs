//! What can go wrong between ranks. Ranks are named by their number in the world, also inside sub-worlds.

use crate::{Envelope, Members, Origin, Record};

/// The result of a transfer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What ended a world (all but [`Nested`](Error::Nested) and [`Unwinding`](Error::Unwinding)). Once it has ended, every other rank
/// that waits or calls again gets the same error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Two ranks meant different operations, lengths, types, roots or reductions.
    Mismatch(Box<Mismatch>),
    /// Ranks wait for each other in a cycle, and no message is under way between them. Proven, not guessed
    /// from a timeout.
    Deadlock {
        /// The cycle: each wait is for the rank of the next, the last for the first.
        cycle: Vec<Wait>,
    },
    /// A rank waits for one that has already returned.
    Left {
        /// The rank that returned.
        rank: usize,
        /// The last operation it had begun, if any.
        last: Option<Box<Record>>,
        /// The wait that can never end.
        wait: Box<Wait>,
    },
    /// A call from inside another: from the computation that a transfer overlaps with, on the same
    /// communicator (others may be used there); or from a reduction or another look at a message, on any.
    /// Refused before anything was sent; the world goes on.
    Nested {
        /// The rank that did so.
        rank: usize,
        /// Where in its program.
        caller: &'static std::panic::Location<'static>,
    },
    /// A call from a destructor while the rank unwinds from a panic. Refused before anything was sent, so that
    /// the panic remains the root cause.
    Unwinding {
        /// The rank that did so.
        rank: usize,
        /// Where in its program.
        caller: &'static std::panic::Location<'static>,
    },
    /// A rank panicked or returned an error.
    Failed {
        /// That rank.
        rank: usize,
        /// What it said.
        message: String,
        /// The last operation it had begun, if any.
        last: Option<Box<Record>>,
    },
}

/// The two views of a message that was not what its receiver expected; or of two ranks that wait for each other
/// because of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mismatch {
    /// What the sender was doing.
    pub sent: View,
    /// What the receiver was doing.
    pub expected: View,
    /// The communicator.
    pub members: Members,
}

/// What one side of a message meant by it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct View {
    /// The rank.
    pub rank: usize,
    /// What it was doing.
    pub envelope: Envelope,
    /// Where in its program.
    pub origin: Origin,
}

/// A rank that waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// The rank that waits.
    pub rank: usize,
    /// The rank it waits for.
    pub peer: usize,
    /// What for.
    pub what: WaitFor,
    /// What it is doing.
    pub envelope: Envelope,
    /// Where in its program.
    pub origin: Origin,
    /// On which communicator.
    pub members: Members,
}

/// What a rank can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// A message from the peer.
    Message,
    /// The peer to take earlier messages: the mailbox is full.
    Room,
    /// The peer to finish reading this rank's buffer.
    Reader,
}

impl std::error::Error for Error {}
