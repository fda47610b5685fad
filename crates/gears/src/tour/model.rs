//! The model: a classifier with one hidden layer, its loss and its gradient.
//!
//! ```text
//! x (B, 64) ──W1, b1──► tanh ──► h (B, 32) ──W2, b2──► softmax ──► p (B, 10)
//! ```
//!
//! All weights lie in one flat slice, W1 b1 W2 b2, and so does the gradient: one all-reduce moves it.

use super::digits::{CLASSES, PIXELS};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

/// Units of the hidden layer.
const HIDDEN: usize = 32;
/// Where each layer's part of the flat slice ends.
const ENDS: [usize; 4] = {
    let w1 = PIXELS * HIDDEN;
    let b1 = w1 + HIDDEN;
    let w2 = b1 + HIDDEN * CLASSES;
    [w1, b1, w2, w2 + CLASSES]
};

/// How many weights the model has.
pub(super) const WEIGHTS: usize = ENDS[3];

const FITS: &str = "a part of the flat slice has the shape's length";

/// Random weights, the same for the same seed: uniform within 1 / sqrt(inputs), biases zero.
pub(super) fn initial_weights(seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut weights = vec![0.0; WEIGHTS];
    for (range, inputs) in [(0..ENDS[0], PIXELS), (ENDS[1]..ENDS[2], HIDDEN)] {
        let bound = (inputs as f32).sqrt().recip();
        weights[range].fill_with(|| bound * (2.0 * random.f32() - 1.0));
    }
    weights
}

/// Returns the sum of the samples' losses, and writes the sum of their gradients to `gradient`.
///
/// `x` is (B, PIXELS), B may be 0; `weights` and `gradient` hold [`WEIGHTS`] elements.
pub(super) fn loss_and_gradient(
    weights: &[f32],
    x: ArrayView2<'_, f32>,
    labels: &[usize],
    gradient: &mut [f32],
) -> f32 {
    let Layers { w2, .. } = layers(weights);
    let (hidden, mut logits) = forward(weights, x);
    let loss = softmax_cross_entropy(&mut logits, labels);
    let d_logits = logits; // (B, CLASSES)

    let (dw1, rest) = gradient.split_at_mut(ENDS[0]);
    let (db1, rest) = rest.split_at_mut(HIDDEN);
    let (dw2, db2) = rest.split_at_mut(HIDDEN * CLASSES);
    let mut dw1 = ArrayViewMut2::from_shape((PIXELS, HIDDEN), dw1).expect(FITS);
    let mut dw2 = ArrayViewMut2::from_shape((HIDDEN, CLASSES), dw2).expect(FITS);

    general_mat_mul(1.0, &hidden.t(), &d_logits, 0.0, &mut dw2); // (H, B) x (B, C)
    ArrayViewMut1::from(db2).assign(&d_logits.sum_axis(Axis(0)));
    let mut d_hidden = d_logits.dot(&w2.t()); // (B, C) x (C, H)
    Zip::from(&mut d_hidden).and(&hidden).for_each(|d, h| *d *= 1.0 - h * h); // tanh' = 1 - tanh^2
    general_mat_mul(1.0, &x.t(), &d_hidden, 0.0, &mut dw1); // (PIXELS, B) x (B, H)
    ArrayViewMut1::from(db1).assign(&d_hidden.sum_axis(Axis(0)));
    loss
}

/// The share of digits, 0 to 1, whose most probable class is their label.
pub(super) fn accuracy(weights: &[f32], x: ArrayView2<'_, f32>, labels: &[usize]) -> f64 {
    let (_, logits) = forward(weights, x);
    let right = logits.outer_iter().zip(labels).filter(|(row, label)| {
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.is_some_and(|(class, _)| class == **label)
    });
    right.count() as f64 / labels.len() as f64
}

struct Layers<'a> {
    w1: ArrayView2<'a, f32>, // (PIXELS, HIDDEN)
    b1: ArrayView1<'a, f32>, // (HIDDEN)
    w2: ArrayView2<'a, f32>, // (HIDDEN, CLASSES)
    b2: ArrayView1<'a, f32>, // (CLASSES)
}

fn layers(weights: &[f32]) -> Layers<'_> {
    Layers {
        w1: ArrayView2::from_shape((PIXELS, HIDDEN), &weights[..ENDS[0]]).expect(FITS),
        b1: ArrayView1::from(&weights[ENDS[0]..ENDS[1]]),
        w2: ArrayView2::from_shape((HIDDEN, CLASSES), &weights[ENDS[1]..ENDS[2]]).expect(FITS),
        b2: ArrayView1::from(&weights[ENDS[2]..]),
    }
}

/// The hidden layer (B, HIDDEN) and the logits (B, CLASSES).
fn forward(weights: &[f32], x: ArrayView2<'_, f32>) -> (Array2<f32>, Array2<f32>) {
    let Layers { w1, b1, w2, b2 } = layers(weights);
    let hidden = (x.dot(&w1) + b1).mapv_into(f32::tanh);
    let logits = hidden.dot(&w2) + b2;
    (hidden, logits)
}

/// Returns the sum of `-ln p[label]`, and turns logits into its gradient: p, less 1 at the label.
fn softmax_cross_entropy(logits: &mut Array2<f32>, labels: &[usize]) -> f32 {
    let mut loss = 0.0;
    for (mut row, &label) in logits.outer_iter_mut().zip(labels) {
        // Subtracting the maximum changes no probability, and no exponential can overflow.
        let max = row.fold(f32::NEG_INFINITY, |max, &x| max.max(x));
        row -= max;
        let of_label = row[label];
        row.mapv_inplace(f32::exp);
        let sum = row.sum();
        loss += sum.ln() - of_label;
        row /= sum;
        row[label] -= 1.0;
    }
    loss
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
