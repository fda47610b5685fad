//! The gradient against finite differences, and the loss against its definition.

use super::*;

/// Samples, labels and weights, all random.
fn problem(samples: usize) -> (Array2<f32>, Vec<usize>, Vec<f32>) {
    let mut random = fastrand::Rng::with_seed(3);
    let x = Array2::from_shape_simple_fn((samples, PIXELS), || random.f32());
    let labels = (0..samples).map(|_| random.usize(..CLASSES)).collect();
    let mut weights = initial_weights(4);
    weights[ENDS[0]..ENDS[1]].fill_with(|| random.f32() - 0.5);
    weights[ENDS[2]..].fill_with(|| random.f32() - 0.5);
    (x, labels, weights)
}

/// The loss in f64, straight from the definition and sharing nothing with the model.
fn reference_loss(weights: &[f64], x: &Array2<f32>, labels: &[usize]) -> f64 {
    let (w1, rest) = weights.split_at(PIXELS * HIDDEN);
    let (b1, rest) = rest.split_at(HIDDEN);
    let (w2, b2) = rest.split_at(HIDDEN * CLASSES);
    let mut loss = 0.0;
    for (x, &label) in x.outer_iter().zip(labels) {
        let weigh = |i: usize, j: usize| f64::from(x[i]) * w1[i * HIDDEN + j];
        let hidden = |j: usize| (b1[j] + (0..PIXELS).map(|i| weigh(i, j)).sum::<f64>()).tanh();
        let hidden: Vec<f64> = (0..HIDDEN).map(hidden).collect();
        let logit = |k: usize| b2[k] + (0..HIDDEN).map(|j| hidden[j] * w2[j * CLASSES + k]).sum::<f64>();
        let sum: f64 = (0..CLASSES).map(|k| logit(k).exp()).sum();
        loss -= (logit(label).exp() / sum).ln();
    }
    loss
}

#[test]
fn gradient_equals_finite_differences() {
    let (x, labels, weights) = problem(3);
    let mut gradient = vec![f32::NAN; WEIGHTS];
    let loss = loss_and_gradient(&weights, x.view(), &labels, &mut gradient);

    let mut weights: Vec<f64> = weights.iter().map(|&w| w.into()).collect();
    let expected = reference_loss(&weights, &x, &labels);
    assert!((f64::from(loss) - expected).abs() < 1e-5 * expected, "loss {loss}, expected {expected}");

    const STEP: f64 = 1e-5; // the error of a central difference is about STEP^2, and 1e-16 / STEP of rounding
    for i in 0..WEIGHTS {
        let at = weights[i];
        let mut loss_at = |weight| {
            weights[i] = weight;
            reference_loss(&weights, &x, &labels)
        };
        let expected = (loss_at(at + STEP) - loss_at(at - STEP)) / (2.0 * STEP);
        weights[i] = at;
        let found = f64::from(gradient[i]);
        assert!((found - expected).abs() < 1e-5, "weight {i}: {found}, expected {expected}");
    }
}

#[test]
fn gradients_of_parts_add_up() {
    let (x, labels, weights) = problem(5);
    let (mut whole, mut a, mut b) = (vec![0.0; WEIGHTS], vec![0.0; WEIGHTS], vec![0.0; WEIGHTS]);
    let loss = loss_and_gradient(&weights, x.view(), &labels, &mut whole);
    let (x_a, x_b) = x.view().split_at(Axis(0), 2);
    let parts = loss_and_gradient(&weights, x_a, &labels[..2], &mut a)
        + loss_and_gradient(&weights, x_b, &labels[2..], &mut b);
    assert!((loss - parts).abs() < 1e-5);
    for i in 0..WEIGHTS {
        assert!((whole[i] - (a[i] + b[i])).abs() < 1e-5, "weight {i}");
    }
}

#[test]
fn no_samples_give_no_gradient() {
    let (x, labels, weights) = problem(0);
    let mut gradient = vec![f32::NAN; WEIGHTS];
    assert_eq!(loss_and_gradient(&weights, x.view(), &labels, &mut gradient), 0.0);
    assert_eq!(gradient, vec![0.0; WEIGHTS]);
}

#[test]
fn huge_logits_stay_finite() {
    let mut logits = Array2::from_shape_fn((2, CLASSES), |(row, class)| 1e4 * (row + class) as f32);
    let loss = softmax_cross_entropy(&mut logits, &[9, 8]);
    assert_eq!(loss, 1e4);
    assert_eq!(logits.row(0).to_vec(), [0.0; CLASSES]);
    assert_eq!((logits[[1, 8]], logits[[1, 9]]), (-1.0, 1.0));
}
