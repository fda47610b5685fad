//! From all ranks to one, combined.

mod binomial;
mod flat;
mod reduce_scatter_gather;
mod shared_columns;

pub(crate) use binomial::climb;

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{Cost, Element, Reduction, Result};

algorithms! {
    /// How to combine all ranks' buffers on one.
    enum Reduce: "reduce", "root" {
        /// The root takes from one after the other.
        Flat = "flat",
        /// Pairs combine, then pairs of pairs: a tree.
        Binomial = "binomial",
        /// Every rank combines one part, the root collects them. For long buffers.
        ReduceScatterGather = "reduce_scatter_gather",
        /// Every rank combines one part of all buffers where they lie, into the root's. Only where ranks share
        /// memory: elsewhere the call is one of [`ReduceScatterGather`](Self::ReduceScatterGather).
        SharedColumns = "shared_columns",
    }
}

impl Reduce {
    /// What rank `rank` of `ranks` sends of a buffer of `length` elements, by a reduction that `commutes`
    /// or doesn't.
    pub fn cost(self, ranks: usize, rank: usize, length: usize, root: usize, commutes: bool) -> Cost {
        match self {
            Self::Flat => flat::cost(ranks, rank, length, root),
            Self::Binomial => binomial::cost(ranks, rank, length, root, commutes),
            Self::ReduceScatterGather => reduce_scatter_gather::cost(ranks, rank, length, root),
            Self::SharedColumns => shared_columns::cost(ranks, rank, length, root),
        }
    }

    /// The reduction [finished](Reduction::finish), too.
    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
        root: usize,
    ) -> Result<()> {
        match self {
            Self::Flat => flat::flat(peers, input, output, op, root),
            Self::Binomial => binomial::binomial(peers, input, output, op, root),
            Self::ReduceScatterGather => {
                reduce_scatter_gather::reduce_scatter_gather(peers, input, output, op, root)
            }
            Self::SharedColumns => return shared_columns::shared_columns(peers, input, output, op, root),
        }?;
        op.finish(output, peers.size());
        Ok(())
    }
}
