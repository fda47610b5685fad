//! Heads and tokens: two orders of the same elements.
//!
//! ```text
//! lies as  (B, T, n, D)     token 0: head 0, head 1, ...; token 1: head 0, head 1, ...
//! seen as  (B T, n D)       by the projections: a token in each row
//!          (B, n, T, D)     by the attention: a matrix for each head, whose rows are n D elements apart
//! ```

use crate::error::{Error, Result};
use crate::rows;
use ndarray::{ArcArray, Array2, Array4, ArrayView4, CowArray, Ix2, Ix4};

/// How many heads, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Elements of a token.
    pub dim: usize,
    /// H: query heads.
    pub heads: usize,
    /// G: key-value heads. Query head h uses key-value head h / (H / G).
    pub kv_heads: usize,
    /// D: elements of a head. Often, but not always, dim / H.
    pub head_dim: usize,
}

impl Sizes {
    /// Multi-head attention as it was first: G = H and D = dim / H.
    ///
    /// # Errors
    ///
    /// If H doesn't divide dim.
    pub fn new(dim: usize, heads: usize) -> Result<Sizes> {
        if heads == 0 || !dim.is_multiple_of(heads) {
            let expected = format!("a divisor of the dimension, {dim},");
            return Err(Error::Number { what: "the number of heads", given: heads.to_string(), expected });
        }
        let sizes = Sizes { dim, heads, kv_heads: heads, head_dim: dim / heads };
        sizes.check().map(|()| sizes)
    }

    pub(super) fn check(&self) -> Result<()> {
        let Sizes { dim, heads, kv_heads, head_dim } = *self;
        for (what, size) in [
            ("the dimension", dim),
            ("the number of heads", heads),
            ("the number of key-value heads", kv_heads),
            ("the head dimension", head_dim),
        ] {
            if size == 0 {
                return Err(Error::Number { what, given: "0".into(), expected: "at least 1".into() });
            }
        }
        if !heads.is_multiple_of(kv_heads) {
            return Err(Error::Number {
                what: "the number of heads",
                given: heads.to_string(),
                expected: format!("a multiple of the {kv_heads} key-value heads"),
            });
        }
        Ok(())
    }
}

/// Queries, keys and values, turned by their positions if the layer does that.
///
/// In self-attention they are views of one array, which lies as (B, T, H + 2G, D).
#[derive(Clone, Debug, PartialEq)]
pub struct Projected<T> {
    /// (B, H, Tq, D).
    pub query: ArcArray<T, Ix4>,
    /// (B, G, Tk, D).
    pub key: ArcArray<T, Ix4>,
    /// (B, G, Tk, D).
    pub value: ArcArray<T, Ix4>,
}

/// (B T, n D) as (B, n, T, D).
pub(super) fn by_heads<T>(rows: Array2<T>, (batch, tokens): (usize, usize), head_dim: usize) -> Array4<T> {
    let shape = (batch, tokens, rows.ncols() / head_dim, head_dim);
    let rows = rows.into_shape_with_order(shape).expect("(B T, n D) to (B, T, n, D)");
    rows.permuted_axes([0, 2, 1, 3])
}

/// (B, n, T, D) as (B T, n D): a copy only if it doesn't lie as (B, T, n, D).
pub(super) fn by_tokens<T: Clone>(heads: ArrayView4<'_, T>) -> CowArray<'_, T, Ix2> {
    let (batch, count, tokens, head_dim) = heads.dim();
    rows::reshaped(heads.permuted_axes([0, 2, 1, 3]), (batch * tokens, count * head_dim))
}

/// (B, n, T, D), such that it lies as (B, T, n, D): a copy only if it doesn't.
pub(super) fn lying_by_tokens<T: Clone>(heads: Array4<T>) -> Array4<T> {
    let by_tokens = heads.permuted_axes([0, 2, 1, 3]);
    let by_tokens = match by_tokens.is_standard_layout() {
        true => by_tokens,
        false => by_tokens.as_standard_layout().into_owned(),
    };
    by_tokens.permuted_axes([0, 2, 1, 3])
}
