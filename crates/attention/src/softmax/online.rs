//! Softmax with maximum and sum from one pass, and a second pass to write.
//!
//! ```text
//!  x            2      1      5      4
//!  m   -inf     2      2      5      5
//!  l     0      1    1.37   1.07   1.44       when m grows, l is multiplied by exp(m_old - m_new)
//! ```
//!
//! Invariant: after each number, l is the sum of exp(x - m) over those so far: a [`Partial`].
//!
//! A pass less over memory, for a second exponential of each number. It pays where numbers come from far
//! away, or don't come all at once, as the scores of attention do.
//!
//! Source: Milakov & Gimelshein, *Online normalizer calculation for softmax*, 2018.

use crate::Float;
use crate::partial::Partial;
use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension, Zip};

pub(super) fn softmax<T: Float, D: Dimension>(
    view: ArrayView<'_, T, D>,
    axis: Axis,
    mut out: ArrayViewMut<'_, T, D>,
) {
    Zip::from(view.lanes(axis)).and(out.lanes_mut(axis)).for_each(|x, mut y| {
        let all = x.iter().copied().fold(Partial::identity(), Partial::push);
        y.zip_mut_with(&x, |y, &x| *y = all.share(x));
    });
}
