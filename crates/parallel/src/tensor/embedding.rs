//! The embedding cut up by the vocabulary: a rank has the rows of some tokens.
//!
//! ```text
//! table (V, dim)    rank 0: rows 0 .. V/2        ids [5, 1, 7], V = 8:     rank 0   0      row 1  0
//!                   rank 1: rows V/2 .. V                                  rank 1   row 5  0      row 7
//!                                                                          leave    row 5  row 1  row 7
//! ```
//!
//! Each rank looks up what it has and puts zeros for the rest; exactly one has each row, so the sum is the
//! embedding, to the last bit. The ids are on every rank: they are small.
//!
//! Backward, the gradient of a token goes to the row of its id, on the rank that has it: a token that comes
//! twice adds twice.
//!
//! Cost: that of leaving, [`Edges::leave_costs`]. Saved: the ids.
//!
//! Source: Shoeybi et al., *Megatron-LM*, 2019.

use super::{Edges, Ranks, cut};
use crate::{Float, Result};
use layers::{Parameter, ParameterMut, Parameters};
use ndarray::{ArcArray, Array2, Array3, ArrayView2, Axis, Ix3, s};
use std::ops::Range;

/// Some rows of an embedding, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding<T> {
    /// The rows, (V_r, dim).
    pub rows: Array2<T>,
    /// V: rows of all ranks together.
    vocabulary: usize,
    /// Which of them are here.
    own: Range<usize>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved {
    /// (B, T).
    pub ids: Array2<usize>,
}

impl Saved {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.ids.len() * size_of::<usize>()
    }
}

impl<T: Float> Embedding<T> {
    /// A rank's part of a table (V, dim).
    pub fn from_full(table: ArrayView2<'_, T>, ranks: usize, rank: usize) -> Embedding<T> {
        let own = cut::even(table.nrows(), ranks)[rank].clone();
        Embedding { rows: table.slice(s![own.clone(), ..]).to_owned(), vocabulary: table.nrows(), own }
    }

    /// The table, put together again, on every rank.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks: before anything is sent. If the
    /// world has failed.
    #[track_caller]
    pub fn to_full(&self, ranks: &Ranks<'_>) -> Result<Array2<T>> {
        self.check(ranks)?;
        cut::join(ranks, self.rows.view(), Axis(0), &cut::even(self.vocabulary, ranks.size()))
    }

    /// y (B, T or T_r, dim) of the ids (B, T) of whole sequences, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, there is no row for an id, or
    /// there aren't as many as the edges say: before anything is sent. If the world has failed.
    #[track_caller]
    pub fn forward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        ids: ArrayView2<'_, usize>,
    ) -> Result<(Array3<T>, Saved)> {
        self.check(ranks)?;
        let (batch, tokens) = ids.dim();
        expect_ids(ids, batch, edges.inside(tokens), self.vocabulary)?;
        let mut partial = Array3::zeros((batch, tokens, self.rows.ncols()));
        for (place, id) in ids.indexed_iter().filter(|(_, id)| self.own.contains(id)) {
            partial.slice_mut(s![place.0, place.1, ..]).assign(&self.rows.row(id - self.own.start));
        }
        Ok((edges.leave(ranks, partial)?, Saved { ids: ids.to_owned() }))
    }

    /// The gradient of the rows, given that of y.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if the gradient's shape isn't that
    /// of y, or the world has failed.
    #[track_caller]
    pub fn backward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: Saved,
        gradient: impl Into<ArcArray<T, Ix3>>,
    ) -> Result<Embedding<T>> {
        let gradient = gradient.into();
        self.check(ranks)?;
        edges.expect_gradient(ranks, gradient.shape(), saved.ids.dim(), self.rows.ncols())?;
        let whole = edges.leave_backward(ranks, gradient)?; // (B, T, dim)
        let mut rows = Array2::zeros(self.rows.raw_dim());
        for (place, id) in saved.ids.indexed_iter().filter(|(_, id)| self.own.contains(id)) {
            let mut row = rows.row_mut(id - self.own.start);
            row += &whole.slice(s![place.0, place.1, ..]);
        }
        Ok(Embedding { rows, vocabulary: self.vocabulary, own: self.own.clone() })
    }

    /// That the rows are those of this rank of so many.
    fn check(&self, ranks: &Ranks<'_>) -> Result<()> {
        ranks.check_cut("the range of the vocabulary", &self.own, self.vocabulary)
    }
}

/// That ids are (B, T) and each is below V.
fn expect_ids(ids: ArrayView2<'_, usize>, batch: usize, tokens: usize, vocabulary: usize) -> Result<()> {
    crate::error::expect("the array of ids", ids.shape(), &[batch, tokens], "(B, T), of whole sequences")?;
    super::cross_entropy::expect_below(ids.iter(), "id", vocabulary)
}

impl<T: Float> Parameters<T> for Embedding<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        vec![Parameter { name: "weight".to_owned(), values: self.rows.view().into_dyn() }]
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        vec![ParameterMut { name: "weight".to_owned(), values: self.rows.view_mut().into_dyn() }]
    }
}
