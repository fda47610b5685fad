//! Attention to a sequence that is cut by tokens: one interface to every way of it.
//!
//! ```text
//!               (B, H, T_r, D)  rank r's tokens, all heads
//! Ulysses axis       │ to_heads: all-to-all
//!               (B, H_r, T', D) the tokens of its line, some heads
//! ring axis          │ attention; keys of other lines travel
//!               (B, H_r, T', D)
//! Ulysses axis       │ to_tokens: all-to-all
//!               (B, H, T_r, D)
//! ```
//!
//! A mask, its offset, and dropout are said of the whole sequence, as on one rank.

use crate::error::expect;
use crate::heads::HeadMap;
use crate::redistribute::{Heads, Redistribution};
use crate::ring::{Lane, Ring};
use crate::whole::{Whole, check_mask};
use crate::{Error, Float, Mesh, Result, Strategy, gather};
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::{Algorithm, Options};
use collectives::{Communicator, Layout};
use ndarray::{ArcArray, Array3, Array4, ArrayView4, CowArray, Ix4};

/// How queries, keys and values get to the ranks of their heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// In one all-to-all: the fewest messages.
    Fused,
    /// Each by itself. Forward, keys and values may be computed while the first message of the queries is under
    /// way; their own exchanges, and the way back, overlap nothing.
    Separate,
}

/// Attention to a sequence that is cut by tokens, as one rank sees it.
pub struct SequenceParallelAttention {
    strategy: Strategy,
    mesh: Mesh,
    /// The ring axis once more, for blocks that go the other way.
    other_way: Option<Communicator>,
    rank: usize,
    ranks: usize,
    /// How queries, keys and values get to the ranks of their heads.
    pub exchange: Exchange,
    /// What computes the attention on a rank.
    pub algorithm: Algorithm,
}

/// What the backward pass needs: what the rank attended with, after redistribution.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// (B, H_r, T', D).
    pub query: ArcArray<T, Ix4>,
    /// (B, G_r, T', D).
    pub key: ArcArray<T, Ix4>,
    /// (B, G_r, T', E).
    pub value: ArcArray<T, Ix4>,
    /// (B, H_r, T', E).
    pub output: ArcArray<T, Ix4>,
    /// (B, H_r, T').
    pub lse: Array3<T>,
    /// T, of the whole.
    tokens: usize,
    /// H and G, of the whole.
    heads: [usize; 2],
}

impl<T> Saved<T> {
    /// Bytes held: w B T' (H_r (D + E + 1) + G_r (D + E)).
    pub fn bytes(&self) -> usize {
        let Saved { query, key, value, output, lse, .. } = self;
        (query.len() + key.len() + value.len() + output.len() + lse.len()) * size_of::<T>()
    }
}

impl SequenceParallelAttention {
    /// On the ranks of a communicator. All ranks call this.
    ///
    /// ```
    /// use attention::{Mask, Options, flash};
    /// use collectives::World;
    /// use ndarray::{Array4, Axis};
    /// use parallel::{SequenceParallelAttention, Strategy};
    ///
    /// let x = Array4::from_shape_fn((1, 4, 10, 8), |(_, h, t, d)| ((h * 7 + t * 3 + d) % 5) as f64);
    /// let options = Options::masked(Mask::causal());
    /// let whole = flash::forward(x.view(), x.view(), x.view(), &options)?.output;
    /// World::new(3).run(|comm| {
    ///     let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?;
    ///     let own = attention.tokens(10);
    ///     let shard = x.select(Axis(2), &own).into_shared();
    ///     let (output, _) = attention.forward(10, shard.clone(), shard.clone(), shard, &options)?;
    ///     let error = &output - &whole.select(Axis(2), &own);
    ///     assert!(error.iter().all(|x| x.abs() < 1e-12));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the strategy's axes don't multiply to the number of ranks, or the world has failed.
    #[track_caller]
    pub fn new(comm: &Communicator, strategy: Strategy) -> Result<SequenceParallelAttention> {
        let [ring, ulysses] = strategy.axes(comm.size());
        let mesh = Mesh::new(comm, &[("ring", ring), ("ulysses", ulysses)])?;
        let other_way = match strategy {
            Strategy::Ring { both: true, .. } | Strategy::UlyssesRing { both: true, .. } => {
                mesh.axis("ring").split(Some(0), mesh.axis("ring").rank() as i64)?
            }
            _ => None,
        };
        Ok(SequenceParallelAttention {
            strategy,
            mesh,
            other_way,
            rank: comm.rank(),
            ranks: comm.size(),
            exchange: Exchange::Fused,
            algorithm: Algorithm::Flash,
        })
    }

