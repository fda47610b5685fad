//! Attention over a paged key-value cache (Kwon et al., *Efficient Memory Management for LLM Serving with
//! PagedAttention*, 2023).
//!
//! ```text
//!  pool of pages    ┌────┬────┬────┬────┬────┬────┐
//!  (page_size keys  │ b2 │ a0 │ b0 │    │ a1 │ b1 │     any page can belong to any sequence
//!  and values each) └────┴────┴────┴────┴────┴────┘
//!                     0    1    2    3    4    5
//!
//!  block tables     a: [1, 4]        its keys 0 .. page_size in page 1, the next in page 4
//!                   b: [2, 5, 0]
//! ```
//!
//! A server doesn't know how long a sequence will become; reserving the most for each wastes most of the
//! memory. With pages a sequence grows by one when it needs one. The attention is that of
//! [`split`](crate::split): a piece of keys comes in several runs, a page each, and each run is a product of
//! its own. Nothing is copied.

#[cfg(test)]
mod tests;

use crate::algorithm::Attended;
use crate::mask::{HeadMask, Resolved};
use crate::shape::expect;
use crate::split::{Source, attend};
use crate::{Error, Options, Result, Shape};
use ndarray::{ArrayView2, ArrayView4, s};
use simd::Float;
use std::ops::Range;

/// Keys and values in pages, and where those of each sequence are.
#[derive(Clone, Debug)]
pub struct PagedKeyValues<'a, T> {
    /// (pages, G, page_size, D).
    pub keys: ArrayView4<'a, T>,
    /// (pages, G, page_size, E).
    pub values: ArrayView4<'a, T>,
    /// For each sequence its pages, in order. There may be more than its keys need.
    pub tables: Vec<&'a [usize]>,
    /// For each sequence how many keys it has.
    pub lengths: Vec<usize>,
}

/// The attention of `query` (B, H, Tq, D) over the keys and values of each sequence.
///
/// The queries are the *last* Tq tokens of their sequence: query 0 stands at key length - Tq, plus the mask's
/// offset. Masks are otherwise as everywhere; what has the shape of the scores must fit every sequence,
/// whatever its length.
///
/// # Errors
///
/// If shapes don't fit each other or the options; if a block table is too short, or names a page that doesn't
/// exist.
pub fn forward<T: Float>(
    query: ArrayView4<'_, T>,
    key_values: &PagedKeyValues<'_, T>,
    options: &Options<'_, T>,
) -> Result<Attended<T>> {
    let shape = key_values.shape(query)?;
    options.mask.check_batch(shape.batch)?;
    if options.mask.is_part() {
        let (given, expected) = ("that of a part".into(), "that of the whole");
        return Err(Error::Number { what: "the mask", given, expected });
    }
    let mut masks = Vec::with_capacity(shape.batch);
    let of_sequences: Vec<_> = (0..shape.batch)
        .map(|b| options.mask.of_sequence(b, key_values.lengths[b] as isize - shape.queries as isize))
        .collect();
    for (mask, &keys) in of_sequences.iter().zip(&key_values.lengths) {
        masks.push(mask.resolve(&Shape { batch: 1, keys, ..shape })?);
    }
    Ok(attend(query, &Paged { key_values, masks }, &shape, options))
}

impl<T: Float> PagedKeyValues<'_, T> {
    /// How many keys and values are in a page.
    pub fn page_size(&self) -> usize {
        self.keys.dim().2
    }

    /// The shape of an attention over this; its keys are those of the longest sequence.
    fn shape(&self, query: ArrayView4<'_, T>) -> Result<Shape> {
        let (batch, .., head_dim) = query.dim();
        let (pages, kv_heads, page_size, _) = self.keys.dim();
        let because = "keys and values are in the same pages, and as long as the queries";
        expect("the pool of keys", self.keys.shape(), &[pages, kv_heads, page_size, head_dim], because)?;
        let value_dim = self.values.dim().3;
        expect("the pool of values", self.values.shape(), &[pages, kv_heads, page_size, value_dim], because)?;
        let because = "one for each sequence of the queries";
        expect("the list of block tables", &[self.tables.len()], &[batch], because)?;
        expect("the list of lengths", &[self.lengths.len()], &[batch], because)?;
        for (&table, &length) in self.tables.iter().zip(&self.lengths) {
            let needed = match page_size {
                0 if length > 0 => {
                    return Err(Error::BlockTable { pages: table.len(), page_size, keys: length });
                }
                0 => 0,
                _ => length.div_ceil(page_size),
            };
            if table.len() < needed {
                return Err(Error::BlockTable { pages: table.len(), page_size, keys: length });
            }
            if let Some(&index) = table[..needed].iter().find(|&&page| page >= pages) {
                return Err(Error::Index { what: "page", index, count: pages });
            }
        }
        // The rest is as for keys and values that lie together.
        let keys = self.lengths.iter().copied().max().unwrap_or(0);
        let sizes = |dim| (batch, kv_heads, keys, dim);
        Shape::new(query.dim(), sizes(head_dim), sizes(value_dim))
    }
}

/// As a source of keys and values for [`attend`].
struct Paged<'a, 'b, 'm, T> {
    key_values: &'a PagedKeyValues<'b, T>,
    /// One for each sequence.
    masks: Vec<Resolved<'m, T>>,
}

impl<T: Float> Source<T> for Paged<'_, '_, '_, T> {
    fn keys(&self, batch: usize) -> usize {
        self.key_values.lengths[batch]
    }

    fn mask(&self, batch: usize, head: usize) -> HeadMask<'_, T> {
        self.masks[batch].head(0, head)
    }

    fn runs(
        &self,
        batch: usize,
        kv_head: usize,
        keys: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, ArrayView2<'_, T>, ArrayView2<'_, T>)> + Clone {
        let PagedKeyValues { keys: key_pool, values, tables, .. } = self.key_values;
        let page_size = self.key_values.page_size();
        let pages = keys.start / page_size..keys.end.div_ceil(page_size);
        pages.map(move |index| {
            let page = tables[batch][index];
            let run = keys.start.max(index * page_size)..keys.end.min((index + 1) * page_size);
            let within = run.start - index * page_size..run.end - index * page_size;
            let key = key_pool.slice(s![page, kv_head, within.clone(), ..]);
            let value = values.slice(s![page, kv_head, within, ..]);
            (run, key, value)
        })
    }
}
