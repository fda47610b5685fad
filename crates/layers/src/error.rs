//! What a call can answer instead of a result. Each is found before anything is changed.

use std::fmt;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong with a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An array's shape doesn't fit the others.
    Shape {
        /// Which argument.
        argument: &'static str,
        /// Its shape.
        shape: Vec<usize>,
        /// The shape that was expected.
        expected: Vec<usize>,
        /// Where that comes from.
        because: &'static str,
    },
    /// A number that makes no sense where it is given.
    Number {
        /// Which.
        what: &'static str,
        /// What was given, as text.
        given: String,
        /// What was expected.
        expected: String,
    },
    /// An index past the end.
    Index {
        /// Of what.
        what: &'static str,
        /// What was given.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The attention refused.
    Attention(attention::Error),
    /// Matrices that don't fit each other.
    Product(matmul::product::Error),
    /// More tokens than a cache has room for.
    Overrun {
        /// Tokens that were there.
        held: usize,
        /// Tokens that were to be added.
        added: usize,
        /// Tokens that there is room for.
        capacity: usize,
    },
    /// A paged cache has too few pages left.
    Pages {
        /// Pages that were needed.
        needed: usize,
        /// Pages that were free.
        free: usize,
        /// Pages that there are.
        pages: usize,
    },
    /// A sequence that a paged cache doesn't hold (any more).
    NoSequence(crate::cache::Sequence),
    /// Weights that can't be read, or don't fit.
    Weights(crate::weights::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Shape { argument, shape, expected, because } => {
                write!(f, "{argument} is {}, and {} was expected: {because}", Dims(shape), Dims(expected))
            }
            Error::Number { what, given, expected } => {
                write!(f, "{what} is {given}, and {expected} was expected")
            }
            Error::Index { what, index, count } => {
                write!(f, "{what} {index} doesn't exist: there are {count}")
            }
            Error::Attention(error) => error.fmt(f),
            Error::Product(error) => error.fmt(f),
            Error::Overrun { held, added, capacity } => {
                write!(f, "the cache holds {held} of {capacity} tokens, and {added} more don't fit")
            }
            Error::Pages { needed, free, pages } => {
                write!(f, "{needed} more pages are needed, and {free} of {pages} are free")
            }
            Error::NoSequence(sequence) => write!(f, "the cache holds no {sequence}"),
            Error::Weights(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<attention::Error> for Error {
    fn from(error: attention::Error) -> Error {
        Error::Attention(error)
    }
}

impl From<matmul::product::Error> for Error {
    fn from(error: matmul::product::Error) -> Error {
        Error::Product(error)
    }
}

impl From<crate::weights::Error> for Error {
    fn from(error: crate::weights::Error) -> Error {
        Error::Weights(error)
    }
}

/// That an argument's shape is what it must be.
pub(crate) fn expect(
    argument: &'static str,
    shape: &[usize],
    expected: &[usize],
    because: &'static str,
) -> Result<()> {
    match shape == expected {
        true => Ok(()),
        false => Err(Error::Shape { argument, shape: shape.to_vec(), expected: expected.to_vec(), because }),
    }
}

/// `(1, 8, 512, 64)`.
pub(crate) struct Dims<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(f, "({})", sizes.join(", "))
    }
}