    /// The same with another way for queries, keys and values to get to the ranks of their heads.
    pub fn exchange(self, exchange: Exchange) -> Self {
        SequenceParallelAttention { exchange, ..self }
    }

    /// The strategy.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// This rank's tokens of a sequence of so many, in ascending order.
    pub fn tokens(&self, tokens: usize) -> Vec<usize> {
        self.strategy.tokens(tokens, self.ranks, self.rank)
    }

    /// The attention of this rank's queries (B, H, T_r, D) over the keys (B, G, T_r, D) and values (B, G,
    /// T_r, E) of all ranks, in a sequence of `tokens` tokens: (B, H, T_r, E), and what the backward pass
    /// needs. All ranks call this with the same options, which are those of the whole sequence.
    ///
    /// # Errors
    ///
    /// If shapes don't fit each other or the options, there are more ranks along the axis of Ulysses than
    /// query heads, or the world has failed.
    #[track_caller]
    pub fn forward<T: Float>(
        &self,
        tokens: usize,
        query: ArcArray<T, Ix4>,
        key: ArcArray<T, Ix4>,
        value: ArcArray<T, Ix4>,
        options: &Options<'_, T>,
    ) -> Result<(ArcArray<T, Ix4>, Saved<T>)> {
        self.forward_while(tokens, query, key.dim().1, || Ok([key, value]), options)
    }

    /// [`forward`](Self::forward), where keys and values, of G heads, are computed while the queries are
    /// under way, if they are [exchanged](Exchange) separately.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward), and what `keys_and_values` answers.
    #[track_caller]
    pub fn forward_while<T: Float>(
        &self,
        tokens: usize,
        query: ArcArray<T, Ix4>,
        kv_heads: usize,
        keys_and_values: impl FnOnce() -> Result<[ArcArray<T, Ix4>; 2]>,
        options: &Options<'_, T>,
    ) -> Result<(ArcArray<T, Ix4>, Saved<T>)> {
        let line = self.mesh.axis("ulysses");
        check_mask(options)?;
        let shards = self.strategy.tokens_of_ring(tokens, self.ranks);
        let redistribution = self.redistribution([query.dim().1, kv_heads], &shards)?;
        let (batch, heads, _, head_dim) = query.dim();
        let own = redistribution.tokens.len(line.rank());
        let because = "(B, heads, T_r, D), of the tokens that the rank has";
        expect("query", query.shape(), &[batch, heads, own, head_dim], because)?;
        let keys_and_values = || {
            let [key, value] = keys_and_values()?;
            expect("key", key.shape(), &[batch, kv_heads, own, head_dim], because)?;
            expect("value", value.shape(), &[batch, kv_heads, own, value.dim().3], because)?;
            Ok::<_, Error>([key, value])
        };

        let [query, key, value] = match self.exchange {
            _ if line.size() == 1 => {
                let [key, value] = keys_and_values()?;
                [query, key, value]
            }
            Exchange::Fused => {
                let [key, value] = keys_and_values()?;
                let tensors = [
                    (Heads::Query, query.view()),
                    (Heads::KeyValue, key.view()),
                    (Heads::KeyValue, value.view()),
                ];
                let (tensors, ()) = redistribution.to_heads(line, &tensors, || ())?;
                three(tensors).map(Array4::into_shared)
            }
            Exchange::Separate => {
                let query = [(Heads::Query, query.view())];
                let (query, keys_and_values) = redistribution.to_heads(line, &query, keys_and_values)?;
                let [key, value] = keys_and_values?;
                let (key, ()) = redistribution.to_heads(line, &[(Heads::KeyValue, key.view())], || ())?;
                let (value, ()) = redistribution.to_heads(line, &[(Heads::KeyValue, value.view())], || ())?;
                three(query.into_iter().chain(key).chain(value).collect()).map(Array4::into_shared)
            }
        }; // (B, H_r, T', D), (B, G_r, T', D), (B, G_r, T', E)

        let whole = self.whole(&redistribution, heads, tokens, options);
        let (q, k, v) = (query.view(), key.view(), value.view());
        let Attended { output, lse } = match self.strategy {
            Strategy::AllGather { .. } => gather::forward(self.mesh.axis("ring"), &shards, &whole, q, k, v)?,
            _ => Ring::new(self.lanes(), &shards, k, v).forward(&whole, q, k, v)?,
        };
        let attended = output.into_shared();
        let output = match line.size() {
            1 => attended.clone(),
            _ => one(redistribution.to_tokens(line, &[(Heads::Query, attended.view())])?).into_shared(),
        };
        Ok((output, Saved { query, key, value, output: attended, lse, tokens, heads: [heads, kv_heads] }))
    }

