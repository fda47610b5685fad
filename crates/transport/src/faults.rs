//! Faults on demand: a transport around a transport that makes one rank misbehave.
//!
//! For tests of programs that must survive a fault or report it, and for readers who want to see what happens.
//! What a fault does is done to the messages. A rank that dies, skips or repeats is for the others exactly what it
//! would be if its program did so. One that is altered sends the same messages as before, and says something else
//! about them: a program that really names another root would also send to other ranks. The program itself runs on
//! unchanged, with whatever its buffers hold.
//!
//! A world without faults doesn't have this layer.

mod faulty;

pub use faulty::Faulty;

use std::fmt;
use std::time::Duration;

/// One rank's misbehaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which rank, by its number in the world.
    pub rank: usize,
    /// What it does.
    pub kind: FaultKind,
}

/// What a rank with a fault does. Operations are collectives, and messages between two ranks; both they and
/// transfers are counted from 1, over all communicators of the rank.
///
/// What never comes to pass has no effect: a fault of a rank that there is not, of an operation or transfer that it
/// never makes. Of several faults in one operation of a rank the first one given acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It panics instead of making a transfer: sending a message, receiving one, both at once, or lending parts.
    Kill {
        /// The number of the transfer.
        transfer: u64,
    },
    /// It sleeps before every transfer. That is no error, and nothing may come of it.
    Delay {
        /// How long at most.
        longest: Duration,
        /// Of the random numbers that say how long.
        seed: u64,
    },
    /// It leaves an operation out: sends nothing, and finds zeros where it would have received. If that is a split,
    /// it has no communicator to go on with, and panics.
    Skip {
        /// The number of the operation.
        operation: u64,
    },
    /// It does an operation twice: once more before its next one on the same communicator, or at the end.
    Repeat {
        /// The number of the operation.
        operation: u64,
    },
    /// It means something else by an operation than the others.
    Alter {
        /// The number of the operation.
        operation: u64,
        /// What differs.
        field: Field,
    },
}

/// What a rank can be made to disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The length; where blocks differ in length, the counts.
    Length,
    /// The root, or the parameter of the algorithm. Of no effect where there is none.
    Parameter,
    /// The type of the elements.
    Element,
    /// The reduction. Of no effect where there is none.
    Reduction,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Length, Self::Parameter, Self::Element, Self::Reduction];
}

impl Fault {
    /// The rank panics instead of making a transfer.
    pub fn kill(rank: usize, transfer: u64) -> Self {
        Self { rank, kind: FaultKind::Kill { transfer } }
    }

    /// The rank sleeps before every transfer, for at most so long.
    pub fn delay(rank: usize, longest: Duration, seed: u64) -> Self {
        Self { rank, kind: FaultKind::Delay { longest, seed } }
    }

    /// The rank leaves an operation out.
    pub fn skip(rank: usize, operation: u64) -> Self {
        Self { rank, kind: FaultKind::Skip { operation } }
    }

    /// The rank does an operation twice.
    pub fn repeat(rank: usize, operation: u64) -> Self {
        Self { rank, kind: FaultKind::Repeat { operation } }
    }

    /// The rank means something else by an operation.
    pub fn alter(rank: usize, operation: u64, field: Field) -> Self {
        Self { rank, kind: FaultKind::Alter { operation, field } }
    }

    /// A fault of some kind, on some of so many ranks, in one of the first so many operations: the same for the
    /// same seed.
    ///
    /// # Panics
    ///
    /// If there are no ranks or no operations.
    pub fn seeded(seed: u64, ranks: usize, operations: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let rank = random.usize(..ranks);
        let operation = random.u64(1..=operations);
        let kind = match random.u8(..8) {
            0 => FaultKind::Kill { transfer: operation },
            1 => FaultKind::Delay { longest: Duration::from_millis(1), seed: random.u64(..) },
            2 => FaultKind::Skip { operation },
            3 => FaultKind::Repeat { operation },
            other => FaultKind::Alter { operation, field: Field::ALL[usize::from(other) - 4] },
        };
        Self { rank, kind }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = self.rank;
        match self.kind {
            FaultKind::Kill { transfer } => {
                write!(f, "rank {rank} dies instead of making transfer {transfer}")
            }
            FaultKind::Delay { longest, .. } => {
                write!(f, "rank {rank} sleeps up to {longest:?} before every transfer")
            }
            FaultKind::Skip { operation } => write!(f, "rank {rank} leaves out operation {operation}"),
            FaultKind::Repeat { operation } => write!(f, "rank {rank} does operation {operation} twice"),
            FaultKind::Alter { operation, field } => {
                write!(f, "rank {rank} has another {field} in operation {operation}")
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "length",
            Self::Parameter => "root or parameter",
            Self::Element => "element type",
            Self::Reduction => "reduction",
        })
    }
}
