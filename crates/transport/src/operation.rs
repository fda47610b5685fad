//! What a rank is doing, for its peers' errors and for the report of a world that failed.
//!
//! An [`Envelope`] is what ranks compare. Here is what helps a person to find the place: the line of the
//! program's source, how far the rank was, on which communicator.

use crate::Envelope;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// Where a rank was in its program. Never compared: ranks may call from different lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The call in the program's source.
    pub caller: &'static Location<'static>,
    /// Collectives that the rank had begun on the communicator, this one included.
    pub collectives: u32,
    /// Operations that it had begun there, messages between two ranks among them, this one included. Transfers
    /// in a row on the same communicator that have the same number here are parts of one operation, and one
    /// [`Record`] of what the rank did.
    pub operations: u32,
}

impl Origin {
    /// The caller's place, with no number: enough for a single operation. A program that makes more of them on a
    /// bare [`Transport`](crate::Transport) numbers them, with [`numbered`](Self::numbered).
    #[track_caller]
    pub fn here() -> Self {
        Self { caller: Location::caller(), collectives: 0, operations: 0 }
    }

    /// The same place, for the operation of this number on its communicator: each has another one than the last.
    pub fn numbered(self, operations: u32) -> Self {
        Self { operations, ..self }
    }
}

/// A call on a communicator: a collective, or a message between two ranks.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// What the ranks must agree on. Each message of the operation travels in this envelope, with a length of
    /// its own.
    pub envelope: Envelope,
    /// Where in the program it was called.
    pub origin: Origin,
}

/// One half of a call that is no collective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// The other rank.
    pub peer: usize,
    /// The length of the message, in elements.
    pub elements: usize,
}

/// The ranks of a communicator, and how it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Members {
    /// Their numbers in the world, in the order of their numbers here: rank 1 of the communicator is `ranks[1]`,
    /// which is what a root of 1 means.
    pub ranks: Arc<[usize]>,
    /// The splits that lead from the world to it, each by its number among the collectives of the communicator
    /// that was split. Empty for the world itself.
    pub splits: Arc<[u64]>,
}

/// An operation that a rank has begun, as the world remembers it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The operation.
    pub operation: Operation,
    /// The outgoing message, if this is no collective. The peer is named by its number in the world.
    pub sends: Option<Half>,
    /// The incoming message, if this is no collective.
    pub receives: Option<Half>,
    /// On which communicator.
    pub members: Members,
    /// Whether this is where the rank was told that the world had failed.
    pub failed: bool,
}

impl Record {
    /// Whether the two are calls of the same collective, meant alike: whatever ranks have to agree on is equal.
    pub fn agrees(&self, other: &Self) -> bool {
        self.operation.envelope.matches(&other.operation.envelope)
    }

    /// Whether they stand at the same place: the same collective of the same communicator.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (a, b) = (self.operation.envelope.sequence, other.operation.envelope.sequence);
        a > 0 && a == b && self.members == other.members
    }
}

impl Members {
    /// Whether this is the world, not a communicator made by a split.
    pub fn is_world(&self) -> bool {
        self.splits.is_empty()
    }
}

/// "the world", or "ranks [1, 3] from split 2 of the world": without brackets, since it stands in them.
impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_world() {
            return write!(f, "the world");
        }
        write!(f, "ranks {:?} from ", self.ranks)?;
        for split in self.splits.iter().rev() {
            write!(f, "split {split} of ")?;
        }
        write!(f, "the world")
    }
}

/// Where in the order of collectives an operation stands: "collective 3 of the world", or, for a message,
/// "operation 7, after collective 3 of the world".
pub(crate) struct Place<'a> {
    pub(crate) sequence: u32,
    pub(crate) origin: Origin,
    pub(crate) members: &'a Members,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, origin, members } = self;
        match (sequence, origin.collectives) {
            (0, 0) => write!(f, "operation {}, before any collective of {members}", origin.operations),
            (0, before) => {
                write!(f, "operation {}, after collective {before} of {members}", origin.operations)
            }
            (sequence, _) => write!(f, "collective {sequence} of {members}"),
        }
    }
}

/// What was called, without place and caller.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.envelope)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { envelope, origin } = self.operation;
        if envelope.sequence > 0 {
            write!(f, "{envelope}")?;
        }
        let mut between = "";
        for (half, direction) in [(self.sends, "to"), (self.receives, "from")] {
            let Some(Half { peer, elements }) = half else { continue };
            write!(f, "{between}{} {direction} rank {peer}", envelope.with_elements(elements))?;
            between = ", ";
        }
        let place = Place { sequence: envelope.sequence, origin, members: &self.members };
        write!(f, " ({place}), called at {}", origin.caller)
    }
}
