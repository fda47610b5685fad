//! From all ranks to all: combined, and a block each.

mod pairwise;
mod recursive_halving;
mod reduce_then_scatter;
mod ring;
mod shared_columns;

pub(crate) use pairwise::{cost as pairwise_cost, pairwise};
pub(crate) use ring::accumulate;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{BadCall, Cost, Element, Layout, Reduction, Result};

algorithms! {
    /// How to combine all ranks' buffers so that each rank gets one block of the result.
    enum ReduceScatter: "reduce_scatter", "" {
        /// One rank combines everything, then deals it out.
        ReduceThenScatter = "reduce_then_scatter",
        /// Partial sums go round a ring.
        Ring = "ring",
        /// Everyone sends every other rank the block it needs.
        Pairwise = "pairwise",
        /// Swap halves with the rank opposite, then quarters, and so on, farthest first.
        RecursiveHalving = "recursive_halving",
        /// Every rank reads its block of all buffers where they lie. Only where ranks share memory: elsewhere the
        /// call is one of [`Pairwise`](Self::Pairwise).
        SharedColumns = "shared_columns",
    }
}

impl ReduceScatter {
    /// What rank `rank` sends when rank r gets block r of `blocks`.
    pub fn cost(self, blocks: &Layout, rank: usize) -> Cost {
        match self {
            Self::ReduceThenScatter => reduce_then_scatter::cost(blocks, rank),
            Self::Ring => ring::cost(blocks, rank),
            Self::Pairwise => pairwise::cost(blocks, rank),
            Self::RecursiveHalving => recursive_halving::cost(blocks, rank),
            Self::SharedColumns => shared_columns::cost(blocks, rank),
        }
    }

    /// Whether contributions are combined in rank order, as a reduction that doesn't commute needs.
    pub fn keeps_order(self) -> bool {
        matches!(self, Self::ReduceThenScatter | Self::Pairwise | Self::SharedColumns)
    }

    pub(crate) fn check<T: Element>(self, op: &dyn Reduction<T>) -> Result<(), BadCall> {
        if self.keeps_order() || op.commutes() {
            return Ok(());
        }
        Err(BadCall::DoesNotCommute {
            algorithm: match self {
                Self::Ring => "the ring reduce-scatter",
                _ => "recursive halving",
            },
            reduction: op.name().0,
        })
    }

    /// The reduction [finished](Reduction::finish), too.
    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        input: &[T],
        blocks: &Layout,
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        match self {
            Self::ReduceThenScatter => {
                reduce_then_scatter::reduce_then_scatter(peers, input, blocks, output, op)
            }
            Self::Ring => ring::ring(peers, input, blocks, output, op),
            Self::Pairwise => pairwise::pairwise(peers, input, blocks, output, op),
            Self::RecursiveHalving => recursive_halving::recursive_halving(peers, input, blocks, output, op),
            Self::SharedColumns => return shared_columns::shared_columns(peers, input, blocks, output, op),
        }?;
        op.finish(output, peers.size());
        Ok(())
    }
}
