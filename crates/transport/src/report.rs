//! How a world ended, if not well: the root cause first, then where the ranks parted ways, then what followed
//! and what every rank did last.

use crate::operation::Place;
use crate::{Error, Members, Record, View};
use std::fmt;

/// Why a world did not end well.
///
/// `Display` gives the root cause and, where the ranks did different things, who differs from whom. `Debug`,
/// which is what `unwrap` and a `main` that returns the error print, gives the whole report.
#[non_exhaustive]
pub struct RunError<E> {
    /// The rank that the cause is filed under: the one that panicked, returned the error or sent the message; for what
    /// concerns several ranks, the receiver of a mismatch, the rank that has returned, the lowest of a cycle. Whose
    /// mistake it is, [`divergence`](Self::divergence) may tell.
    pub rank: usize,
    /// What happened there.
    pub cause: Cause<E>,
    /// What the ranks ended with in consequence, in rank order.
    pub consequences: Box<[(usize, Cause<E>)]>,
    /// The last operations of every rank, oldest first: the flight recorder that is always on.
    pub journals: Box<[Vec<Record>]>,
}

/// How a rank ended, if not well.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause<E> {
    /// There can be no world without ranks.
    NoRanks,
    /// It panicked.
    Panicked {
        /// With these words.
        message: String,
        /// Where in the source, if that is known: not if the program has set a panic hook after its first world, or
        /// resumes a panic with a payload of its own.
        at: Option<String>,
    },
    /// It returned this error.
    Returned(E),
    /// The world failed there, and that is the root cause, whatever the rank then did.
    World(Error),
    /// It never asked for a sub-world that the others of these ranks made.
    MissingMember {
        /// All members, by their numbers in the world.
        members: Vec<usize>,
    },
    /// It sent a message that was never received.
    Unreceived {
        /// Whom it was for.
        to: usize,
        /// What the sender meant by it.
        sent: Box<View>,
        /// On which communicator.
        members: Members,
        /// How many more such messages there are.
        more: usize,
    },
}

impl<E> RunError<E> {
    /// A world that ended before it began.
    pub(crate) fn new(rank: usize, cause: Cause<E>) -> Self {
        Self { rank, cause, consequences: Box::default(), journals: Box::default() }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRanks => write!(f, "a world needs at least 1 rank, 0 were asked for"),
            Self::Panicked { message, at: Some(at) } => write!(f, "panicked at {at}: {message}"),
            Self::Panicked { message, at: None } => write!(f, "panicked: {message}"),
            Self::Returned(error) => write!(f, "{error}"),
            Self::World(error) => write!(f, "{error}"),
            Self::MissingMember { members } => {
                write!(f, "never asked for the sub-world of ranks {members:?} that others of them made")
            }
            Self::Unreceived { to, sent, members, more } => {
                let View { envelope, origin, .. } = &**sent;
                let place = Place { sequence: envelope.sequence, origin: *origin, members };
                let at = origin.caller;
                write!(
                    f,
                    "sent a message that rank {to} never received: {envelope} ({place}), called at {at}"
                )?;
                match more {
                    0 => Ok(()),
                    more => write!(f, " (and {more} more)"),
                }
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            // They name the ranks themselves, and it is for the reader to say whose fault it is.
            Cause::NoRanks | Cause::World(_) => write!(f, "{}", self.cause)?,
            _ => write!(f, "rank {}: {}", self.rank, self.cause)?,
        }
        match self.divergence() {
            Some(divergence) if !divergence.is_told_by(&self.cause) => write!(f, "\n\n{divergence}"),
            _ => Ok(()),
        }
    }
}

impl<E: fmt::Display> RunError<E> {
    /// The whole report: root cause, consequences, and the last operations of every rank. `Debug` gives the same.
    pub fn report(&self) -> String {
        format!("{self:?}")
    }

    /// The world's error, which is what all ranks were told. One of a rank's own was passed on in its words.
    fn told(&self) -> String {
        match &self.cause {
            Cause::World(error) => error.to_string(),
            own => {
                let (rank, message) = (self.rank, own.to_string());
                let last = self.journals.get(rank).and_then(|journal| journal.last().cloned().map(Box::new));
                Error::Failed { rank, message, last }.to_string()
            }
        }
    }
}

impl<E: fmt::Display> fmt::Debug for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut texts: Vec<(String, Vec<usize>)> = Vec::new();
        for (rank, cause) in &self.consequences {
            let text = cause.to_string();
            match texts.iter_mut().find(|(other, _)| *other == text) {
                Some((_, ranks)) => ranks.push(*rank),
                None => texts.push((text, vec![*rank])),
            }
        }
        // Only what is the world's own error, word for word: what a rank made of it is for the reader to see. It
        // may have said the same as the root cause by itself, too, having made the same mistake.
        let (told, root) = (self.told(), self.cause.to_string());
        for (text, ranks) in texts {
            let ranks = Ranks(&ranks);
            match text {
                text if text == told => write!(f, "\n\ntold of it: {ranks}")?,
                text if text == root => write!(f, "\n\nsaid the same: {ranks}")?,
                text => write!(f, "\n\nin consequence, {ranks}: {text}")?,
            }
        }
        write!(f, "\n\n{}", Journals(&self.journals))
    }
}

/// "rank 3", "ranks 0, 1 and 3".
pub(crate) struct Ranks<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Ranks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first @ .., last] = self.0 else { return write!(f, "no rank") };
        if first.is_empty() {
            return write!(f, "rank {last}");
        }
        for (i, rank) in first.iter().enumerate() {
            write!(f, "{}{rank}", if i == 0 { "ranks " } else { ", " })?;
        }
        write!(f, " and {last}")
    }
}

/// The last operations of every rank, ranks that did the same together.
struct Journals<'a>(&'a [Vec<Record>]);

/// Operations of each rank that the report shows.
const SHOWN: usize = 5;

impl fmt::Display for Journals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
        for (rank, journal) in self.0.iter().enumerate() {
            let line =
                |record: &Record| format!("{record}{}", if record.failed { "  <- told here" } else { "" });
            let lines: Vec<String> =
                journal[journal.len().saturating_sub(SHOWN)..].iter().map(line).collect();
            match groups.iter_mut().find(|(other, _)| *other == lines) {
                Some((_, ranks)) => ranks.push(rank),
                None => groups.push((lines, vec![rank])),
            }
        }
        write!(f, "the last operations of every rank, latest last:")?;
        for (lines, ranks) in groups {
            write!(f, "\n  {}", Ranks(&ranks))?;
            if lines.is_empty() {
                write!(f, ": none")?;
            }
            lines.iter().try_for_each(|line| write!(f, "\n    {line}"))?;
        }
        Ok(())
    }
}

impl<E: fmt::Display> std::error::Error for RunError<E> {}
