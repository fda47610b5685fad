//! From tensors cut by tokens to tensors cut by heads, and back: the all-to-all of Ulysses.
//!
//! ```text
//! P = 2, T = 4, H = 2; a letter is a token's row of one head
//!
//!             by tokens                          by heads
//!          head 0   head 1                    head 0   head 1
//! rank 0  ┌─ a ───── e ─┐           token 0   ┌ a ┐    ┌ e ┐
//!         └─ b ───── f ─┘ to_heads        1   │ b │    │ f │
//! rank 1  ┌─ c ───── g ─┐ ───────►        2   │ c │    │ g │
//!         └─ d ───── h ─┘ ◄───────        3   └ d ┘    └ h ┘
//!                         to_tokens           rank 0   rank 1
//! ```
//!
//! A rank packs, for each rank, what that one gets: its own tokens of that one's heads, (B, tokens, heads,
//! D). The receiver copies from there straight to where it belongs: no buffer for what was received, and
//! every element is copied twice in all. Several tensors can share one exchange, which is one message for
//! each rank instead of several. What stays on the rank is copied once.
//!
//! Tensors come as (B, heads, tokens, D) with any strides, and go as (B, heads, tokens, D) that lies as (B,
//! tokens, heads, D): so projections write and read them.
//!
//! Where several ranks have a key-value head (see [`heads`](crate::heads)) each gets a copy, and the way back
//! *adds* what they send: it is the way of gradients. So `to_tokens` is the adjoint of `to_heads`,
//! ⟨to_heads(x), y⟩ = ⟨x, to_tokens(y)⟩, and where no head is copied its inverse.
//!
//! Cost: P-1 messages a rank. With t_r tokens and h_r heads on rank r, rank r sends t_r (Σ h - h_r) D
//! elements of each batch entry to heads, and (Σ t - t_r) h_r D back. For T / P tokens and H / P heads both
//! are (P-1)/P · T H D / P: the more ranks, the less each sends.
//!
//! Source: Jacobs et al., *DeepSpeed Ulysses*, 2023.

use crate::error::expect;
use crate::heads::HeadMap;
use crate::packing::{append, copy, front, take};
use crate::{Float, Result};
use collectives::{Communicator, Cost, Layout};
use ndarray::{Array4, ArrayView4, s};
use std::ops::Range;

/// What a tensor's second axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// Query heads.
    Query,
    /// Key-value heads.
    KeyValue,
}

/// How tokens and heads are shared out among the ranks of a communicator.
#[derive(Clone, Debug)]
pub struct Redistribution {
    /// Heads of each rank, when tensors are cut by heads.
    pub heads: HeadMap,
    /// Tokens of each rank, when they are cut by tokens. The whole is theirs, one rank's after the other's.
    pub tokens: Layout,
}

