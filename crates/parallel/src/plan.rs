//! What each way of sharing out a transformer block would send and keep, before anything runs.
//!
//! ```text
//! the tokens are cut      every rank has the whole layer      Ulysses, rings, all-gather, meshes
//! the layer is cut        every rank sees all tokens          Megatron's tensor parallelism, and sequence parallelism
//! ```
//!
//! A layer here is a whole block, attention and network, so that both kinds can be compared: where tokens are
//! cut only the attention sends, where the layer is cut both do.
//!
//! The numbers are those of the functions that tests hold against counted traffic and against the bytes of
//! what is saved: [`Strategy::cost`], [`block::saved_elements`], [`BlockSizes::costs`],
//! [`BlockSizes::saved_elements`]. They are exact for every rank, however tokens and heads divide; a plan has the
//! greatest over the ranks. Beside them stands the closed form for the case that everything divides.
//!
//! Gradients of parameters are told apart from the rest. Where tokens are cut each rank has a part of the sum
//! for all parameters, which are added up once a step, as in data parallelism. Where the layer is cut hardly
//! any are shared.

mod formula;
mod parameters;
#[cfg(test)]
mod tests;

pub use formula::Formula;

use crate::heads::HeadMap;
use crate::strategy::Sizes;
use crate::tensor::{BlockSizes, Edges, Keep};
use crate::{Placement, Result, Strategy, block, gradients};
use collectives::Cost;

/// A transformer block, and what goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The block.
    pub block: BlockSizes,
    /// B.
    pub batch: usize,
    /// T, of the whole sequence.
    pub tokens: usize,
}

/// A way to share a layer out among ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Tokens are cut, and the attention communicates.
    Tokens(Strategy),
    /// Heads and hidden elements are cut: Megatron's tensor parallelism.
    Tensor,
    /// The same, and tokens between the cut layers: Megatron's sequence parallelism.
    TensorSequence(Keep),
}

/// What a way costs: the greatest over the ranks of each number. In elements; bytes are these times an
/// element's.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What a rank sends in the forward pass.
    pub forward: Cost,
    /// In the backward pass, without gradients of parameters.
    pub backward: Cost,
    /// For the gradients of parameters that several ranks have.
    pub gradients: Cost,
    /// Elements that a rank keeps for the backward pass.
    pub saved: usize,
    /// Elements of the parameters that a rank has.
    pub parameters: usize,
    /// The part of all pairs of a query and a key that a causal mask leaves which the busiest rank computes.
    /// 1/P is the least.
    pub busiest: f64,
    /// Elements sent forward and backward, where everything divides.
    pub formulas: [Formula; 2],
}

impl Way {
    /// The ways that make sense on so many ranks: every strategy, and every mesh of two axes of more than one
    /// rank, with its placement that balances a causal mask; then the ways that cut the layer.
    ///
    /// ```
    /// use parallel::plan::Way;
    ///
    /// let names: Vec<String> = Way::all(4).iter().map(Way::name).collect();
    /// assert!(names.contains(&"ulysses 2 x ring (zigzag)".to_string()));
    /// ```
    pub fn all(ranks: usize) -> Vec<Way> {
        let zigzag = Placement::Zigzag;
        let mut strategies = vec![Strategy::Ulysses];
        strategies.extend(Placement::ALL.map(|placement| Strategy::Ring { placement, both: false }));
        strategies.push(Strategy::Ring { placement: zigzag, both: true });
        strategies.extend([Placement::Contiguous, zigzag].map(|placement| Strategy::AllGather { placement }));
        let proper = (2..ranks).filter(|&ulysses| ranks.is_multiple_of(ulysses));
        strategies.extend(proper.map(|ulysses| Strategy::UlyssesRing {
            ulysses,
            placement: zigzag,
            both: false,
        }));
        let cut = [Way::Tensor, Way::TensorSequence(Keep::Shard), Way::TensorSequence(Keep::Whole)];
        strategies.into_iter().map(Way::Tokens).chain(cut).collect()
    }

    /// Its name, in lower case.
    pub fn name(&self) -> String {
        match self {
            Way::Tokens(strategy) => strategy.name(),
            Way::Tensor => "tensor".into(),
            Way::TensorSequence(Keep::Shard) => "tensor + sequence".into(),
            Way::TensorSequence(Keep::Whole) => "tensor + sequence, kept whole".into(),
        }
    }
}

