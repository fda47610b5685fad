use super::*;
use crate::Error;
use crate::testing::{Differentiated, assert_close, fixed, random, randomised};
use ndarray::{Array2, ShapeBuilder, array};

fn layer(inputs: usize, outputs: usize, bias: bool, rng: &mut fastrand::Rng) -> Linear<f64> {
    randomised(Linear::zeros(inputs, outputs, bias), rng)
}

/// yᵢₒ = Σⱼ xᵢⱼ Wₒⱼ + bₒ, term by term.
fn reference(layer: &Linear<f64>, x: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((x.nrows(), layer.weight.nrows()), |(i, o)| {
        let bias = layer.bias.as_ref().map_or(0.0, |b| b[o]);
        (0..x.ncols()).map(|j| x[(i, j)] * layer.weight[(o, j)]).sum::<f64>() + bias
    })
}

#[test]
fn is_the_definition() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for (tokens, inputs, outputs) in [(0, 3, 2), (1, 1, 1), (5, 3, 7), (4, 0, 2), (130, 65, 33)] {
        for bias in [false, true] {
            for threads in [1, 2] {
                let layer = layer(inputs, outputs, bias, rng);
                let x: Array2<f64> = random((tokens, inputs), rng);
                let y = layer.infer(x.view(), Threads::new(threads)).unwrap();
                assert_close(&y, &reference(&layer, &x), 1e-13);
                let (again, saved) = layer.forward(x, Threads::new(threads)).unwrap();
                assert_eq!(y, again);
                assert_eq!(saved.bytes(), tokens * inputs * 8);
            }
        }
    }
}

#[test]
fn gradients() {
    let rng = &mut fastrand::Rng::with_seed(2);
    for (tokens, inputs, outputs, bias) in [(1, 1, 1, true), (5, 3, 4, true), (3, 4, 2, false)] {
        let layer = layer(inputs, outputs, bias, rng);
        differentiated(layer, tokens, rng).check(rng);
    }
    let layer = layer(33, 70, true, rng);
    differentiated(layer, 200, rng).check_adjoint(rng);
}

fn differentiated(
    layer: Linear<f64>,
    tokens: usize,
    rng: &mut fastrand::Rng,
) -> Differentiated<'static, Linear<f64>> {
    Differentiated {
        inputs: vec![random((tokens, layer.inputs()), rng).into_dyn()],
        layer,
        forward: &|layer, x| layer.infer(fixed(&x[0]).view(), Threads::ONE).unwrap().into_dyn(),
        backward: &|layer, x, dy| {
            let (_, saved) = layer.forward(fixed(&x[0]), Threads::ONE).unwrap();
            let (dx, d_layer) = layer.backward(&saved, fixed(dy).view(), Threads::ONE).unwrap();
            (vec![dx.into_dyn()], d_layer)
        },
    }
}

#[test]
fn views_of_any_strides() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let layer = layer(6, 4, true, rng);
    let wide: Array2<f64> = random((5, 12), rng);
    let x = wide.slice(s![.., ..;2]);
    assert_close(&layer.infer(x, Threads::ONE).unwrap(), &reference(&layer, &x.to_owned()), 1e-13);
    let column_major: Array2<f64> = random((5, 4).f(), rng);
    let row_major = column_major.as_standard_layout();
    let (left, right) = (layer.gradient(x, column_major.view(), Threads::ONE).unwrap(), row_major.view());
    let right = layer.gradient(x, right, Threads::ONE).unwrap();
    assert_close(&left.weight, &right.weight, 1e-14);
    assert_close(left.bias.as_ref().unwrap(), right.bias.as_ref().unwrap(), 1e-14);
}

#[test]
fn some_of_the_outputs() {
    let rng = &mut fastrand::Rng::with_seed(4);
    let layer = layer(3, 6, true, rng);
    let x: Array2<f64> = random((4, 3), rng);
    let whole = layer.infer(x.view(), Threads::ONE).unwrap();
    let mut part = Array2::zeros((4, 2));
    layer.view().outputs(3..5).infer_into(part.view_mut(), x.view(), Threads::ONE).unwrap();
    assert_close(&part.view(), &whole.slice(s![.., 3..5]), 1e-15);
}

#[test]
fn the_same_bits_whatever_the_threads() {
    let rng = &mut fastrand::Rng::with_seed(5);
    let gradient: Array2<f64> = random((1000, 70), rng);
    assert_eq!(rows::sum(gradient.view(), Threads::ONE), rows::sum(gradient.view(), Threads::new(2)));
}

#[test]
fn shapes_that_dont_fit() {
    let layer = Linear::<f32>::zeros(3, 2, true);
    let error = layer.infer(Array2::zeros((5, 4)).view(), Threads::ONE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x is (5, 4), and (5, 3) was expected: (tokens, inputs), and the weight is (outputs, inputs)"
    );
    let (_, saved) = layer.forward(Array2::zeros((5, 3)), Threads::ONE).unwrap();
    let error = layer.backward(&saved, Array2::zeros((4, 2)).view(), Threads::ONE).unwrap_err();
    assert!(error.to_string().starts_with("the gradient is (4, 2), and (5, 2) was expected"), "{error}");
    let error = layer.backward(&saved, Array2::zeros((5, 3)).view(), Threads::ONE).unwrap_err();
    assert!(error.to_string().starts_with("the gradient is (5, 3), and (5, 2) was expected"), "{error}");
    let wrong = Linear { weight: array![[1.0, 2.0]], bias: Some(array![1.0, 2.0]) };
    let error = wrong.infer(array![[1.0, 2.0]].view(), Threads::ONE).unwrap_err();
    assert!(matches!(error, Error::Shape { argument: "the bias", .. }), "{error}");
}

#[test]
fn a_random_layer_is_bounded_and_repeatable() {
    let make = || Linear::<f32>::random(16, 50, true, &mut fastrand::Rng::with_seed(7));
    let layer = make();
    assert_eq!(layer, make());
    let largest = layer.weight.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
    assert!((0.24..=0.25).contains(&largest), "{largest}");
}
