//! The ladder as a value: a user swaps one attention for another by its name.

use crate::shape::expect;
use crate::{Options, Result, Shape, blocked, flash, naive, split};
use ndarray::{Array3, Array4, ArrayView3, ArrayView4};
use simd::Float;

/// What a forward pass computes.
#[derive(Clone, Debug, PartialEq)]
pub struct Attended<T> {
    /// (B, H, Tq, E). A query that sees no key gets zeros.
    pub output: Array4<T>,
    /// (B, H, Tq): the logarithm of the sum of exp of a query's scores, before dropout: -inf for a query that
    /// sees no key, NaN if a score is +inf or NaN. The backward pass needs it, and so does who merges
    /// attentions over parts of the keys.
    pub lse: Array3<T>,
}

/// What a backward pass computes.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T> {
    /// (B, H, Tq, D).
    pub query: Array4<T>,
    /// (B, G, Tk, D): summed over the query heads that share a key-value head.
    pub key: Array4<T>,
    /// (B, G, Tk, E).
    pub value: Array4<T>,
}

/// What a backward pass needs to know of the forward pass: its result and the gradient of that.
///
/// `output` and `lse` may be those of an attention over more keys than the backward pass is called with (as
/// on one rank of many): the gradients are then the part that these keys have in it.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a, T> {
    /// The gradient of the output, (B, H, Tq, E).
    pub gradient: ArrayView4<'a, T>,
    /// The output, (B, H, Tq, E).
    pub output: ArrayView4<'a, T>,
    /// The log-sum-exp of the scores, (B, H, Tq).
    pub lse: ArrayView3<'a, T>,
}

impl<T> Upstream<'_, T> {
    /// The same, for as long as this is borrowed.
    pub fn view(&self) -> Upstream<'_, T> {
        let Upstream { gradient, output, lse } = self;
        Upstream { gradient: gradient.view(), output: output.view(), lse: lse.view() }
    }

    /// That its shapes are those of an attention of this shape.
    pub(crate) fn check(&self, shape: &Shape) -> Result<()> {
        let because = "(B, H, Tq, E), as the queries and values say";
        expect("the gradient of the output", self.gradient.shape(), &shape.output(), because)?;
        expect("the output", self.output.shape(), &shape.output(), because)?;
        let because = "(B, H, Tq), as the queries say";
        expect("the log-sum-exp", self.lse.shape(), &[shape.batch, shape.heads, shape.queries], because)
    }
}

impl<T> Attended<T> {
    /// For a backward pass with this gradient of the output.
    pub fn upstream<'a>(&'a self, gradient: ArrayView4<'a, T>) -> Upstream<'a, T> {
        Upstream { gradient, output: self.output.view(), lse: self.lse.view() }
    }
}

/// An attention, simplest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// [`naive`].
    Naive,
    /// [`blocked`].
    Blocked,
    /// [`flash`].
    Flash,
    /// [`split`]; backward, where there is nothing to split for, it is [`flash`].
    Split,
}

impl Algorithm {
    /// All of them, simplest first.
    pub const ALL: &'static [Algorithm] =
        &[Algorithm::Naive, Algorithm::Blocked, Algorithm::Flash, Algorithm::Split];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Naive => "naive",
            Algorithm::Blocked => "blocked",
            Algorithm::Flash => "flash",
            Algorithm::Split => "split",
        }
    }

    /// The attention of `query` (B, H, Tq, D) over `key` (B, G, Tk, D) and `value` (B, G, Tk, E).
    ///
    /// # Errors
    ///
    /// If shapes don't fit each other or the options.
    pub fn forward<T: Float>(
        self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Attended<T>> {
        match self {
            Algorithm::Naive => naive::forward(query, key, value, options),
            Algorithm::Blocked => blocked::forward(query, key, value, options),
            Algorithm::Flash => flash::forward(query, key, value, options),
            Algorithm::Split => split::forward(query, key, value, options),
        }
    }

    /// The gradients, given that of the output.
    ///
    /// # Errors
    ///
    /// If shapes don't fit each other or the options.
    pub fn backward<T: Float>(
        self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        match self {
            Algorithm::Naive => naive::backward(query, key, value, upstream, options),
            Algorithm::Blocked => blocked::backward(query, key, value, upstream, options),
            Algorithm::Flash | Algorithm::Split => flash::backward(query, key, value, upstream, options),
        }
    }
}
