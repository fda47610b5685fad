//! From every rank to every other, a block of its own each: a transposition of ranks and blocks.

mod bruck;
mod linear;
mod pairwise;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{BadCall, Cost, Element, Layout, Result};

algorithms! {
    /// How to give every rank one block of every rank's buffer.
    enum AllToAll: "all_to_all", "" {
        /// Every rank meets the others in the order of their numbers.
        Linear = "linear",
        /// In step s, send s to the right and take from s to the left. For long blocks.
        Pairwise = "pairwise",
        /// Blocks travel in bundles, by the bits of how far they have to go. For short blocks.
        Bruck = "bruck",
    }
}

/// The blocks of one rank: what it sends each rank, and what it gets from each.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    pub(crate) sent: &'a Layout,
    pub(crate) taken: &'a Layout,
}

impl AllToAll {
    /// What rank `rank` sends when the block for rank r is block r of `blocks`.
    pub fn cost(self, blocks: &Layout, rank: usize) -> Cost {
        match self {
            Self::Linear => linear::cost(blocks, rank),
            Self::Pairwise => pairwise::cost(blocks, rank),
            Self::Bruck => bruck::cost(blocks),
        }
    }

    /// Bruck's bundles mix blocks of several ranks, whose lengths their carrier doesn't know.
    pub(crate) fn check_counts(self) -> Result<(), BadCall> {
        match self {
            Self::Bruck => Err(BadCall::NeedsEqualCounts { algorithm: "Bruck's all-to-all" }),
            _ => Ok(()),
        }
    }

    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        input: &[T],
        output: &mut [T],
        blocks: Blocks<'_>,
    ) -> Result<()> {
        match self {
            Self::Linear => linear::linear(peers, input, output, blocks),
            Self::Pairwise => pairwise::pairwise(peers, input, output, blocks),
            Self::Bruck => bruck::bruck(peers, input, output, blocks),
        }
    }
}

/// Pairwise, but blocks are shown where they lie.
pub(crate) fn visit<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: Blocks<'_>,
    look: &mut dyn FnMut(usize, &[T]),
    compute: &mut dyn FnMut(),
) -> Result<()> {
    pairwise::visit(peers, input, blocks, look, compute)
}

/// The block that a rank keeps.
fn keep<T: Element>(peers: &Peers<'_>, input: &[T], output: &mut [T], blocks: Blocks<'_>) {
    let rank = peers.rank();
    output[blocks.taken.block(rank)].copy_from_slice(&input[blocks.sent.block(rank)]);
}
