//! A tensor as rows that lie one after the other. An array's index of four axes is a loop, at the tests' level of
//! optimisation a slow one, and oracle and mutants do little else than to index.

use ndarray::{Array4, ArrayView4};

/// A tensor (B, H, T, D), row by row.
pub(super) struct Rows<T> {
    elements: Vec<T>,
    dim: (usize, usize, usize, usize),
}

impl<T: Copy> Rows<T> {
    pub(super) fn of(tensor: ArrayView4<'_, T>) -> Self {
        Self { elements: tensor.iter().copied().collect(), dim: tensor.dim() }
    }

    /// All elements the same.
    pub(super) fn filled(dim: (usize, usize, usize, usize), element: T) -> Self {
        Self { elements: vec![element; dim.0 * dim.1 * dim.2 * dim.3], dim }
    }

    pub(super) fn dim(&self) -> (usize, usize, usize, usize) {
        self.dim
    }

    pub(super) fn at(&self, b: usize, h: usize, i: usize) -> &[T] {
        &self.elements[self.place(b, h, i)]
    }

    pub(super) fn at_mut(&mut self, b: usize, h: usize, i: usize) -> &mut [T] {
        let place = self.place(b, h, i);
        &mut self.elements[place]
    }

    pub(super) fn into_array(self) -> Array4<T> {
        Array4::from_shape_vec(self.dim, self.elements).expect("as many elements")
    }

    fn place(&self, b: usize, h: usize, i: usize) -> std::ops::Range<usize> {
        let (batch, heads, rows, dim) = self.dim;
        assert!(b < batch && h < heads && i < rows, "({b}, {h}, {i}) of {:?}", self.dim);
        let start = ((b * heads + h) * rows + i) * dim;
        start..start + dim
    }
}
