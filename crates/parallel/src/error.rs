//! What a call can answer instead of a result.

use std::fmt;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A collective failed: this rank's call, or the world.
    Collective(collectives::Error),
    /// A layer or an attention on this rank refused: a shape doesn't fit, a number makes no sense.
    Layer(layers::Error),
    /// More ranks than query heads to share out.
    Heads {
        /// Query heads.
        heads: usize,
        /// Ranks.
        ranks: usize,
    },
    /// More ranks along the axis of Ulysses than query heads.
    TooManyRanks {
        /// Query heads.
        heads: usize,
        /// Ranks along that axis.
        ranks: usize,
        /// The most of them that would do, if the others are along the axis of a ring.
        ulysses: usize,
    },
    /// Two axes of a mesh with the same name.
    AxisTwice(&'static str),
    /// Numbers of ranks along the axes of a mesh that don't multiply to the number of ranks.
    Mesh {
        /// Ranks along each axis.
        axes: Vec<(&'static str, usize)>,
        /// Ranks.
        ranks: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Collective(error) => error.fmt(f),
            Error::Layer(error) => error.fmt(f),
            Error::Heads { heads, ranks } => write!(
                f,
                "{heads} query heads can't be shared out among {ranks} ranks: at most {heads} ranks was expected"
            ),
            Error::TooManyRanks { heads, ranks, ulysses } => write!(
                f,
                "{heads} query heads can't be shared out among {ranks} ranks: at most {heads} ranks was expected. All of \
                 them can work on one sequence along two axes, as UlyssesRing {{ ulysses: {ulysses}, .. }}"
            ),
            Error::AxisTwice(name) => write!(f, "the mesh has two axes of the name {name}"),
            Error::Mesh { axes, ranks } => {
                let axes: Vec<String> = axes.iter().map(|(name, size)| format!("{name} {size}")).collect();
                write!(f, "a mesh of {} was asked for, and there are {ranks} ranks", axes.join(" x "))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Collective(error) => Some(error),
            Error::Layer(error) => Some(error),
            _ => None,
        }
    }
}

impl From<collectives::Error> for Error {
    #[track_caller]
    fn from(error: collectives::Error) -> Error {
        Error::Collective(error)
    }
}

impl From<layers::Error> for Error {
    fn from(error: layers::Error) -> Error {
        Error::Layer(error)
    }
}

impl From<attention::Error> for Error {
    fn from(error: attention::Error) -> Error {
        Error::Layer(error.into())
    }
}

/// So that a rank of [`World::run`](collectives::World::run) can use `?`.
impl From<Error> for collectives::Error {
    fn from(error: Error) -> collectives::Error {
        match error {
            Error::Collective(error) => error,
            other => collectives::Error::other(other),
        }
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
        false => Err(Error::Layer(layers::Error::Shape {
            argument,
            shape: shape.to_vec(),
            expected: expected.to_vec(),
            because,
        })),
    }
}
