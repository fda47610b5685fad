//! What can go wrong between ranks. Ranks are named by their number in the world, also inside sub-worlds.

use crate::Envelope;
use std::fmt;
use std::sync::Arc;

/// The result of a transfer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What ended a world (all but [`Nested`](Error::Nested)). Once it has ended, every other rank
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
        /// The wait that can never end.
        wait: Box<Wait>,
    },
    /// A call from inside another: from the computation that a transfer overlaps with, on the same
    /// communicator (others may be used there); or from a reduction or another look at a message, on any.
    /// Refused before anything was sent; the world goes on.
    Nested {
        /// The rank that did so.
        rank: usize,
    },
    /// A rank panicked or returned an error.
    Failed {
        /// That rank.
        rank: usize,
        /// What it said.
        message: String,
    },
}

/// The two views of a message that was not what its receiver expected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mismatch {
    /// The rank that sent it.
    pub sender: usize,
    /// What the sender was doing.
    pub sent: Envelope,
    /// The rank that took it.
    pub receiver: usize,
    /// What the receiver was doing.
    pub expected: Envelope,
    /// The communicator.
    pub members: Members,
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
    /// On which communicator.
    pub members: Members,
}

/// The ranks of a communicator, by their numbers in the world, in the order of their numbers there: rank 1
/// of the communicator is `ranks[1]`, which is what a root of 1 means.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Members {
    /// The numbers.
    pub ranks: Arc<[usize]>,
    /// Whether these are all ranks of the world, under their own numbers.
    pub is_world: bool,
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

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, peer, what, envelope, members } = self;
        let (verb, to) = match what {
            WaitFor::Message => ("receive", "from"),
            WaitFor::Room | WaitFor::Reader => ("send", "to"),
        };
        match envelope.sequence {
            0 => write!(f, "rank {rank} waits to {verb} a {envelope} {to} rank {peer}{members}"),
            _ => write!(f, "rank {rank} waits to {verb} {to} rank {peer} in {envelope}{members}"),
        }
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_world {
            true => Ok(()),
            false => write!(f, ", on the communicator of ranks {:?}", self.ranks),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(m) => write!(
                f,
                "mismatch: rank {} sent {}, but rank {} expected {}{}",
                m.sender, m.sent, m.receiver, m.expected, m.members
            ),
            Self::Deadlock { cycle } => {
                write!(f, "deadlock: ")?;
                for (i, wait) in cycle.iter().enumerate() {
                    write!(f, "{}{wait}", if i == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Left { rank, wait } => write!(f, "{wait}, but rank {rank} has returned"),
            Self::Nested { rank } => write!(
                f,
                "rank {rank} called a communicator inside a reduction, or inside a computation that overlaps \
                 with a transfer on it"
            ),
            Self::Failed { rank, message } => write!(f, "rank {rank} failed: {message}"),
        }
    }
}

impl std::error::Error for Error {}
