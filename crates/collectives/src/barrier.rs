//! Nobody leaves before everybody has come.

mod butterfly;
mod central;
mod dissemination;
mod tournament;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{BadCall, Cost, Result};

algorithms! {
    /// How to wait for everybody.
    enum Barrier: "barrier", "" {
        /// One rank counts the others, then releases them.
        Central = "central",
        /// Pairs at distance 1, 2, 4, ... tell each other. Powers of two only.
        Butterfly = "butterfly",
        /// Everyone tells the rank 1, 2, 4, ... further on. Any number of ranks.
        Dissemination = "dissemination",
        /// Winners of a knock-out go on; the champion's release comes back down.
        Tournament = "tournament",
    }
}

impl Barrier {
    /// What rank `rank` of `ranks` sends. Barrier messages carry no elements.
    pub fn cost(self, ranks: usize, rank: usize) -> Cost {
        match self {
            Self::Central => central::cost(ranks, rank),
            Self::Butterfly => butterfly::cost(ranks),
            Self::Dissemination => dissemination::cost(ranks),
            Self::Tournament => tournament::cost(ranks, rank),
        }
    }

    pub(crate) fn check(self, ranks: usize) -> Result<(), BadCall> {
        match self {
            Self::Butterfly if !ranks.is_power_of_two() => {
                Err(BadCall::NotPowerOfTwo { algorithm: "the butterfly barrier", ranks })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn run(self, peers: &Peers<'_>) -> Result<()> {
        match self {
            Self::Central => central::central(peers),
            Self::Butterfly => butterfly::butterfly(peers),
            Self::Dissemination => dissemination::dissemination(peers),
            Self::Tournament => tournament::tournament(peers),
        }
    }
}

/// A message that carries nothing but the fact that it was sent.
const SIGNAL: &[u8] = &[];
