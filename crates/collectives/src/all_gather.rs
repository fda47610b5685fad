//! From all ranks to all, side by side.
//!
//! Every algorithm works in place on the output, in which each rank has put its own block.

mod bruck;
mod gather_broadcast;
mod recursive_doubling;
mod ring;
mod shared_columns;

pub(crate) use ring::{circulate, cost as circulate_cost};

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

algorithms! {
    /// How to give every rank every rank's block.
    enum AllGather: "all_gather", "" {
        /// One rank collects, then hands out.
        GatherBroadcast = "gather_broadcast",
        /// Blocks go round, one step at a time. For long blocks.
        Ring = "ring",
        /// Pairs at distance 1, 2, 4, ... swap all they have.
        RecursiveDoubling = "recursive_doubling",
        /// The same number of rounds for any number of ranks, at the price of a local rotation.
        Bruck = "bruck",
        /// Everyone copies every block from where it lies. Only where ranks share memory: elsewhere the call is one
        /// of [`Ring`](Self::Ring).
        SharedColumns = "shared_columns",
    }
}

impl AllGather {
    /// What rank `rank` sends when rank r's block is block r of `blocks`.
    pub fn cost(self, blocks: &Layout, rank: usize) -> Cost {
        match self {
            Self::GatherBroadcast => gather_broadcast::cost(blocks, rank),
            Self::Ring => ring::cost(blocks, rank),
            Self::RecursiveDoubling => recursive_doubling::cost(blocks, rank),
            Self::Bruck => bruck::cost(blocks, rank),
            Self::SharedColumns => shared_columns::cost(blocks, rank),
        }
    }

    pub(crate) fn run<T: Element>(self, peers: &Peers<'_>, blocks: &Layout, buffer: &mut [T]) -> Result<()> {
        match self {
            Self::GatherBroadcast => gather_broadcast::gather_broadcast(peers, blocks, buffer),
            Self::Ring => ring::circulate(peers, blocks, buffer, peers.rank()),
            Self::RecursiveDoubling => recursive_doubling::recursive_doubling(peers, blocks, buffer),
            Self::Bruck => bruck::bruck(peers, blocks, buffer),
            Self::SharedColumns => shared_columns::shared_columns(peers, blocks, buffer),
        }
    }
}
