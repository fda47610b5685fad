//! From one rank to all, a block each.

mod binomial;
mod linear;

pub(crate) use binomial::{binomial, cost as binomial_cost};

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

algorithms! {
    /// How to deal out the blocks of one rank's buffer.
    enum Scatter: "scatter", "root" {
        /// The root sends to one after the other.
        Linear = "linear",
        /// Whoever has blocks of others sends them on: a tree.
        Binomial = "binomial",
    }
}

impl Scatter {
    /// What rank `rank` sends when rank r's block is block r of `blocks`.
    pub fn cost(self, blocks: &Layout, rank: usize, root: usize) -> Cost {
        match self {
            Self::Linear => linear::cost(blocks, rank, root),
            Self::Binomial => binomial::cost(blocks, rank, root),
        }
    }

    pub(crate) fn run<T: Element>(
        self,
        peers: &Peers<'_>,
        input: &[T],
        blocks: &Layout,
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        match self {
            Self::Linear => linear::linear(peers, input, blocks, output, root),
            Self::Binomial => binomial::binomial(peers, input, blocks, output, root),
        }
    }
}
