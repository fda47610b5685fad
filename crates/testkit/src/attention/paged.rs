//! Attention over pages as an [`AttentionGear`]: whatever keys and values it is given, it puts into pages
//! first.
//!
//! ```text
//! keys of sequence 0:  0 1 2 | 3 4 .        pool:  ☠ ☠ ☠ | 3'4'☠ | 0'1'2'| ☠ ☠ ☠ | 3 4 ☠ | 0 1 2
//!             and 1:   0'1'2'| 3'4'.        tables: [5, 4, 3], [2, 1, 0]: each with a page to spare
//! ```
//!
//! The pages lie in the pool from the last to the first, and where nothing was put there is NaN: who reads a
//! row past the end of a sequence, or a page that isn't its own, is found.

use super::{AttentionGear, Case};
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::paged::{PagedKeyValues, forward};
use attention::{Algorithm, Options, Result, Shape};
use ndarray::{Array4, ArrayView4, Axis, s};
use parallel::Float;

/// [`attention::paged`] with pages of so many keys. Its backward pass is flash's: pages are for decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paged {
    /// Keys to a page.
    pub page_size: usize,
}

impl AttentionGear for Paged {
    /// Documents are packed in one sequence, which a cache doesn't do.
    fn supports(&self, case: &Case) -> bool {
        case.mask.documents.is_none()
    }

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
        let shape = Shape::of(query, key, value)?;
        // Here the last query stands at the last key, unless an offset says otherwise.
        let at_end = shape.keys as isize - shape.queries as isize;
        let rows = options.mask.resolve(&shape)?;
        let offset = rows.rows().first().map_or(0, |row| row.position) - at_end;
        let options = Options { mask: options.mask.clone().offset(offset), ..options.clone() };

        let pages = shape.keys.div_ceil(self.page_size) + 1;
        let tables: Vec<usize> = (0..shape.batch * pages).rev().collect();
        let (keys, values) = (self.pool(key, &tables), self.pool(value, &tables));
        let key_values = PagedKeyValues {
            keys: keys.view(),
            values: values.view(),
            tables: tables.chunks(pages).collect(),
            lengths: vec![shape.keys; shape.batch],
        };
        forward(query, &key_values, &options)
    }

    fn backward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        Algorithm::Flash.backward(query, key, value, upstream, options)
    }
}

impl Paged {
    /// Rows (B, G, Tk, D) in pages (pages, G, page_size, D).
    fn pool<T: Float>(&self, rows: ArrayView4<'_, T>, tables: &[usize]) -> Array4<T> {
        let (batch, heads, _, dim) = rows.dim();
        let mut pool = Array4::from_elem((tables.len(), heads, self.page_size, dim), T::nan());
        for b in 0..batch {
            let table = &tables[b * tables.len() / batch..];
            let of_sequence = rows.index_axis(Axis(0), b);
            for (&page, rows) in table.iter().zip(of_sequence.axis_chunks_iter(Axis(1), self.page_size)) {
                pool.slice_mut(s![page, .., ..rows.len_of(Axis(1)), ..]).assign(&rows);
            }
        }
        pool
    }
}
