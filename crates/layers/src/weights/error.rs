//! What can be wrong with weights.

use crate::error::Dims;
use std::fmt;
use std::path::PathBuf;

/// What can be wrong with weights that are to be loaded or saved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// Bytes that aren't of the format: truncated, corrupted, or something else altogether.
    Format {
        /// Which format was expected.
        format: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A parameter that the weights don't have.
    Missing {
        /// Its name, with the prefix.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor of another shape than the parameter.
    Shape {
        /// Its name, with the prefix.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The parameter's.
        expected: Vec<usize>,
    },
    /// A tensor of a type whose numbers aren't all numbers of the parameter's type.
    Type {
        /// Its name, with the prefix.
        name: String,
        /// Its type, as the format spells it.
        found: String,
        /// The types that can be read into the parameter.
        expected: &'static str,
    },
    /// Tensors that no parameter took.
    Leftover {
        /// Their names, with the prefix.
        names: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::File { path, problem } => write!(f, "{}: {problem}", path.display()),
            Error::Format { format, problem } => write!(f, "this isn't {format}: {problem}"),
            Error::Missing { name, shape } => {
                write!(f, "there is no tensor {name:?}, and one of {} was expected", Dims(shape))
            }
            Error::Shape { name, shape, expected } => {
                write!(f, "{} is {}, and {} was expected", tensor(name), Dims(shape), Dims(expected))
            }
            Error::Type { name, found, expected } => {
                write!(f, "{} is of {found}, and {expected} was expected", tensor(name))
            }
            Error::Leftover { names } => write!(f, "no parameter is named {}", names.join(", ")),
        }
    }
}

impl std::error::Error for Error {}

/// An array of its own has no name.
fn tensor(name: &str) -> String {
    match name {
        "" => "the array".into(),
        name => format!("tensor {name:?}"),
    }
}
