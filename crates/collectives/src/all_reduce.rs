//! From all ranks to all, combined.

mod halving_doubling;
mod recursive_doubling;
mod reduce_broadcast;
mod ring;
mod segmented_ring;
mod shared_columns;
mod two_level;
mod whole_buffer_ring;

pub(crate) use segmented_ring::SEGMENT;
pub(crate) use two_level::GROUP;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{BadCall, Cost, Element, Reduction, Result};

algorithms! {
    /// How to give every rank the combination of all ranks' buffers.
    enum AllReduce: "all_reduce", "" {
        /// One rank combines everything and hands it out: the naive one.
        ReduceBroadcast = "reduce_broadcast",
        /// Whole buffers go round: the popular mistake, kept as a specimen.
        WholeBufferRing = "whole_buffer_ring",
        /// A ring reduce-scatter, then a ring all-gather.
        Ring = "ring",
        /// The ring on one stretch of the buffer after the other, each small enough for a cache.
        SegmentedRing {
            /// Elements of a block, which is what a message carries; a stretch has one for each rank.
            segment: SEGMENT
        } = "segmented_ring",
        /// Pairs at distance 1, 2, 4, ... swap and combine whole buffers. For short buffers.
        RecursiveDoubling = "recursive_doubling",
        /// Rabenseifner's: halve and combine, then double and collect.
        HalvingDoubling = "halving_doubling",
        /// Inside groups, then across the groups' first ranks, then inside again.
        TwoLevel {
            /// Ranks in a group; think of the ranks of one machine.
            group: GROUP
        } = "two_level",
        /// Every rank combines one column of all buffers where they lie. Only where ranks share memory: elsewhere
        /// the call is one of [`Ring`](Self::Ring) or, if the reduction doesn't commute, of
        /// [`HalvingDoubling`](Self::HalvingDoubling).
        SharedColumns = "shared_columns",
    }
}

impl AllReduce {
    /// What rank `rank` of `ranks` sends of a buffer of `length` elements.
    pub fn cost(self, ranks: usize, rank: usize, length: usize) -> Cost {
        match self {
            Self::ReduceBroadcast => reduce_broadcast::cost(ranks, rank, length),
            Self::WholeBufferRing => whole_buffer_ring::cost(ranks, length),
            Self::Ring => ring::cost(ranks, rank, length),
            Self::SegmentedRing { segment } => segmented_ring::cost(ranks, rank, length, segment),
            Self::RecursiveDoubling => recursive_doubling::cost(ranks, rank, length),
            Self::HalvingDoubling => halving_doubling::cost(ranks, rank, length),
            Self::TwoLevel { group } => two_level::cost(ranks, rank, length, group),
            Self::SharedColumns => shared_columns::cost(ranks, rank, length),
        }
    }

    /// Whether contributions are combined in rank order, as a reduction that doesn't commute needs.
    pub fn keeps_order(self) -> bool {
        !matches!(self, Self::Ring | Self::SegmentedRing { .. })
    }

    /// What the ranks must agree on besides the algorithm.
    pub(crate) fn parameter(self) -> u32 {
        match self {
            Self::SegmentedRing { segment } => segment as u32,
            Self::TwoLevel { group } => group as u32,
            _ => 0,
        }
    }

    pub(crate) fn check<T: Element>(self, op: &dyn Reduction<T>) -> Result<(), BadCall> {
        let zero = |algorithm, parameter| Err(BadCall::ZeroParameter { algorithm, parameter });
        let disordered = |algorithm| Err(BadCall::DoesNotCommute { algorithm, reduction: op.name().0 });
        match self {
            Self::SegmentedRing { segment: 0 } => zero("the segmented ring", "segment"),
            Self::TwoLevel { group: 0 } => zero("the two-level all-reduce", "group"),
            Self::Ring if !op.commutes() => disordered("the ring all-reduce"),
            Self::SegmentedRing { .. } if !op.commutes() => disordered("the segmented ring"),
            _ => Ok(()),
        }
    }

    /// The reduction [finished](Reduction::finish), too.
    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        buffer: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        match self {
            Self::ReduceBroadcast => reduce_broadcast::reduce_broadcast(peers, buffer, op),
            Self::WholeBufferRing => whole_buffer_ring::whole_buffer_ring(peers, buffer, op),
            Self::Ring => ring::ring(peers, buffer, op),
            Self::SegmentedRing { segment } => segmented_ring::segmented_ring(peers, buffer, op, segment),
            Self::RecursiveDoubling => recursive_doubling::recursive_doubling(peers, buffer, op),
            Self::HalvingDoubling => halving_doubling::halving_doubling(peers, buffer, op),
            Self::TwoLevel { group } => two_level::two_level(peers, buffer, op, group),
            Self::SharedColumns => return shared_columns::shared_columns(peers, buffer, op),
        }?;
        op.finish(buffer, peers.size());
        Ok(())
    }
}
