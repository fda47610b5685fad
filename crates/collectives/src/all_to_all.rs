//! From every rank to every other, a block of its own each: a transposition of ranks and blocks.

mod bruck;
mod linear;
mod pairwise;
mod shared_columns;

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
        /// Everyone copies its blocks from where they lie. Only where ranks share memory: elsewhere the call is one
        /// of [`Pairwise`](Self::Pairwise).
        SharedColumns = "shared_columns",
    }
}

/// The blocks of one rank: what it sends each rank, and what it gets from each.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    pub(crate) sent: &'a Layout,
    pub(crate) taken: &'a Layout,
}

impl AllToAll {
    /// What the plain method uses for blocks of different lengths. A rank doesn't know the counts of the others, so
    /// the choice can't depend on them; and who has blocks looked at
    /// ([`all_to_all_look`](crate::Communicator::all_to_all_look)) must meet who doesn't.
    pub(crate) const CHOSEN_WITH_COUNTS: Self = Self::Pairwise;

    /// What rank `rank` sends when the block for rank r is block r of `blocks`, on all ranks.
    pub fn cost(self, blocks: &Layout, rank: usize) -> Cost {
        match self {
            Self::Linear => linear::cost(blocks, rank),
            Self::Pairwise => pairwise::cost(blocks, rank),
            Self::Bruck => bruck::cost(blocks),
            Self::SharedColumns => shared_columns::cost(blocks, rank),
        }
    }

    /// What rank `rank` sends when `counts(a, b)` elements go from rank a to rank b.
    pub fn cost_of_counts(self, ranks: usize, rank: usize, counts: impl Fn(usize, usize) -> usize) -> Cost {
        let cost = self.cost(&Layout::of_counts((0..ranks).map(|to| counts(rank, to))), rank);
        if self != Self::SharedColumns {
            return cost;
        }
        let loans = |of: &dyn Fn(usize) -> usize, own| (0..ranks).filter(|&r| r != own && of(r) > 0).count();
        let rounds = |r| Ord::max(loans(&|to| counts(r, to), r), loans(&|from| counts(from, r), r));
        Cost { rounds: (0..ranks).map(rounds).max().unwrap_or(0), ..cost }
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
            Self::SharedColumns => shared_columns::shared_columns(peers, input, output, blocks),
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
