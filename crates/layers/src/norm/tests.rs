use super::*;
use crate::testing::{Differentiated, assert_close, fixed, random, randomised};
use ndarray::{Array1, Array2, ArrayD, Axis};

const EPSILON: f64 = 1e-3;
const SHAPES: [(usize, usize); 7] = [(0, 3), (1, 1), (1, 5), (4, 31), (3, 32), (2, 77), (130, 64)];

fn rms(dim: usize, rng: &mut fastrand::Rng) -> RmsNorm<f64> {
    randomised(RmsNorm::new(dim, EPSILON), rng)
}

fn layer(dim: usize, bias: bool, rng: &mut fastrand::Rng) -> LayerNorm<f64> {
    randomised(LayerNorm::new(dim, bias, EPSILON), rng)
}

/// The definitions, by ndarray's own means.
fn reference(norm: &Norm<f64>, x: &Array2<f64>) -> Array2<f64> {
    let column = |a: Array1<f64>| a.insert_axis(Axis(1));
    match norm {
        Norm::Rms(n) => {
            let mean_square = column((x * x).mean_axis(Axis(1)).unwrap());
            x / &(mean_square + n.epsilon).sqrt() * &n.weight
        }
        Norm::Layer(n) => {
            let centred = x - &column(x.mean_axis(Axis(1)).unwrap());
            let deviation = (column(x.var_axis(Axis(1), 0.0)) + n.epsilon).sqrt();
            let normed = centred / &deviation * &n.weight;
            n.bias.as_ref().map_or(normed.clone(), |b| normed + b)
        }
    }
}

fn norms(dim: usize, rng: &mut fastrand::Rng) -> [Norm<f64>; 3] {
    [Norm::Rms(rms(dim, rng)), Norm::Layer(layer(dim, true, rng)), Norm::Layer(layer(dim, false, rng))]
}

#[test]
fn is_the_definition() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for (tokens, dim) in SHAPES {
        for norm in norms(dim, rng) {
            let x: Array2<f64> = random((tokens, dim), rng);
            let (y, saved) = norm.forward(x.clone(), Threads::ONE).unwrap();
            assert_close(&y, &reference(&norm, &x), 1e-13);
            assert_eq!(norm.infer(x.view(), Threads::new(2)).unwrap(), y);
            let statistics = if matches!(norm, Norm::Rms(_)) { 1 } else { 2 };
            assert_eq!(saved.bytes(), 8 * tokens * (dim + statistics));
            // A view of other strides is the same.
            assert_eq!(norm.infer(x.t().to_owned().t(), Threads::ONE).unwrap(), y);
        }
    }
}

#[test]
fn gradients() {
    let rng = &mut fastrand::Rng::with_seed(2);
    for (tokens, dim) in [(1, 1), (3, 5), (2, 35)] {
        for norm in norms(dim, rng) {
            differentiated(norm, tokens, rng).check(rng);
        }
    }
    for norm in norms(70, rng) {
        differentiated(norm, 200, rng).check_adjoint(rng);
    }
}

fn differentiated(
    norm: Norm<f64>,
    tokens: usize,
    rng: &mut fastrand::Rng,
) -> Differentiated<'static, Norm<f64>> {
    Differentiated {
        inputs: vec![random((tokens, norm.dim()), rng).into_dyn()],
        layer: norm,
        forward: &|norm, x| reference(norm, &fixed(&x[0])).into_dyn(),
        backward: &|norm, x: &[ArrayD<f64>], dy| {
            let (_, saved) = norm.forward(fixed(&x[0]), Threads::ONE).unwrap();
            let (dx, d_norm) = norm.backward(&saved, fixed(dy).view(), Threads::ONE).unwrap();
            (vec![dx.into_dyn()], d_norm)
        },
    }
}

