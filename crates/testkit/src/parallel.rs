//! Attention across ranks as an [`AttentionGear`]: whatever it is given it shares out among the ranks of a
//! world, and what they find it puts together again. So it owes what every attention owes, and the suite is
//! the same.

// This crate's own unit tests, a second build of it, do without.
#[cfg(not(test))]
pub mod mutants;

use crate::attention::{AttentionGear, Case};
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::{Error, Options, Result};
use collectives::{Communicator, World};
use ndarray::{Array, Array3, Array4, ArrayView, ArrayView4, Axis, RemoveAxis, s};
use parallel::heads::HeadMap;
use parallel::sequence::Saved;
use parallel::{Exchange, Float, SequenceParallelAttention, Strategy};

/// A strategy on so many ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnRanks {
    /// How they attend.
    pub strategy: Strategy,
    /// How queries, keys and values get to the ranks of their heads.
    pub exchange: Exchange,
    /// P.
    pub ranks: usize,
}

impl OnRanks {
    /// Ranks along the axis of Ulysses.
    pub fn line(&self) -> usize {
        match self.strategy {
            Strategy::Ulysses => self.ranks,
            Strategy::UlyssesRing { ulysses, .. } => ulysses,
            _ => 1,
        }
    }

    fn tokens(&self, total: usize, rank: usize) -> Vec<usize> {
        self.strategy.tokens(total, self.ranks, rank)
    }

    /// The tokens that a rank attends for: those of its line.
    fn tokens_of_line(&self, total: usize, rank: usize) -> Vec<usize> {
        let first = rank / self.line() * self.line();
        (first..first + self.line()).flat_map(|rank| self.tokens(total, rank)).collect()
    }

    /// What each rank answers when it attends to its part.
    fn run<T: Float, R: Send>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
        then: impl Fn(&SequenceParallelAttention, &Communicator, Array4<T>, Saved<T>) -> parallel::Result<R>
        + Sync,
    ) -> Result<Vec<R>> {
        let total = query.dim().2;
        let run = World::new(self.ranks).run(|comm| {
            let attention = SequenceParallelAttention::new(comm, self.strategy)?.exchange(self.exchange);
            let own = attention.tokens(total);
            let [q, k, v] = [query, key, value].map(|x| x.select(Axis(2), &own).into_shared());
            let (output, saved) = attention.forward(total, q, k, v, options)?;
            Ok(then(&attention, comm, output.into_owned(), saved)?)
        });
        let refused = |given| Error::Number { what: "the run", given, expected: "one that succeeds" };
        run.map_err(|error| refused(error.to_string()))
    }
}

impl AttentionGear for OnRanks {
    /// Self-attention, with a query head at least for each rank of a line.
    fn supports(&self, case: &Case) -> bool {
        case.queries == case.keys && case.kv_heads > 0 && case.heads >= self.line()
    }

    /// The ranks compute parts: of what, is not for others to say.
    fn computes_parts(&self) -> bool {
        false
    }

    fn forward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Attended<T>> {
        let (batch, heads, total, _) = query.dim();
        let parts = self.run(query, key, value, options, |_, _, output, saved| Ok((output, saved.lse)))?;
        let map = HeadMap::new(heads, key.dim().1, self.line()).expect("the run went well");
        let mut attended = Attended {
            output: Array4::zeros((batch, heads, total, value.dim().3)),
            lse: Array3::zeros((batch, heads, total)),
        };
        for (rank, (output, lse)) in parts.iter().enumerate() {
            put(&mut attended.output, output.view(), &self.tokens(total, rank));
            let own_heads = map.heads(rank % self.line());
            for (head, lse) in own_heads.zip(lse.axis_iter(Axis(1))) {
                for (token, lse) in self.tokens_of_line(total, rank).into_iter().zip(lse.axis_iter(Axis(1))) {
                    attended.lse.slice_mut(s![.., head, token]).assign(&lse);
                }
            }
        }
        Ok(attended)
    }

    fn backward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        let (heads, total) = (query.dim().1, query.dim().2);
        let parts = self.run(query, key, value, options, |attention, comm, _, mut saved| {
            // The backward pass is to stand on what it is given, be it right or wrong.
            let own_heads = HeadMap::new(heads, key.dim().1, self.line())?.heads(comm.rank() % self.line());
            let of_line = self.tokens_of_line(total, comm.rank());
            let output = upstream.output.slice(s![.., own_heads.clone(), .., ..]);
            saved.output = output.select(Axis(2), &of_line).into_shared();
            saved.lse = upstream.lse.slice(s![.., own_heads, ..]).select(Axis(2), &of_line);
            let gradient = upstream.gradient.select(Axis(2), &attention.tokens(total));
            attention.backward(&saved, gradient.view(), options)
        })?;
        let [mut d_query, mut d_key, mut d_value] = [query, key, value].map(|x| Array4::zeros(x.dim()));
        for (rank, part) in parts.iter().enumerate() {
            let own = self.tokens(total, rank);
            put(&mut d_query, part.query.view(), &own);
            put(&mut d_key, part.key.view(), &own);
            put(&mut d_value, part.value.view(), &own);
        }
        Ok(Gradients { query: d_query, key: d_key, value: d_value })
    }
}

/// Writes what belongs to these tokens, (B, heads, tokens, D).
fn put<T: Float, D: RemoveAxis>(to: &mut Array<T, D>, part: ArrayView<'_, T, D>, tokens: &[usize]) {
    for (&token, part) in tokens.iter().zip(part.axis_iter(Axis(2))) {
        to.index_axis_mut(Axis(2), token).assign(&part);
    }
}
