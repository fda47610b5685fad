//! Megatron's conjugate operators, as a value: how activations enter and leave a layer that is cut up among
//! ranks, which is where tensor parallel and sequence parallel differ, and nowhere else.
//!
//! ```text
//!                 outside                  inside                     outside
//! AllReduce       x (B, T, dim) ──f──►     parts of the layer ──f̄──►  y (B, T, dim)       all ranks have all tokens
//! GatherScatter   x (B, T_r, dim) ──g──►   parts of the layer ──ḡ──►  y (B, T_r, dim)     a rank has some of them
//! ```
//!
//! Inside, every rank has all tokens and a part of the layer. Outside, where there are norms and residuals,
//! with `AllReduce` (*tensor parallel*) every rank does the same for all tokens; with `GatherScatter`
//! (*sequence parallel*, in Megatron's sense) each does it for its own, and keeps only those for the backward
//! pass.
//!
//! What ranks do for their own tokens alone gives them a part of the gradient of the parameters that they do
//! it with: see [`Edges::sum_over_shards`].

use super::operators;
use super::{Costs, Ranks, shards};
use crate::Float;
use crate::error::{Result, expect};
use crate::gradients::ALL_REDUCE;
use collectives::{Cost, Layout};
use ndarray::{ArcArray, Array3, ArrayViewMutD, Ix3};

/// Megatron's pairs of conjugate operators, by which activations enter and leave a layer that is cut up among
/// ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edges {
    /// By f and f̄: all ranks have all tokens. Megatron's tensor parallelism.
    AllReduce,
    /// By g and ḡ: rank r has its [shard](Edges::own) of each sequence. Megatron's sequence parallelism.
    GatherScatter {
        /// T, of the whole sequence: a shard doesn't say.
        tokens: usize,
        /// What stays of a gathered input until the backward pass.
        keep: Keep,
    },
}

/// What stays of a gathered input until the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keep {
    /// The shard: the whole is gathered again, which sends as much as the first time. This is what
    /// Korthikanti et al. do (and hide behind a product), and what their formula for memory counts.
    Shard,
    /// The whole: both ways as much is sent as by tensor parallel, and of these inputs as much is kept.
    Whole,
}

impl Edges {
    /// How many of T tokens a rank has outside.
    ///
    /// ```
    /// use parallel::tensor::{Edges, Keep};
    ///
    /// assert_eq!(Edges::AllReduce.own(7, 3, 1), 7);
    /// let edges = Edges::GatherScatter { tokens: 7, keep: Keep::Shard };
    /// assert_eq!([0, 1, 2].map(|rank| edges.own(7, 3, rank)), [3, 2, 2]);
    /// ```
    pub fn own(self, tokens: usize, ranks: usize, rank: usize) -> usize {
        match self {
            Edges::AllReduce => tokens,
            Edges::GatherScatter { .. } => Layout::even(tokens, ranks).len(rank),
        }
    }

    /// How many tokens there are inside: T, if the edges know it.
    pub(super) fn inside(self, tokens: usize) -> usize {
        match self {
            Edges::AllReduce => tokens,
            Edges::GatherScatter { tokens, .. } => tokens,
        }
    }

    /// The whole x, (B, T, dim), for the part of a layer: f or g.
    ///
    /// # Errors
    ///
    /// If the shard isn't that of this rank, or the world has failed.
    #[track_caller]
    pub fn enter<T: Float>(self, ranks: &Ranks<'_>, x: ArcArray<T, Ix3>) -> Result<ArcArray<T, Ix3>> {
        match self {
            Edges::AllReduce => Ok(operators::f(x)),
            // A world of one has the whole, and needs no copy of it.
            Edges::GatherScatter { tokens, .. } if ranks.size() == 1 => {
                expect_tokens(x.shape(), tokens)?;
                Ok(x)
            }
            Edges::GatherScatter { tokens, .. } => {
                Ok(operators::g(ranks.comm(), x.view(), tokens)?.into_shared())
            }
        }
    }

    /// The gradient of x as it was outside, given what this rank's part of the layer says of the whole's, (B,
    /// T, dim): f or g, backward.
    ///
    /// # Errors
    ///
    /// If the gradient isn't of as many tokens as the edges say, or the world has failed.
    #[track_caller]
    pub fn enter_backward<T: Float>(self, ranks: &Ranks<'_>, gradient: Array3<T>) -> Result<Array3<T>> {
        self.expect_whole("the partial gradient", gradient.shape())?;
        match self {
            Edges::AllReduce => operators::f_backward(ranks.comm(), gradient),
            Edges::GatherScatter { .. } if ranks.size() == 1 => Ok(gradient),
            Edges::GatherScatter { .. } => operators::g_backward(ranks.comm(), gradient.view()),
        }
    }

    /// y as it is outside, the sum of the ranks' partial results (B, T, dim): f̄ or ḡ.
    ///
    /// # Errors
    ///
    /// If the partial result isn't of as many tokens as the edges say, or the world has failed.
    #[track_caller]
    pub fn leave<T: Float>(self, ranks: &Ranks<'_>, partial: Array3<T>) -> Result<Array3<T>> {
        self.expect_whole("the partial result", partial.shape())?;
        match self {
            Edges::AllReduce => operators::f_bar(ranks.comm(), partial),
            Edges::GatherScatter { .. } if ranks.size() == 1 => Ok(partial),
            Edges::GatherScatter { .. } => operators::g_bar(ranks.comm(), partial.view()),
        }
    }

