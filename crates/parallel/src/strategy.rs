//! Ways to attend to a sequence that is cut by tokens.

use crate::heads::HeadMap;
use crate::redistribute::{Heads, Redistribution};
use crate::{Placement, Result, gather, ring};
use collectives::{Cost, Layout};

/// A way to attend to a sequence whose tokens are shared out among ranks.
///
/// All of them are the same two steps: *redistribute* along one axis of the ranks, so that a rank has some
/// heads of more tokens; and attend across the other axis, where keys travel. Ulysses has the first axis
/// alone, a ring the second, and both at once is a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// All-to-all: each rank attends to all tokens, with some of the heads. At most as many ranks as query
    /// heads.
    Ulysses,
    /// Keys and values travel round a ring.
    Ring {
        /// Which tokens stand on which rank.
        placement: Placement,
        /// Blocks go round both ways at once, each half of the way.
        both: bool,
    },
    /// Every rank gets all keys and values.
    AllGather {
        /// Which tokens stand on which rank.
        placement: Placement,
    },
    /// Ulysses along one axis, a ring along the other.
    UlyssesRing {
        /// Ranks along the axis of Ulysses: neighbours, at most as many as query heads.
        ulysses: usize,
        /// Which tokens stand on which rank of the ring.
        placement: Placement,
        /// Blocks go round both ways at once, each half of the way.
        both: bool,
    },
}

/// The sizes of an attention, for what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// B.
    pub batch: usize,
    /// T, of the whole sequence.
    pub tokens: usize,
    /// H.
    pub heads: usize,
    /// G.
    pub kv_heads: usize,
    /// D, of queries, keys and values.
    pub head_dim: usize,
}

/// What one rank sends, there and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Forward.
    pub forward: Cost,
    /// Backward.
    pub backward: Cost,
}

impl Strategy {
    /// Its name, in lower case.
    pub fn name(&self) -> String {
        let ring = |placement: &Placement, both: &bool| {
            format!("{}{}", placement.name(), if *both { ", both ways" } else { "" })
        };
        match self {
            Strategy::Ulysses => "ulysses".into(),
            Strategy::Ring { placement, both } => format!("ring ({})", ring(placement, both)),
            Strategy::AllGather { placement } => format!("all-gather ({})", placement.name()),
            Strategy::UlyssesRing { ulysses, placement, both } => {
                format!("ulysses {ulysses} x ring ({})", ring(placement, both))
            }
        }
    }

    /// Ranks along the axis of the ring and along that of Ulysses, of P ranks. (They needn't multiply to P: a
    /// mesh that isn't one is an error when it is made.)
    pub(crate) fn axes(&self, ranks: usize) -> [usize; 2] {
        match *self {
            Strategy::Ulysses => [1, ranks],
            Strategy::Ring { .. } | Strategy::AllGather { .. } => [ranks, 1],
            Strategy::UlyssesRing { ulysses, .. } => [ranks.checked_div(ulysses).unwrap_or(0), ulysses],
        }
    }

    /// Which tokens stand on which rank of the ring.
    pub(crate) fn placement(&self) -> Placement {
        match *self {
            Strategy::Ulysses => Placement::Contiguous,
            Strategy::Ring { placement, .. }
            | Strategy::AllGather { placement }
            | Strategy::UlyssesRing { placement, .. } => placement,
        }
    }

    /// The tokens of each rank of the ring, when Ulysses has brought those of its line together.
    pub(crate) fn tokens_of_ring(&self, tokens: usize, ranks: usize) -> Vec<Vec<usize>> {
        let [ring, _] = self.axes(ranks);
        (0..ring).map(|rank| self.placement().tokens(tokens, ring, rank)).collect()
    }

    /// The tokens of a rank, in ascending order: those of its place in the ring, cut in runs for Ulysses.
    ///
    /// ```
    /// use parallel::{Placement, Strategy};
    ///
    /// let both = Strategy::UlyssesRing { ulysses: 2, placement: Placement::Zigzag, both: false };
    /// let tokens: Vec<_> = (0..4).map(|rank| both.tokens(8, 4, rank)).collect();
    /// assert_eq!(tokens, [[0, 1], [6, 7], [2, 3], [4, 5]]);
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such rank, or P isn't a multiple of the ranks along the axis of Ulysses.
    pub fn tokens(&self, tokens: usize, ranks: usize, rank: usize) -> Vec<usize> {
        let [ring, ulysses] = self.axes(ranks);
        assert!(ring * ulysses == ranks && rank < ranks, "{self:?} on rank {rank} of {ranks}");
        let tokens = self.placement().tokens(tokens, ring, rank / ulysses);
        tokens[Layout::even(tokens.len(), ulysses).block(rank % ulysses)].to_vec()
    }

    /// What a rank sends for one attention, in messages and elements.
    ///
    /// # Errors
    ///
    /// If there are more ranks along the axis of Ulysses than query heads, or G doesn't divide H.
    ///
    /// # Panics
    ///
    /// If there is no such rank, or P isn't a multiple of the ranks along the axis of Ulysses.
    pub fn cost(&self, sizes: &Sizes, ranks: usize, rank: usize) -> Result<Sent> {
        let [ring, ulysses] = self.axes(ranks);
        assert!(ring * ulysses == ranks && rank < ranks, "{self:?} on rank {rank} of {ranks}");
        let (ring_rank, ulysses_rank) = (rank / ulysses, rank % ulysses);
        let &Sizes { batch, tokens, heads, kv_heads, head_dim } = sizes;
        let shards: Vec<usize> = (0..ring).map(|rank| self.placement().count(tokens, ring, rank)).collect();
        let map = HeadMap::new(heads, kv_heads, ulysses)?;

        let redistribution = Redistribution { heads: map, tokens: Layout::even(shards[ring_rank], ulysses) };
        // One exchange of so many tensors of queries' size, and of keys'.
        let exchange = |cost: fn(&Redistribution, Heads, usize) -> Cost, queries: usize, keys: usize| {
            let [query, key] =
                [Heads::Query, Heads::KeyValue].map(|kind| cost(&redistribution, kind, ulysses_rank));
            Cost { elements: (queries * query.elements + keys * key.elements) * batch * head_dim, ..query }
        };
        let (there, back) = (Redistribution::cost_to_heads, Redistribution::cost_to_tokens);
        let there_and_back = [
            exchange(there, 1, 2).then(exchange(back, 1, 0)), // q, k, v; the output
            exchange(there, 1, 0).then(exchange(back, 1, 2)), // its gradient; dq, dk, dv
        ];

        let of_token = 2 * batch * map.kv_heads(ulysses_rank).len() * head_dim;
        let blocks: Vec<usize> = shards.iter().map(|tokens| tokens * of_token).collect();
        let across = match *self {
            Strategy::AllGather { .. } => {
                [gather::cost_forward(&blocks, ring_rank), gather::cost_backward(&blocks, ring_rank)]
            }
            Strategy::Ulysses => [Cost::default(); 2],
            Strategy::Ring { both, .. } | Strategy::UlyssesRing { both, .. } => {
                let directions = if both { 2 } else { 1 };
                let blocks_alone = ring::cost(&blocks, ring_rank, directions);
                [blocks_alone, blocks_alone.then(ring::cost_of_sums(&blocks, ring_rank, directions))]
            }
        };
        Ok(Sent { forward: there_and_back[0].then(across[0]), backward: there_and_back[1].then(across[1]) })
    }
}