impl Redistribution {
    /// From tensors of this rank's tokens, (B, all heads, its tokens, D), to tensors of its heads, (B, its
    /// heads, all tokens, D). All ranks call this. `compute` runs while the first message is under way.
    ///
    /// # Errors
    ///
    /// If a tensor's shape isn't that, or the world has failed.
    #[track_caller]
    pub fn to_heads<'a, T: Float, R>(
        &self,
        comm: &Communicator,
        tensors: &[(Heads, ArrayView4<'a, T>)],
        compute: impl FnOnce() -> R,
    ) -> Result<(Vec<Array4<T>>, R)> {
        self.check(comm)?;
        let rank = comm.rank();
        for &(heads, ref tensor) in tensors {
            let (batch, _, _, dim) = tensor.dim();
            let expected = [batch, self.all(heads), self.tokens.len(rank), dim];
            expect(
                "a tensor cut by tokens",
                tensor.shape(),
                &expected,
                "(B, all heads, the rank's tokens, D)",
            )?;
        }
        let send_counts = counts(comm, |to| self.elements(tensors, self.tokens.len(rank), to));
        let recv_counts = counts(comm, |from| self.elements(tensors, self.tokens.len(from), rank));

        let piece = |&(heads, tensor): &(Heads, ArrayView4<'a, T>), to| -> ArrayView4<'a, T> {
            by_tokens(tensor.slice_move(s![.., self.heads(heads, to), .., ..]))
        };
        let mut packed = Vec::with_capacity(send_counts.iter().sum());
        for to in (0..comm.size()).filter(|&to| to != rank) {
            tensors.iter().for_each(|tensor| append(&mut packed, piece(tensor, to)));
        }
        let shapes = tensors.iter().map(|(heads, tensor)| {
            let (batch, _, _, dim) = tensor.dim();
            (batch, self.tokens.total(), self.heads(*heads, rank).len(), dim)
        });
        let mut outputs: Vec<_> = shapes.map(Array4::zeros).collect(); // (B, T, heads, D)
        for (output, tensor) in outputs.iter_mut().zip(tensors) {
            copy(piece(tensor, rank), output.slice_mut(s![.., self.tokens.block(rank), .., ..]));
        }
        let look = |from: usize, mut block: &[T]| {
            if from == rank {
                return; // nothing was packed for it
            }
            for output in &mut outputs {
                take(&mut block, output.slice_mut(s![.., self.tokens.block(from), .., ..]));
            }
        };
        let result = comm.all_to_all_look(&packed, &send_counts, &recv_counts, look, compute)?;
        Ok((outputs.into_iter().map(by_heads).collect(), result))
    }

    /// From tensors of this rank's heads, (B, its heads, all tokens, D), to tensors of its tokens, (B, all
    /// heads, its tokens, D). What several ranks have of one head is added. All ranks call this.
    ///
    /// # Errors
    ///
    /// If a tensor's shape isn't that, or the world has failed.
    #[track_caller]
    pub fn to_tokens<'a, T: Float>(
        &self,
        comm: &Communicator,
        tensors: &[(Heads, ArrayView4<'a, T>)],
    ) -> Result<Vec<Array4<T>>> {
        self.check(comm)?;
        let rank = comm.rank();
        for &(heads, ref tensor) in tensors {
            let (batch, _, _, dim) = tensor.dim();
            let expected = [batch, self.heads(heads, rank).len(), self.tokens.total(), dim];
            expect(
                "a tensor cut by heads",
                tensor.shape(),
                &expected,
                "(B, the rank's heads, all tokens, D)",
            )?;
        }
        let send_counts = counts(comm, |to| self.elements(tensors, self.tokens.len(to), rank));
        let recv_counts = counts(comm, |from| self.elements(tensors, self.tokens.len(rank), from));

        let piece = |&(_, tensor): &(Heads, ArrayView4<'a, T>), to| -> ArrayView4<'a, T> {
            by_tokens(tensor.slice_move(s![.., .., self.tokens.block(to), ..]))
        };
        let mut packed = Vec::with_capacity(send_counts.iter().sum());
        for to in (0..comm.size()).filter(|&to| to != rank) {
            tensors.iter().for_each(|tensor| append(&mut packed, piece(tensor, to)));
        }
        let shapes = tensors.iter().map(|(heads, tensor)| {
            let (batch, _, _, dim) = tensor.dim();
            (batch, self.tokens.len(rank), self.all(*heads), dim)
        });
        let mut outputs: Vec<_> = shapes.map(Array4::zeros).collect(); // (B, tokens, H, D)
        for (output, tensor) in outputs.iter_mut().zip(tensors) {
            copy(piece(tensor, rank), output.slice_mut(s![.., .., self.heads(tensor.0, rank), ..]));
        }
        let shared = comm.size() > self.all(Heads::KeyValue);
        let look = |from: usize, mut block: &[T]| {
            if from == rank {
                return; // nothing was packed for it
            }
            for (output, &(heads, _)) in outputs.iter_mut().zip(tensors) {
                let mut piece = output.slice_mut(s![.., .., self.heads(heads, from), ..]);
                if heads == Heads::KeyValue && shared {
                    let own = ArrayView4::from_shape(piece.dim(), front(&mut block, piece.len()));
                    piece += &own.expect("as many elements");
                } else {
                    take(&mut block, piece);
                }
            }
        };
        comm.all_to_all_look(&packed, &send_counts, &recv_counts, look, || ())?;
        Ok(outputs.into_iter().map(by_heads).collect())
    }

    /// What a rank sends to go from tokens to heads: one tensor of these heads, with D = 1 and B = 1. An
    /// exchange of several has the elements of all, and the messages of one.
    pub fn cost_to_heads(&self, heads: Heads, rank: usize) -> Cost {
        let others = (0..self.heads.ranks()).filter(|&to| to != rank);
        let elements = others.map(|to| self.tokens.len(rank) * self.heads(heads, to).len()).sum();
        Cost { elements, ..self.messages() }
    }

    /// What a rank sends to go back: one tensor of these heads, with D = 1 and B = 1.
    pub fn cost_to_tokens(&self, heads: Heads, rank: usize) -> Cost {
        let elements = (self.tokens.total() - self.tokens.len(rank)) * self.heads(heads, rank).len();
        Cost { elements, ..self.messages() }
    }

    fn check(&self, comm: &Communicator) -> Result<()> {
        let ranks = [self.heads.ranks(), self.tokens.parts()];
        expect("the shares of heads and of tokens", &ranks, &[comm.size(); 2], "one of each for each rank")
    }

    fn messages(&self) -> Cost {
        let others = self.heads.ranks() - 1;
        Cost { messages: others, elements: 0, rounds: others }
    }

    /// Elements of so many tokens of all tensors, of the heads of a rank.
    fn elements<T>(&self, tensors: &[(Heads, ArrayView4<'_, T>)], tokens: usize, rank: usize) -> usize {
        let of = |(heads, tensor): &(Heads, ArrayView4<'_, T>)| {
            let (batch, _, _, dim) = tensor.dim();
            batch * self.heads(*heads, rank).len() * tokens * dim
        };
        tensors.iter().map(of).sum()
    }

    fn heads(&self, heads: Heads, rank: usize) -> Range<usize> {
        match heads {
            Heads::Query => self.heads.heads(rank),
            Heads::KeyValue => self.heads.kv_heads(rank),
        }
    }

    fn all(&self, heads: Heads) -> usize {
        self.heads(heads, self.heads.ranks() - 1).end
    }
}

/// Elements for or from each rank, but for this one: what stays is not sent.
fn counts(comm: &Communicator, of: impl Fn(usize) -> usize) -> Vec<usize> {
    (0..comm.size()).map(|rank| if rank == comm.rank() { 0 } else { of(rank) }).collect()
}

/// (B, heads, tokens, D) seen as (B, tokens, heads, D).
fn by_tokens<T>(by_heads: ArrayView4<'_, T>) -> ArrayView4<'_, T> {
    by_heads.permuted_axes([0, 2, 1, 3])
}

/// (B, tokens, heads, D) seen as (B, heads, tokens, D).
fn by_heads<T>(by_tokens: Array4<T>) -> Array4<T> {
    by_tokens.permuted_axes([0, 2, 1, 3])
}
