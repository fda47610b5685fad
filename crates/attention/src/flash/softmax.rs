//! The online softmax of a tile of columns (Milakov & Gimelshein, *Online normalizer calculation for
//! softmax*, 2018).
//!
//! For each column (a query) the greatest score so far, m, and the sum of exp(s - m) so far, l. When a
//! greater score comes, what was summed relative to the old m is multiplied by exp(m_old - m).
//!
//! Invariant: l and the column's outputs are those of the keys seen so far, divided by exp(m).

use super::LANES;
use simd::{Float, exp_nonpositive, vectorised};

/// The softmax so far, for each column.
pub(super) struct Running<T> {
    max: Vec<T>,
    sum: Vec<T>,
    /// What the last [`advance`](Self::advance) asks outputs to be multiplied by.
    factor: Vec<T>,
    columns: usize,
}

impl<T: Float> Running<T> {
    pub(super) fn new(columns: usize) -> Self {
        let zeros = vec![T::zero(); columns];
        Running { max: zeros.clone(), sum: zeros.clone(), factor: zeros, columns }
    }

    /// No keys yet, for so many columns.
    pub(super) fn begin(&mut self, columns: usize) {
        self.columns = columns;
        self.max[..columns].fill(T::neg_infinity());
        self.sum[..columns].fill(T::zero());
    }

    /// Takes in the scores of some keys, (keys, columns), and replaces them by exp(s - m). Answers whether a
    /// maximum has grown, so that outputs must be rescaled.
    pub(super) fn advance(&mut self, scores: &mut [T]) -> bool {
        let columns = self.columns;
        let (max, sum, factor) =
            (&mut self.max[..columns], &mut self.sum[..columns], &mut self.factor[..columns]);
        vectorised(
            #[inline(always)]
            || {
                let state = max.chunks_exact_mut(LANES).zip(sum.chunks_exact_mut(LANES));
                let mut grown = false;
                for ((lane, (max, sum)), factor) in state.enumerate().zip(factor.chunks_exact_mut(LANES)) {
                    grown |= advance_lanes(scores, columns, lane * LANES, max, sum, factor);
                }
                grown
            },
        )
    }

    /// Multiplies outputs, (E, columns), by what the last [`advance`](Self::advance) found.
    pub(super) fn rescale(&self, output: &mut [T]) {
        multiply_columns(output, &self.factor[..self.columns]);
    }

    /// Divides outputs, (E, columns), by the sums, and writes the log-sum-exp of the first columns. A column
    /// that has seen no key gets zeros and -inf.
    pub(super) fn finish(&mut self, output: &mut [T], lse: &mut [T]) {
        let sums = self.sum.iter().zip(&self.max);
        for (lse, (&sum, &max)) in lse.iter_mut().zip(sums) {
            *lse = max + sum.ln(); // nothing seen: -inf + -inf
        }
        for (factor, &sum) in self.factor.iter_mut().zip(&self.sum) {
            *factor = if sum == T::zero() { T::zero() } else { T::one() / sum };
        }
        multiply_columns(output, &self.factor[..self.columns]);
    }
}

/// [`Running::advance`] for as many columns as fit in registers.
#[inline(always)]
fn advance_lanes<T: Float>(
    scores: &mut [T],
    columns: usize,
    first: usize,
    max: &mut [T],
    sum: &mut [T],
    factor: &mut [T],
) -> bool {
    let mut greatest = [T::neg_infinity(); LANES];
    for row in scores.chunks_exact(columns) {
        for (greatest, &s) in greatest.iter_mut().zip(&row[first..first + LANES]) {
            *greatest = if s > *greatest { s } else { *greatest };
        }
    }
    let mut grown = false;
    let mut shift = [T::zero(); LANES];
    let mut total = [T::zero(); LANES];
    for lane in 0..LANES {
        let new = if greatest[lane] > max[lane] { greatest[lane] } else { max[lane] };
        // Where nothing has been seen yet, any finite number does: exp(-inf - 0) is 0.
        shift[lane] = if new == T::neg_infinity() { T::zero() } else { new };
        factor[lane] = exp_nonpositive(max[lane] - shift[lane]);
        total[lane] = sum[lane] * factor[lane];
        grown |= new != max[lane];
        max[lane] = new;
    }
    for row in scores.chunks_exact_mut(columns) {
        let row = &mut row[first..first + LANES];
        for lane in 0..LANES {
            let share = exp_nonpositive(row[lane] - shift[lane]);
            row[lane] = share;
            total[lane] += share;
        }
    }
    sum.copy_from_slice(&total);
    grown
}

/// Multiplies each row by the factors.
fn multiply_columns<T: Float>(rows: &mut [T], factors: &[T]) {
    vectorised(
        #[inline(always)]
        || {
            for row in rows.chunks_exact_mut(factors.len()) {
                for (x, &factor) in row.iter_mut().zip(factors) {
                    *x *= factor;
                }
            }
        },
    );
}
