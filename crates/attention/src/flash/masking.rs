//! What a mask and dropout do to a tile of scores, (keys, columns).

use super::QUERIES;
use crate::Dropout;
use crate::mask::{Coverage, HeadMask, Row};
use simd::{Float, vectorised};
use std::ops::Range;

/// The mask and the dropout of one tile of queries.
pub(super) struct Masking<'a, T> {
    mask: HeadMask<'a, T>,
    queries: Range<usize>,
    dropout: Option<Dropout>,
    batch: usize,
}

impl<'a, T: Float> Masking<'a, T> {
    pub(super) fn new(
        mask: HeadMask<'a, T>,
        queries: Range<usize>,
        dropout: Option<Dropout>,
        batch: usize,
    ) -> Self {
        Masking { mask, queries, dropout, batch }
    }

    /// How much of these keys the queries see.
    pub(super) fn coverage(&self, keys: Range<usize>) -> Coverage {
        self.mask.coverage(self.queries.clone(), keys)
    }

    /// Adds to the scores what the mask says, and makes those of unseen pairs -inf.
    pub(super) fn adjust(&self, scores: &mut [T], columns: usize, keys: Range<usize>) {
        if self.mask.is_pairwise() {
            for (j, row) in keys.zip(scores.chunks_exact_mut(columns)) {
                for (i, score) in self.queries.clone().zip(row) {
                    *score = self.mask.adjusted(i, j, *score);
                }
            }
        } else {
            let rows = &self.mask.rows()[self.queries.clone()];
            adjust_intervals(scores, columns, rows, keys.start);
            if let Some(slope) = self.mask.slope() {
                let places: Vec<_> = keys.map(|j| self.mask.key(j)).collect();
                add_alibi(scores, columns, rows, &places, slope);
            }
        }
    }

    /// Drops shares, and makes up for them in the others.
    pub(super) fn drop_out(&self, shares: &mut [T], columns: usize, keys: Range<usize>) {
        let Some(dropout) = self.dropout else { return };
        let rows: Vec<_> = self.queries.clone().map(|i| self.mask.dropout(dropout, self.batch, i)).collect();
        let scale = T::of(dropout.scale());
        for (j, shares) in keys.zip(shares.chunks_exact_mut(columns)) {
            let j = self.mask.key(j);
            for (row, share) in rows.iter().zip(shares) {
                *share = if row.keeps(j) { *share * scale } else { T::zero() };
            }
        }
    }

    /// Whether there is dropout at all.
    pub(super) fn drops(&self) -> bool {
        self.dropout.is_some()
    }

    /// Whether query `column` of the tile sees key j. A column past the last query sees nothing.
    pub(super) fn sees(&self, column: usize, j: usize) -> bool {
        column < self.queries.len() && self.mask.sees(self.queries.start + column, j)
    }
}

/// For masks that are an interval of keys for each query: in vectors.
fn adjust_intervals<T: Float>(scores: &mut [T], columns: usize, rows: &[Row], first_key: usize) {
    // Keys are counted from the tile's first. The columns past the last query see everything: nobody reads
    // them.
    let keys = scores.len() / columns;
    let relative = |key: usize| key.saturating_sub(first_key).min(keys) as u32;
    let (mut starts, mut ends) = ([0; QUERIES], [u32::MAX; QUERIES]);
    for (column, row) in rows.iter().enumerate() {
        (starts[column], ends[column]) = (relative(row.keys.start), relative(row.keys.end));
    }
    vectorised(
        #[inline(always)]
        || {
            for (j, row) in (0..).zip(scores.chunks_exact_mut(columns)) {
                for (score, (&start, &end)) in row.iter_mut().zip(starts.iter().zip(&ends)) {
                    *score = if (start <= j) & (j < end) { *score } else { T::neg_infinity() };
                }
            }
        },
    );
}

/// Adds ALiBi, -slope times the distance, to the scores of keys that stand at these places: in vectors.
fn add_alibi<T: Float>(scores: &mut [T], columns: usize, rows: &[Row], places: &[usize], slope: T) {
    // Places are counted from that of the tile's first key, so that they are exact in f32.
    let relative = |place: isize| T::of(place.saturating_sub(places[0] as isize) as f64);
    let mut positions = [T::zero(); QUERIES];
    for (position, row) in positions.iter_mut().zip(rows) {
        *position = relative(row.position);
    }
    for (&place, scores) in places.iter().zip(scores.chunks_exact_mut(columns)) {
        let key = relative(place as isize);
        vectorised(
            #[inline(always)]
            || {
                for (score, &position) in scores.iter_mut().zip(&positions) {
                    *score -= slope * (position - key).abs();
                }
            },
        );
    }
}
