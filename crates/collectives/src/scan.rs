//! Prefixes: rank r gets the combination of ranks 0..=r (inclusive) or 0..r (exclusive).
//!
//! Always in rank order, so the reduction need not commute.

mod linear;
mod recursive_doubling;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{Cost, Element, Reduction, Result};

algorithms! {
    /// How to compute prefixes.
    enum Scan: "scan", "" {
        /// Each rank waits for the one before it.
        Linear = "linear",
        /// Distances 1, 2, 4, ...
        RecursiveDoubling = "recursive_doubling",
    }
}

algorithms! {
    /// How to compute prefixes without the rank's own contribution.
    enum ExclusiveScan: "exclusive_scan", "" {
        /// Each rank waits for the one before it.
        Linear = "linear",
        /// Distances 1, 2, 4, ...
        RecursiveDoubling = "recursive_doubling",
    }
}

impl Scan {
    /// What rank `rank` of `ranks` sends of a buffer of `length` elements.
    pub fn cost(self, ranks: usize, rank: usize, length: usize) -> Cost {
        match self {
            Self::Linear => linear::cost(ranks, rank, length),
            Self::RecursiveDoubling => recursive_doubling::cost(ranks, rank, length),
        }
    }

    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        buffer: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        match self {
            Self::Linear => linear::inclusive(peers, buffer, op),
            Self::RecursiveDoubling => recursive_doubling::inclusive(peers, buffer, op),
        }
    }
}

impl ExclusiveScan {
    /// What rank `rank` of `ranks` sends of a buffer of `length` elements.
    pub fn cost(self, ranks: usize, rank: usize, length: usize) -> Cost {
        match self {
            Self::Linear => linear::cost(ranks, rank, length),
            Self::RecursiveDoubling => recursive_doubling::cost(ranks, rank, length),
        }
    }

    /// Rank 0's buffer is left as it is.
    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        buffer: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        match self {
            Self::Linear => linear::exclusive(peers, buffer, op),
            Self::RecursiveDoubling => recursive_doubling::exclusive(peers, buffer, op),
        }
    }
}
