//! One rank misbehaves, in every way, in every algorithm: whatever happens, all ranks must return, with an
//! error that names it.

pub mod examples;
pub mod matrix;
mod program;
mod trial;

use crate::case::{Case, Operation};
use crate::choice::Choice;
use crate::gear::{Algorithm, Gear, ladder};
use collectives::transport::{FaultKind, Field};
use std::fmt;
use std::time::Duration;

pub use trial::{Hang, Report, trial};

/// What the victim does that the others don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It panics before the operation.
    Panics,
    /// It returns an error before the operation.
    GivesUp,
    /// It returns before the operation, as if all were well.
    Returns,
    /// It leaves the operation out.
    Skips,
    /// It calls the operation twice.
    Repeats,
    /// It calls the operation with a buffer of another length.
    Length,
    /// It names another root.
    Root,
    /// Its elements are of another type.
    Type,
    /// It reduces with another reduction.
    Reduction,
    /// It calls another algorithm.
    Algorithm,
    /// It calls another operation.
    Operation,
    /// The transport's fault layer does it to its messages, while its program is as the others'.
    Injected(FaultKind),
}

/// The operation that is tampered with is the second of three.
pub const OPERATION: u64 = 2;

impl Harm {
    /// The kinds, as columns of a table.
    pub const KINDS: [&'static str; 13] = [
        "panic", "error", "early", "kill", "slow", "skip", "twice", "len", "root", "type", "redop", "algo",
        "call",
    ];

    /// Its column.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Panics => "panic",
            Self::GivesUp => "error",
            Self::Returns => "early",
            Self::Injected(FaultKind::Kill { .. }) => "kill",
            Self::Injected(FaultKind::Delay { .. }) => "slow",
            Self::Skips | Self::Injected(FaultKind::Skip { .. }) => "skip",
            Self::Repeats | Self::Injected(FaultKind::Repeat { .. }) => "twice",
            Self::Length | Self::Injected(FaultKind::Alter { field: Field::Length, .. }) => "len",
            Self::Root | Self::Injected(FaultKind::Alter { field: Field::Parameter, .. }) => "root",
            Self::Type | Self::Injected(FaultKind::Alter { field: Field::Element, .. }) => "type",
            Self::Reduction | Self::Injected(FaultKind::Alter { field: Field::Reduction, .. }) => "redop",
            Self::Algorithm => "algo",
            Self::Operation => "call",
        }
    }

    /// All that can be done to an algorithm, without the kills.
    pub fn all(algorithm: Algorithm, case: &Case) -> Vec<Self> {
        let operation = algorithm.operation();
        let alter = |field| Self::Injected(FaultKind::Alter { operation: OPERATION, field });
        let delay = FaultKind::Delay { longest: Duration::from_micros(200), seed: 1 };
        let mut harms = vec![
            Self::Panics,
            Self::GivesUp,
            Self::Returns,
            Self::Skips,
            Self::Repeats,
            Self::Operation,
            Self::Injected(delay),
            Self::Injected(FaultKind::Skip { operation: OPERATION }),
            Self::Injected(FaultKind::Repeat { operation: OPERATION }),
            alter(Field::Length),
            alter(Field::Element),
        ];
        if operation != Operation::Barrier {
            harms.push(Self::Type);
        }
        // In an all-to-all ranks have counts of their own: other ones need not concern anybody.
        if operation != Operation::Barrier && !(operation == Operation::AllToAll && case.uneven) {
            harms.push(Self::Length);
        }
        if operation.has_root() {
            harms.extend([Self::Root, alter(Field::Parameter)]);
        }
        if operation.reduces() {
            harms.extend([Self::Reduction, alter(Field::Reduction)]);
        }
        if other(algorithm, case).is_some() {
            harms.push(Self::Algorithm);
        }
        harms
    }

    /// The victim dies instead of making its n-th transfer.
    pub fn kill(transfer: u64) -> Self {
        Self::Injected(FaultKind::Kill { transfer })
    }

    /// Whether nothing at all should come of it.
    pub fn is_harmless(self) -> bool {
        self.kind() == "slow"
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Injected(kind) => write!(f, "{kind:?}"),
            own => write!(f, "{}", own.kind()),
        }
    }
}

/// Another algorithm of the same operation.
fn other(algorithm: Algorithm, case: &Case) -> Option<Algorithm> {
    let others = ladder(algorithm.operation());
    others.into_iter().find(|&other| other != algorithm && Choice::Algorithm(other).supports(case, true))
}
