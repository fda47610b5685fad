//! The attention of which a rank computes a part.

use crate::{Float, Result};
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::mask::{Part, Places};
use attention::{Algorithm, Options, Shape};
use ndarray::ArrayView4;

/// The attention of which a rank computes a part: all that the caller said of it.
pub(crate) struct Whole<'a, 'o, T> {
    /// Of the whole.
    pub(crate) options: &'a Options<'o, T>,
    pub(crate) algorithm: Algorithm,
    /// The rank's first query head.
    pub(crate) first_head: usize,
    /// H.
    pub(crate) heads: usize,
    /// T.
    pub(crate) tokens: usize,
}

/// Keys and values, (B, G, tokens, D) and (B, G, tokens, E), of these tokens of the whole.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a, T> {
    pub(crate) tokens: &'a [usize],
    pub(crate) key: ArrayView4<'a, T>,
    pub(crate) value: ArrayView4<'a, T>,
}

impl<T: Float> Whole<'_, '_, T> {
    /// The attention of queries that stand at these places over some of the keys.
    pub(crate) fn forward(
        &self,
        queries: &[usize],
        query: ArrayView4<'_, T>,
        keys: Keys<'_, T>,
    ) -> Result<Attended<T>> {
        let options = self.options(queries, keys.tokens);
        Ok(self.algorithm.forward(query, keys.key, keys.value, &options)?)
    }

    /// The part of the gradients that these keys have.
    pub(crate) fn backward(
        &self,
        queries: &[usize],
        query: ArrayView4<'_, T>,
        keys: Keys<'_, T>,
        upstream: Upstream<'_, T>,
    ) -> Result<Gradients<T>> {
        let options = self.options(queries, keys.tokens);
        Ok(self.algorithm.backward(query, keys.key, keys.value, upstream, &options)?)
    }

    /// Whether any of these queries may see any of these keys. If not there is nothing to compute.
    pub(crate) fn sees_any(
        &self,
        queries: &[usize],
        query: ArrayView4<'_, T>,
        keys: Keys<'_, T>,
    ) -> Result<bool> {
        let shape = Shape::of(query, keys.key, keys.value)?;
        let options = self.options(queries, keys.tokens);
        let mask = options.mask.resolve(&shape)?;
        Ok(!mask.span(0..shape.queries).is_empty())
    }

    fn options<'b>(&'b self, queries: &'b [usize], keys: &'b [usize]) -> Options<'b, T> {
        let part = Part {
            first_head: self.first_head,
            heads: self.heads,
            queries: places(queries, self.tokens),
            keys: places(keys, self.tokens),
        };
        let &Options { ref mask, scale, dropout, threads } = self.options;
        Options { mask: mask.view().part(part), scale, dropout, threads }
    }
}

/// Which part of it a rank computes is not the caller's to say.
pub(crate) fn check_mask<T>(options: &Options<'_, T>) -> Result<()> {
    let (given, expected) = ("that of a part".into(), "that of the whole sequence".into());
    match options.mask.is_part() {
        true => Err(layers::Error::Number { what: "the mask", given, expected }.into()),
        false => Ok(()),
    }
}

/// Tokens in ascending order are all of them if there are as many.
fn places(tokens: &[usize], of: usize) -> Places<'_> {
    if tokens.len() == of { Places::All } else { Places::Some { at: tokens, of } }
}
