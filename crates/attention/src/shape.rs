//! The sizes of one attention, checked once at the door.

use crate::{Error, Result};
use ndarray::ArrayView4;

/// The sizes of one attention; the letters are those of the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// B: sequences side by side.
    pub batch: usize,
    /// H: query heads.
    pub heads: usize,
    /// G: key-value heads. Query head h uses key-value head h / (H / G).
    pub kv_heads: usize,
    /// Tq: queries in a sequence.
    pub queries: usize,
    /// Tk: keys in a sequence.
    pub keys: usize,
    /// D: elements of a query and of a key.
    pub head_dim: usize,
    /// E: elements of a value and of an output.
    pub value_dim: usize,
}

impl Shape {
    /// The shape of an attention of `query` (B, H, Tq, D) over `key` (B, G, Tk, D) and `value` (B, G, Tk, E).
    ///
    /// # Errors
    ///
    /// If they don't fit each other.
    pub fn of<T>(
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
    ) -> Result<Shape> {
        Shape::new(query.dim(), key.dim(), value.dim())
    }

    /// The shape of an attention of queries, keys and values of these shapes.
    pub(crate) fn new(query: Dim, key: Dim, value: Dim) -> Result<Shape> {
        let (batch, heads, queries, head_dim) = query;
        let (_, kv_heads, keys, _) = key;
        let value_dim = value.3;
        let expected = [batch, kv_heads, keys, head_dim];
        expect("key", &list(key), &expected, "the queries' batch and head dimension")?;
        let expected = [batch, kv_heads, keys, value_dim];
        expect("value", &list(value), &expected, "there is one value for each key")?;
        if heads != 0 && (kv_heads == 0 || heads % kv_heads != 0) {
            return Err(Error::Heads { query: list(query).to_vec(), key: list(key).to_vec() });
        }
        let dimension = |what, size: usize| match size {
            0 => Err(Error::Number { what, given: "0".into(), expected: "at least 1" }),
            _ => Ok(()),
        };
        dimension("the head dimension", head_dim)?;
        dimension("the value dimension", value_dim)?;
        Ok(Shape { batch, heads, kv_heads, queries, keys, head_dim, value_dim })
    }

    /// Query heads to one key-value head: 1 in multi-head attention, H in multi-query attention.
    pub fn group(&self) -> usize {
        self.heads.checked_div(self.kv_heads).unwrap_or(1)
    }

    /// The key-value head of a query head.
    pub fn kv_head(&self, head: usize) -> usize {
        head / self.group()
    }

    /// The shape of the output: (B, H, Tq, E).
    pub fn output(&self) -> [usize; 4] {
        [self.batch, self.heads, self.queries, self.value_dim]
    }

    /// Floating-point operations of a forward pass in which every query sees every key: two products, and a
    /// multiplication and an addition for each of their terms.
    pub fn flops(&self) -> usize {
        2 * self.batch * self.heads * self.queries * self.keys * (self.head_dim + self.value_dim)
    }
}

/// Four sizes, as ndarray gives them.
type Dim = (usize, usize, usize, usize);

fn list((a, b, c, d): Dim) -> [usize; 4] {
    [a, b, c, d]
}

/// That an argument's shape is what it must be.
pub(crate) fn expect(
    argument: &'static str,
    shape: &[usize],
    expected: &[usize],
    because: &'static str,
) -> Result<()> {
    match shape == expected {
        true => Ok(()),
        false => Err(Error::Shape { argument, shape: shape.to_vec(), expected: expected.to_vec(), because }),
    }
}
