//! A softmax of some numbers that can be merged with the softmax of others.
//!
//! ```text
//!   of some numbers     of others                 of all
//!   ┌──────┬──────┐   ┌──────┬──────┐     m = max(m₁, m₂)
//!   │  m₁  │  l₁  │ + │  m₂  │  l₂  │     l = l₁ exp(m₁ - m) + l₂ exp(m₂ - m)
//!   └──────┴──────┘   └──────┴──────┘
//!    m the maximum, l the sum of exp(x - m)
//! ```
//!
//! That is all that a softmax has to know of the numbers, and no exponent is ever above 0: nothing overflows.
//! To merge commutes, has an identity (no numbers: m = -inf, l = 0), and is associative but for rounding. So
//! the numbers may come one at a time ([`softmax::online`](crate::softmax)), in blocks of keys
//! ([`blocked`](crate::blocked)), from threads or from other ranks, in any order.
//!
//! [`merge_attended`] does the same for attention, where each sum comes with an output.
//!
//! Sources: Milakov & Gimelshein, *Online normalizer calculation for softmax*, 2018; Rabe & Staats,
//! *Self-attention Does Not Need O(n²) Memory*, 2021.

#[cfg(test)]
mod tests;

use crate::shape::expect;
use crate::{Error, Float, Result};
use ndarray::{ArrayView, ArrayViewMut, RemoveAxis, Zip};

/// What a softmax has to know of some numbers.
///
/// ```
/// use attention::partial::Partial;
///
/// let left = [1.0, 2.0].into_iter().fold(Partial::identity(), Partial::push);
/// let right = [1000.0].into_iter().fold(Partial::identity(), Partial::push);
/// let all = left.merge(right);
/// assert_eq!(all.log_sum_exp(), 1000.0);
/// assert_eq!(all.share(1000.0), 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Partial<T> {
    /// The greatest number so far, NaN not counted; -inf if there is none.
    pub max: T,
    /// The sum of exp(x - max). NaN if there was one.
    pub sum: T,
}

impl<T: Float> Partial<T> {
    /// Of no numbers.
    pub fn identity() -> Self {
        Partial { max: T::neg_infinity(), sum: T::zero() }
    }

    /// Of one number. -inf counts for nothing, since exp(-inf) is 0.
    pub fn of(x: T) -> Self {
        if x.is_nan() {
            Partial { max: T::neg_infinity(), sum: x }
        } else {
            Partial { max: x, sum: if x == T::neg_infinity() { T::zero() } else { T::one() } }
        }
    }

    /// With one number more.
    #[must_use]
    pub fn push(self, x: T) -> Self {
        self.merge(Partial::of(x))
    }

    /// Of the numbers of both.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let max = self.max.max(other.max);
        Partial { max, sum: self.sum * factor(self.max, max) + other.sum * factor(other.max, max) }
    }

    /// The logarithm of the sum of exp: -inf if there is nothing to sum, +inf if a number is +inf.
    pub fn log_sum_exp(&self) -> T {
        self.max + self.sum.ln()
    }

    /// The share of one of the numbers in the sum: exp(x) / the sum of exp. If all are -inf, 0; if one is
    /// +inf or NaN, NaN.
    pub fn share(&self, x: T) -> T {
        (x - self.shift()).exp() * self.scale()
    }

    /// What is subtracted from numbers before exp is taken: the maximum, or if that is -inf the lowest finite
    /// number, so that -inf - shift is -inf.
    pub(crate) fn shift(&self) -> T {
        self.max.max(T::min_value())
    }

    /// What exp(x - shift) is multiplied by, to be a share.
    pub(crate) fn scale(&self) -> T {
        if self.max == T::infinity() {
            T::nan()
        } else if self.sum == T::zero() {
            T::zero()
        } else {
            T::one() / self.sum
        }
    }

    /// What is subtracted from x - shift, to be the logarithm of a share.
    pub(crate) fn log_scale(&self) -> T {
        if self.max == T::infinity() {
            T::nan()
        } else if self.sum == T::zero() {
            T::zero()
        } else {
            self.sum.ln()
        }
    }
}

/// exp(max - new), which for equal ones is 1 also if they are infinite.
fn factor<T: Float>(max: T, new: T) -> T {
    if max == new { T::one() } else { (max - new).exp() }
}

/// Merges the attention of the same queries over other keys into `output` (.., Tq, E) and `lse` (.., Tq):
/// they become those of an attention over all keys.
///
/// With a the log-sum-exp of a query here and b the other, the outputs count with exp(a) and exp(b) over
/// their sum. Where a log-sum-exp is -inf (a query that sees none of the keys) the output isn't looked at;
/// where both are, it becomes 0.
///
/// ```
/// use attention::partial::merge_attended;
/// use ndarray::array;
///
/// // One key here, and three there, all with score 0.
/// let (mut output, mut lse) = (array![[10.0]], array![0.0]);
/// let (others, other_lse) = (array![[20.0]], array![3_f64.ln()]);
/// merge_attended(output.view_mut(), lse.view_mut(), others.view(), other_lse.view())?;
/// assert!((output[[0, 0]] - 17.5_f64).abs() < 1e-12);
/// assert!((lse[0] - 4_f64.ln()).abs() < 1e-12);
/// # Ok::<(), attention::Error>(())
/// ```
///
/// # Errors
///
/// If the shapes don't fit each other; then nothing is changed.
pub fn merge_attended<T: Float, D: RemoveAxis>(
    mut output: ArrayViewMut<'_, T, D>,
    lse: ArrayViewMut<'_, T, D::Smaller>,
    other_output: ArrayView<'_, T, D>,
    other_lse: ArrayView<'_, T, D::Smaller>,
) -> Result<()> {
    let Some(last) = output.ndim().checked_sub(1) else {
        return Err(Error::Index { what: "axis", index: 0, count: 0 });
    };
    let rows = &output.shape()[..last];
    expect("the log-sum-exp", lse.shape(), rows, "there is one for each row of the output")?;
    expect("the other log-sum-exp", other_lse.shape(), rows, "there is one for each row of the output")?;
    expect("the other output", other_output.shape(), output.shape(), "outputs of the same queries")?;
    Zip::from(output.rows_mut()).and(lse).and(other_output.rows()).and(other_lse).for_each(
        |mut output, lse, other_output, &other_lse| {
            // An lse is a sum relative to itself.
            let (here, there) = (attended(*lse), attended(other_lse));
            let both = here.merge(there);
            let here = here.sum * factor(here.max, both.max) * both.scale();
            let there = there.sum * factor(there.max, both.max) * both.scale();
            output.zip_mut_with(&other_output, |x, &other| *x = part(here, *x) + part(there, other));
            *lse = both.log_sum_exp();
        },
    );
    Ok(())
}

/// All the keys of a log-sum-exp.
fn attended<T: Float>(lse: T) -> Partial<T> {
    Partial::of(lse)
}

/// weight x, where a weight of 0 keeps out whatever x is.
fn part<T: Float>(weight: T, x: T) -> T {
    if weight == T::zero() { T::zero() } else { weight * x }
}