    /// The gradients of this rank's queries, keys and values, given that of its output, (B, H, T_r, E). All
    /// ranks call this with the options of the forward pass.
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output, or the world has failed.
    #[track_caller]
    pub fn backward<T: Float>(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        let line = self.mesh.axis("ulysses");
        check_mask(options)?;
        let [heads, _] = saved.heads;
        let shards = self.strategy.tokens_of_ring(saved.tokens, self.ranks);
        let redistribution = self.redistribution(saved.heads, &shards)?;
        let (batch, .., value_dim) = saved.value.dim();
        let expected = [batch, heads, redistribution.tokens.len(line.rank()), value_dim];
        expect("the gradient of the output", gradient.shape(), &expected, "(B, H, T_r, E), as the output")?;
        let gradient = match line.size() {
            1 => CowArray::from(gradient),
            _ => one(redistribution.to_heads(line, &[(Heads::Query, gradient)], || ())?.0).into(),
        }; // (B, H_r, T', E)

        let whole = self.whole(&redistribution, heads, saved.tokens, options);
        let (q, k, v) = (saved.query.view(), saved.key.view(), saved.value.view());
        let (gradient, output, lse) = (gradient.view(), saved.output.view(), saved.lse.view());
        let upstream = Upstream { gradient, output, lse };
        let gradients = match self.strategy {
            Strategy::AllGather { .. } => {
                gather::backward(self.mesh.axis("ring"), &shards, &whole, q, k, v, upstream)?
            }
            _ => Ring::new(self.lanes(), &shards, k, v).backward(&whole, q, k, v, upstream)?,
        };
        if line.size() == 1 {
            return Ok(gradients);
        }
        let tensors = [
            (Heads::Query, gradients.query.view()),
            (Heads::KeyValue, gradients.key.view()),
            (Heads::KeyValue, gradients.value.view()),
        ];
        let [query, key, value] = match self.exchange {
            Exchange::Fused => three(redistribution.to_tokens(line, &tensors)?),
            Exchange::Separate => {
                let each = tensors.iter().map(|&tensor| Ok(one(redistribution.to_tokens(line, &[tensor])?)));
                three(each.collect::<Result<_>>()?)
            }
        };
        Ok(Gradients { query, key, value })
    }

    fn redistribution(&self, [heads, kv_heads]: [usize; 2], shards: &[Vec<usize>]) -> Result<Redistribution> {
        let (ring, line) = (self.mesh.axis("ring"), self.mesh.axis("ulysses"));
        Ok(Redistribution {
            heads: HeadMap::new(heads, kv_heads, line.size()).map_err(|error| self.propose(error))?,
            tokens: Layout::even(shards[ring.rank()].len(), line.size()),
        })
    }

    /// What can be done where there are more ranks than heads.
    fn propose(&self, error: Error) -> Error {
        match error {
            Error::Heads { heads, ranks } if heads > 0 => {
                let divides = |&line: &usize| self.ranks.is_multiple_of(line);
                let ulysses = (1..=heads).rev().find(divides).expect("1 divides all numbers");
                Error::TooManyRanks { heads, ranks, ulysses }
            }
            error => error,
        }
    }

    fn whole<'a, 'o, T>(
        &self,
        redistribution: &Redistribution,
        heads: usize,
        tokens: usize,
        options: &'a Options<'o, T>,
    ) -> Whole<'a, 'o, T> {
        let first_head = redistribution.heads.heads(self.mesh.axis("ulysses").rank()).start;
        Whole { options, algorithm: self.algorithm, first_head, heads, tokens }
    }

    fn lanes(&self) -> Vec<Lane<'_>> {
        let ring = self.mesh.axis("ring");
        match &self.other_way {
            None => Lane::one(ring),
            Some(left) => Lane::both(ring, left),
        }
    }
}

impl std::fmt::Debug for SequenceParallelAttention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SequenceParallelAttention { strategy, mesh, rank, .. } = self;
        write!(f, "{} on rank {rank}, at {mesh:?}", strategy.name())
    }
}

fn one<T>(tensors: Vec<T>) -> T {
    tensors.into_iter().next().expect("one came of one")
}

fn three<T>(tensors: Vec<T>) -> [T; 3] {
    tensors.try_into().unwrap_or_else(|_| panic!("three came of three"))
}
