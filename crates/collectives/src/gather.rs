//! From all ranks to one, side by side.

mod binomial;
mod linear;

pub(crate) use binomial::{binomial, cost as binomial_cost};

use crate::algorithms::{algorithms, parameter_name};
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

algorithms! {
    /// How to collect every rank's block on one.
    enum Gather: "gather", "root" {
        /// The root takes from one after the other.
        Linear = "linear",
        /// Subtrees collect first: a tree.
        Binomial = "binomial",
    }
}

impl Gather {
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