    /// The gradient of each partial result, (B, T, dim), given that of y as it is outside.
    ///
    /// # Errors
    ///
    /// If the shard isn't that of this rank, or the world has failed.
    #[track_caller]
    pub fn leave_backward<T: Float>(
        self,
        ranks: &Ranks<'_>,
        gradient: ArcArray<T, Ix3>,
    ) -> Result<ArcArray<T, Ix3>> {
        match self {
            Edges::AllReduce => Ok(operators::f_bar_backward(gradient)),
            Edges::GatherScatter { tokens, .. } if ranks.size() == 1 => {
                expect_tokens(gradient.shape(), tokens)?;
                Ok(gradient)
            }
            Edges::GatherScatter { tokens, .. } => {
                Ok(operators::g_bar_backward(ranks.comm(), gradient.view(), tokens)?.into_shared())
            }
        }
    }

    /// What is kept of an input: x as it was outside, or the whole that entered.
    pub(super) fn kept<T>(self, x: ArcArray<T, Ix3>, whole: ArcArray<T, Ix3>) -> ArcArray<T, Ix3> {
        match self {
            Edges::GatherScatter { keep: Keep::Shard, .. } => x,
            _ => whole,
        }
    }

    /// The whole that entered, from what was kept of it.
    #[track_caller]
    pub(super) fn again<T: Float>(
        self,
        ranks: &Ranks<'_>,
        kept: ArcArray<T, Ix3>,
    ) -> Result<ArcArray<T, Ix3>> {
        match self {
            Edges::GatherScatter { keep: Keep::Shard, .. } => self.enter(ranks, kept),
            _ => Ok(kept),
        }
    }

    /// Adds up, in one all-reduce, the gradients of parameters that every rank has and uses for the tokens
    /// that it has outside: norms, and biases after a sum. With `AllReduce` those are all tokens, the
    /// gradients are complete, and nothing is sent.
    ///
    /// To add is right, to average isn't: a parameter's gradient is a sum over tokens.
    ///
    /// # Errors
    ///
    /// If the world has failed.
    #[track_caller]
    pub fn sum_over_shards<T: Float>(
        self,
        ranks: &Ranks<'_>,
        gradients: Vec<ArrayViewMutD<'_, T>>,
    ) -> Result<()> {
        match self {
            Edges::AllReduce => Ok(()),
            Edges::GatherScatter { .. } => crate::gradients::sum_arrays(ranks.comm(), gradients),
        }
    }

    /// What a rank sends where x (B, T, dim) enters.
    pub fn enter_costs(self, x: [usize; 3], ranks: usize, rank: usize) -> Costs {
        match self {
            Edges::AllReduce => {
                let backward = ALL_REDUCE.cost(ranks, rank, x.iter().product());
                Costs { forward: Cost::default(), backward }
            }
            Edges::GatherScatter { keep, .. } => {
                let gather = shards::gather_cost(x, ranks, rank);
                let again = if keep == Keep::Shard { gather } else { Cost::default() };
                let backward = again.then(shards::scatter_sum_cost(x, ranks, rank));
                Costs { forward: gather, backward }
            }
        }
    }

    /// What a rank sends where y (B, T, dim) leaves.
    pub fn leave_costs(self, y: [usize; 3], ranks: usize, rank: usize) -> Costs {
        match self {
            Edges::AllReduce => {
                let forward = ALL_REDUCE.cost(ranks, rank, y.iter().product());
                Costs { forward, backward: Cost::default() }
            }
            Edges::GatherScatter { .. } => Costs {
                forward: shards::scatter_sum_cost(y, ranks, rank),
                backward: shards::gather_cost(y, ranks, rank),
            },
        }
    }

    /// What a rank sends to [add up](Edges::sum_over_shards) gradients of so many elements.
    pub fn sum_over_shards_cost(self, elements: usize, ranks: usize, rank: usize) -> Cost {
        match self {
            Edges::GatherScatter { .. } if elements > 0 => ALL_REDUCE.cost(ranks, rank, elements),
            _ => Cost::default(),
        }
    }

    /// That what is inside has all tokens, if the edges know how many those are.
    fn expect_whole(self, what: &'static str, whole: &[usize]) -> Result<()> {
        let expected = [whole[0], self.inside(whole[1]), whole[2]];
        expect(what, whole, &expected, "(B, T, dim), T as the edges say")
    }

    /// The shape of what this rank has outside, of x or y (B, T, dim).
    fn outside(self, ranks: &Ranks<'_>, [batch, tokens, dim]: [usize; 3]) -> [usize; 3] {
        [batch, self.own(self.inside(tokens), ranks.size(), ranks.rank()), dim]
    }

    /// That x is what this rank has outside, of so many elements a token.
    pub(super) fn expect_x(self, ranks: &Ranks<'_>, x: &[usize], dim: usize) -> Result<()> {
        let expected = self.outside(ranks, [x[0], x[1], dim]);
        expect("x", x, &expected, "(B, tokens of this rank, dim), as the layer and the edges say")
    }

    /// That a gradient is that of y as it is outside, when (B, T or T_r) of the input are these.
    pub(super) fn expect_gradient(
        self,
        ranks: &Ranks<'_>,
        gradient: &[usize],
        (batch, tokens): (usize, usize),
        dim: usize,
    ) -> Result<()> {
        let expected = self.outside(ranks, [batch, tokens, dim]);
        expect("the gradient", gradient, &expected, "(B, tokens of this rank, dim), as the output")
    }
}

/// That x of a world of one is the whole.
fn expect_tokens(x: &[usize], tokens: usize) -> Result<()> {
    expect("the shard", x, &[x[0], tokens, x[2]], "(B, T, dim): one rank has all tokens")
}
