//! What a call can answer instead of a result.

use std::fmt;
use std::panic::Location;

/// The result of a call on a communicator.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A call that can't be carried out. Found before anything is sent; the communicator stays usable.
    BadCall {
        /// What is wrong with it.
        call: BadCall,
        /// Where it is in the program's source.
        caller: &'static Location<'static>,
    },
    /// The world has failed, or the call came from inside another: see the error inside.
    Transport(transport::Error),
    /// An error of the program's own, made with [`Error::other`].
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// What is wrong with a call: its arguments, or an algorithm that doesn't fit them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCall {
    /// A rank that the communicator doesn't have.
    NoSuchRank {
        /// The call.
        operation: &'static str,
        /// Which argument: `root`, `destination` or `source`.
        argument: &'static str,
        /// What was given.
        rank: usize,
        /// How many ranks there are.
        ranks: usize,
    },
    /// An argument whose length doesn't fit the others.
    Length {
        /// The call.
        operation: &'static str,
        /// Which argument.
        argument: &'static str,
        /// Its length, in elements.
        holds: usize,
        /// The length that was expected.
        expected: usize,
        /// Where that comes from.
        because: &'static str,
    },
    /// An algorithm that works for powers of two only.
    NotPowerOfTwo {
        /// The algorithm.
        algorithm: &'static str,
        /// How many ranks there are.
        ranks: usize,
    },
    /// An algorithm that reorders the ranks, called with a reduction that doesn't commute.
    DoesNotCommute {
        /// The algorithm.
        algorithm: &'static str,
        /// The reduction.
        reduction: &'static str,
    },
    /// An algorithm that needs all blocks to have the same length, called in its `_v` form.
    NeedsEqualCounts {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// A length that should be a multiple of the number of ranks.
    NotAMultiple {
        /// The call.
        operation: &'static str,
        /// Which argument.
        argument: &'static str,
        /// Its length, in elements.
        holds: usize,
        /// How many ranks there are.
        ranks: usize,
    },
    /// Counts whose sum is more than can be counted.
    TooLong {
        /// The call.
        operation: &'static str,
        /// Which argument.
        argument: &'static str,
    },
    /// A parameter of an algorithm that must be at least 1.
    ZeroParameter {
        /// The algorithm.
        algorithm: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
}

impl Error {
    /// Wraps an error of the program's own, so that a rank can return it.
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl From<BadCall> for Error {
    #[track_caller]
    fn from(call: BadCall) -> Self {
        Self::BadCall { call, caller: Location::caller() }
    }
}

impl From<transport::Error> for Error {
    fn from(error: transport::Error) -> Self {
        Self::Transport(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadCall { call, caller } => write!(f, "{call}, called at {caller}"),
            Self::Transport(error) => write!(f, "{error}"),
            Self::Other(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRank { operation, argument, rank, ranks } => write!(
                f,
                "{operation}: {argument} is {rank}, below {ranks} (the number of ranks) was expected"
            ),
            Self::Length { operation, argument, holds, expected, because } => write!(
                f,
                "{operation}: {argument} holds {holds} elements, {expected} were expected ({because})"
            ),
            Self::NotPowerOfTwo { algorithm, ranks } => {
                write!(f, "{algorithm} works for a power of two of ranks only, there are {ranks}")
            }
            Self::DoesNotCommute { algorithm, reduction } => write!(
                f,
                "{algorithm} doesn't keep the order of the ranks, which the reduction {reduction} needs"
            ),
            Self::NeedsEqualCounts { algorithm } => {
                write!(f, "{algorithm} needs blocks of equal length, and has no form with counts")
            }
            Self::NotAMultiple { operation, argument, holds, ranks } => write!(
                f,
                "{operation}: {argument} holds {holds} elements, a multiple of {ranks} (the number of ranks) was \
                 expected"
            ),
            Self::TooLong { operation, argument } => {
                write!(f, "{operation}: the sum of {argument} overflows, at most {} was expected", usize::MAX)
            }
            Self::ZeroParameter { algorithm, parameter } => {
                write!(f, "{algorithm}: {parameter} is 0, at least 1 was expected")
            }
        }
    }
}

impl std::error::Error for BadCall {}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            Self::Other(error) => Some(&**error),
            _ => None,
        }
    }
}