#[test]
fn the_same_bits_whatever_the_threads() {
    let rng = &mut fastrand::Rng::with_seed(3);
    for norm in norms(300, rng) {
        let (_, saved) = norm.forward(random::<f64, _>((500, 300), rng), Threads::ONE).unwrap();
        let dy: Array2<f64> = random((500, 300), rng);
        let [one, two] =
            [1, 2].map(|threads| norm.backward(&saved, dy.view(), Threads::new(threads)).unwrap());
        assert_eq!(one, two);
    }
}

/// In f32, where the mean is large against the deviation: mean(x²) - mean² would have no right digit, and one
/// pass over 10,000 elements in one sum three.
#[test]
fn the_variance_of_large_numbers_is_right() {
    let rng = &mut fastrand::Rng::with_seed(4);
    let x = random::<f64, _>((3, 10_000), rng) + 4096.0;
    let x = x.mapv(|x| x as f32);
    let norm = LayerNorm::new(10_000, false, 0.0);
    let (_, saved) = norm.forward(x.clone(), Threads::ONE).unwrap();
    for (row, (&mean, &r)) in x.outer_iter().zip(saved.mean.iter().zip(&saved.inverse_deviation)) {
        let row = row.mapv(f64::from);
        let right = row.mean().unwrap();
        assert!((f64::from(mean) - right).abs() <= 4096.0 * f64::from(f32::EPSILON) / 2.0, "{mean} {right}");
        let deviation = row.std(0.0);
        assert!((f64::from(r) * deviation - 1.0).abs() < 1e-6, "{r} {deviation}");
    }
}

#[test]
fn what_the_norms_dont_answer_to() {
    let rng = &mut fastrand::Rng::with_seed(5);
    let x: Array2<f64> = random((4, 50), rng);
    let norm = LayerNorm { epsilon: 0.0, ..layer(50, true, rng) };
    let y = norm.infer(x.view(), Threads::ONE).unwrap();
    assert_close(&norm.infer((3.0 * &x + 7.0).view(), Threads::ONE).unwrap(), &y, 1e-12);
    let norm = RmsNorm { epsilon: 0.0, ..rms(50, rng) };
    let y = norm.infer(x.view(), Threads::ONE).unwrap();
    assert_close(&norm.infer((3.0 * &x).view(), Threads::ONE).unwrap(), &y, 1e-12);
}

#[test]
fn rows_of_zeros_stay_finite() {
    let zeros = Array2::<f32>::zeros((2, 40));
    for norm in [Norm::Rms(RmsNorm::new(40, 1e-6)), Norm::Layer(LayerNorm::new(40, true, 1e-6))] {
        let (y, saved) = norm.forward(zeros.clone(), Threads::ONE).unwrap();
        assert_eq!(y, zeros);
        let (dx, _) = norm.backward(&saved, Array2::ones((2, 40)).view(), Threads::ONE).unwrap();
        assert!(dx.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn shapes_that_dont_fit() {
    for norm in [Norm::Rms(RmsNorm::<f32>::new(4, 0.0)), Norm::Layer(LayerNorm::new(4, true, 0.0))] {
        let error = norm.infer(Array2::zeros((3, 5)).view(), Threads::ONE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x is (3, 5), and (3, 4) was expected: (tokens, dim), and there are dim weights"
        );
        let (_, saved) = norm.forward(Array2::zeros((3, 4)), Threads::ONE).unwrap();
        let error = norm.backward(&saved, Array2::zeros((2, 4)).view(), Threads::ONE).unwrap_err();
        assert!(error.to_string().starts_with("the gradient is (2, 4), and (3, 4) was expected"), "{error}");
    }
    let error = RmsNorm::<f32>::new(0, 0.0).infer(Array2::zeros((3, 0)).view(), Threads::ONE).unwrap_err();
    assert_eq!(error.to_string(), "the dimension is 0, and at least 1 was expected");
    let norm = LayerNorm::<f32> { bias: Some(Array1::zeros(3)), ..LayerNorm::new(4, true, 0.0) };
    let error = norm.infer(Array2::zeros((3, 4)).view(), Threads::ONE).unwrap_err();
    assert!(error.to_string().starts_with("the bias is (3), and (4) was expected"), "{error}");
}