impl Layer {
    /// What this way costs on so many ranks.
    ///
    /// ```
    /// use layers::multi_head;
    /// use parallel::plan::{Layer, Way};
    /// use parallel::{Strategy, tensor::BlockSizes};
    ///
    /// let (tokens, dim, ranks) = (4096, 1024, 8);
    /// let attention = multi_head::Sizes::new(dim, 16)?;
    /// let block = BlockSizes { attention, hidden: 4 * dim, gated: false, centred: false, biases: false };
    /// let layer = Layer { block, batch: 1, tokens };
    /// let ulysses = layer.plan(Way::Tokens(Strategy::Ulysses), ranks)?;
    /// let tensor = layer.plan(Way::Tensor, ranks)?;
    /// // The claim of Ulysses: 4 T dim / P, and not 4 T dim, both times (P-1)/P.
    /// assert_eq!(ulysses.forward.elements, 4 * tokens * dim / ranks * 7 / 8);
    /// assert_eq!(tensor.forward.elements, ranks * ulysses.forward.elements);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the way needs more heads than there are, or G doesn't divide H.
    ///
    /// # Panics
    ///
    /// If there are no ranks, or the ranks of a mesh don't multiply to them.
    pub fn plan(&self, way: Way, ranks: usize) -> Result<Plan> {
        assert!(ranks > 0, "no ranks to share a layer out among");
        let mut plan = Plan {
            forward: Cost::default(),
            backward: Cost::default(),
            gradients: Cost::default(),
            saved: 0,
            parameters: 0,
            busiest: self.busiest(way, ranks)?,
            formulas: formula::of(self, way, ranks),
        };
        for rank in 0..ranks {
            let [forward, backward, gradients] = self.sent(way, ranks, rank)?;
            plan.forward = greatest(plan.forward, forward);
            plan.backward = greatest(plan.backward, backward);
            plan.gradients = greatest(plan.gradients, gradients);
            plan.saved = plan.saved.max(self.saved(way, ranks, rank)?);
            plan.parameters = plan.parameters.max(self.parameters(way, ranks, rank)?);
        }
        Ok(plan)
    }

    /// What a rank sends forward, backward, and for gradients of parameters.
    fn sent(&self, way: Way, ranks: usize, rank: usize) -> Result<[Cost; 3]> {
        let &Layer { block, batch, tokens } = self;
        match way {
            Way::Tokens(strategy) => {
                let sent = strategy.cost(&self.sizes(), ranks, rank)?;
                let parameters = self.parameters(way, ranks, rank)?;
                Ok([sent.forward, sent.backward, gradients::cost(parameters, ranks, rank)])
            }
            Way::Tensor | Way::TensorSequence(_) => {
                let edges = self.edges(way);
                let x = [batch, tokens, block.attention.dim];
                let region = edges.enter_costs(x, ranks, rank).then(edges.leave_costs(x, ranks, rank));
                let both = region.then(region); // the attention's, and the network's
                let all = block.costs((batch, tokens), edges, ranks, rank)?;
                Ok([both.forward, both.backward, without(all.backward, both.backward)])
            }
        }
    }

    /// Parameters of a rank.
    fn parameters(&self, way: Way, ranks: usize, rank: usize) -> Result<usize> {
        match way {
            Way::Tokens(_) => parameters::parameters(&self.block, 1, 0),
            Way::Tensor | Way::TensorSequence(_) => parameters::parameters(&self.block, ranks, rank),
        }
    }

    /// Elements that a rank keeps for the backward pass.
    fn saved(&self, way: Way, ranks: usize, rank: usize) -> Result<usize> {
        let (sizes, x) = (&self.block, (self.batch, self.tokens));
        match way {
            Way::Tokens(strategy) => block::saved_elements(sizes, x, strategy, ranks, rank),
            Way::Tensor | Way::TensorSequence(_) => sizes.saved_elements(x, self.edges(way), ranks, rank),
        }
    }

    /// The part of all pairs that a causal mask leaves which the busiest rank computes. It has the most pairs in a head,
    /// and the most heads: at every place in the ring there is a rank for every share of the heads.
    fn busiest(&self, way: Way, ranks: usize) -> Result<f64> {
        let sizes = self.block.attention;
        let [ring, sharing] = match way {
            Way::Tokens(strategy) => strategy.axes(ranks),
            Way::Tensor | Way::TensorSequence(_) => [1, ranks],
        };
        let placement = match way {
            Way::Tokens(strategy) => strategy.placement(),
            Way::Tensor | Way::TensorSequence(_) => Placement::Contiguous,
        };
        let map = HeadMap::new(sizes.heads, sizes.kv_heads, sharing)?;
        let heads = (0..sharing).map(|place| map.heads(place).len()).max().unwrap_or(0);
        // Query i sees i + 1 keys.
        let pairs = |place| placement.tokens(self.tokens, ring, place).iter().map(|&i| i as f64 + 1.0).sum();
        let most: f64 = (0..ring).map(pairs).fold(0.0, f64::max);
        let all = self.tokens as f64 * (self.tokens as f64 + 1.0) / 2.0;
        Ok(heads as f64 / sizes.heads as f64 * most / all.max(1.0))
    }

    /// How activations enter and leave the parts of a layer that is cut.
    fn edges(&self, way: Way) -> Edges {
        match way {
            Way::TensorSequence(keep) => Edges::GatherScatter { tokens: self.tokens, keep },
            Way::Tensor | Way::Tokens(_) => Edges::AllReduce,
        }
    }

    /// Those of the attention alone.
    fn sizes(&self) -> Sizes {
        let layers::multi_head::Sizes { heads, kv_heads, head_dim, .. } = self.block.attention;
        Sizes { batch: self.batch, tokens: self.tokens, heads, kv_heads, head_dim }
    }
}

fn greatest(a: Cost, b: Cost) -> Cost {
    Cost {
        messages: a.messages.max(b.messages),
        elements: a.elements.max(b.elements),
        rounds: a.rounds.max(b.rounds),
    }
}

/// What is left of `all` without a part of it.
fn without(all: Cost, part: Cost) -> Cost {
    Cost {
        messages: all.messages - part.messages,
        elements: all.elements - part.elements,
        rounds: all.rounds - part.rounds,
    }
}
