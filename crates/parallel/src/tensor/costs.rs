//! What a block sends and keeps, as formulas of its sizes: no weights are needed to ask.
//!
//! For x of N = B T dim elements, in elements a rank (exact ones depend on the rank, where things don't
//! divide):
//!
//! ```text
//!                                       forward          backward
//! AllReduce                             4N(P-1)/P        4N(P-1)/P        2 all-reduces, each way
//! GatherScatter, keeping the whole      4N(P-1)/P        4N(P-1)/P        2 all-gathers + 2 reduce-scatters, each way
//! GatherScatter, keeping the shard      4N(P-1)/P        6N(P-1)/P        and 2 all-gathers more
//! ```
//!
//! Besides, backward: with `GatherScatter` an all-reduce of the gradients of norms and biases (4 dim elements
//! for two LayerNorms, 2 dim more for biases), and where P > G one of a key-value head's Wk and Wv (2 D dim)
//! among its sharers. Neither grows with the tokens.

use super::{Edges, attention, memory};
use crate::Result;
use collectives::Cost;
use layers::feed_forward::FeedForward;
use layers::multi_head::{Projections, Sizes};
use layers::norm::Norm;
use layers::{Block, Float};

/// What a rank sends in one pass forward and one backward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Forward.
    pub forward: Cost,
    /// Backward.
    pub backward: Cost,
}

impl Costs {
    /// Of this and then `next`.
    #[must_use]
    pub fn then(self, next: Costs) -> Costs {
        Costs { forward: self.forward.then(next.forward), backward: self.backward.then(next.backward) }
    }
}

/// What of a block decides what it sends and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSizes {
    /// Of its attention.
    pub attention: Sizes,
    /// Hidden elements of its network.
    pub hidden: usize,
    /// Whether the network is SwiGLU: three matrices, not two.
    pub gated: bool,
    /// Whether its norms are LayerNorm, which keeps two numbers of each token, not one.
    pub centred: bool,
    /// Whether its linear layers, and LayerNorms, have biases.
    pub biases: bool,
}

impl BlockSizes {
    /// Those of a block, which has biases in all of its linear layers or in none.
    pub fn of<T: Float>(block: &Block<T>) -> BlockSizes {
        let (hidden, gated) = match &block.feed_forward {
            FeedForward::Mlp(network) => (network.down.inputs(), false),
            FeedForward::SwiGlu(network) => (network.down.inputs(), true),
        };
        let biases = match &block.attention.inputs {
            Projections::Separate { key, .. } => key.bias.is_some(),
            Projections::Fused(all) => all.bias.is_some(),
        };
        let centred = matches!(block.attention_norm, Norm::Layer(_));
        BlockSizes { attention: block.attention.sizes, hidden, gated, centred, biases }
    }

    /// What rank `rank` sends for B sequences of T tokens.
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or G doesn't divide H.
    pub fn costs(
        &self,
        (batch, tokens): (usize, usize),
        edges: Edges,
        ranks: usize,
        rank: usize,
    ) -> Result<Costs> {
        let x = [batch, tokens, self.attention.dim];
        let region = edges.enter_costs(x, ranks, rank).then(edges.leave_costs(x, ranks, rank));
        let replicas = attention::replica_cost(&self.attention, self.biases, ranks, rank)?;
        let own_tokens = edges.sum_over_shards_cost(self.of_own_tokens(), ranks, rank);
        let sums = Costs { forward: Cost::default(), backward: replicas.then(own_tokens) };
        Ok(region.then(region).then(sums))
    }

    /// Elements that rank `rank` keeps for the backward pass: see [`memory`].
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or G doesn't divide H.
    pub fn saved_elements(
        &self,
        (batch, tokens): (usize, usize),
        edges: Edges,
        ranks: usize,
        rank: usize,
    ) -> Result<usize> {
        Ok(memory::Terms::of(self, (batch, tokens), edges, ranks, rank)?.total())
    }

    /// Parameters that all ranks have, and use for the tokens that they have outside.
    fn of_own_tokens(&self) -> usize {
        let norms = 2 * (1 + usize::from(self.centred && self.biases));
        let biases = 2 * usize::from(self.biases);
        (norms + biases) * self.attention.dim
    }
}
