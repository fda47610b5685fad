//! What a call can answer instead of a result. Each is found before anything is computed.

use std::fmt;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong with the arguments of a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A tensor's shape doesn't fit the others.
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
    /// Query heads can't be shared out evenly among key-value heads.
    Heads {
        /// The shape of the queries, (B, H, Tq, D).
        query: Vec<usize>,
        /// The shape of the keys, (B, G, Tk, D).
        key: Vec<usize>,
    },
    /// A number that makes no sense where it is given.
    Number {
        /// Which.
        what: &'static str,
        /// What was given, as text.
        given: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A block table with too few pages for its sequence.
    BlockTable {
        /// How many pages it names.
        pages: usize,
        /// How many keys a page holds.
        page_size: usize,
        /// How many keys the sequence has.
        keys: usize,
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Shape { argument, shape, expected, because } => {
                write!(f, "{argument} is {}, and {} was expected: {because}", Dims(shape), Dims(expected))
            }
            Error::Heads { query, key } => write!(
                f,
                "the queries are {} and the keys {}: the {} query heads can't be shared out evenly among {} \
                 key-value heads",
                Dims(query),
                Dims(key),
                query[1],
                key[1]
            ),
            Error::Number { what, given, expected } => {
                write!(f, "{what} is {given}, and {expected} was expected")
            }
            Error::BlockTable { pages, page_size, keys } => write!(
                f,
                "a block table of {pages} pages of {page_size} keys was given for a sequence of {keys} keys"
            ),
            Error::Index { what, index, count } => {
                write!(f, "{what} {index} doesn't exist: there are {count}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// `(1, 8, 512, 64)`.
struct Dims<'a>(&'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(f, "({})", sizes.join(", "))
    }
}
