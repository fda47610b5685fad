//! From one rank to all.

mod binomial;
mod flat;
mod scatter_all_gather;
mod shared_columns;

pub(crate) use binomial::binomial;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{Cost, Element, Result};

algorithms! {
    /// How to bring one rank's buffer to all.
    enum Broadcast: "broadcast", "root" {
        /// The root sends to one after the other.
        Flat = "flat",
        /// Who has it sends it on: a tree.
        Binomial = "binomial",
        /// The root deals out the parts, then they go round a ring. For long buffers.
        ScatterAllGather = "scatter_all_gather",
        /// Everyone copies out of the root's buffer where it lies, and the root into everyone's, at once. Only where
        /// ranks share memory: elsewhere the call is one of [`Binomial`](Self::Binomial).
        SharedColumns = "shared_columns",
    }
}

impl Broadcast {
    /// What rank `rank` of `ranks` sends of a buffer of `length` elements.
    pub fn cost(self, ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
        match self {
            Self::Flat => flat::cost(ranks, rank, length, root),
            Self::Binomial => binomial::cost(ranks, rank, length, root),
            Self::ScatterAllGather => scatter_all_gather::cost(ranks, rank, length, root),
            Self::SharedColumns => shared_columns::cost(ranks, rank, length, root),
        }
    }

    pub(crate) fn run<T: Element>(self, peers: &Peers<'_>, buffer: &mut [T], root: usize) -> Result<()> {
        match self {
            Self::Flat => flat::flat(peers, buffer, root),
            Self::Binomial => binomial::binomial(peers, buffer, root),
            Self::ScatterAllGather => scatter_all_gather::scatter_all_gather(peers, buffer, root),
            Self::SharedColumns => shared_columns::shared_columns(peers, buffer, root),
        }
    }
}
