use super::*;
use crate::Linear;
use crate::activation::Activation;
use crate::testing::{Differentiated, assert_close, fixed, random, randomised};
use ndarray::{Array1, Array2, ArrayD};

fn networks(dim: usize, hidden: usize, bias: bool, rng: &mut fastrand::Rng) -> Vec<FeedForward<f64>> {
    let mlp = |activation| {
        let (up, down) = (Linear::zeros(dim, hidden, bias), Linear::zeros(hidden, dim, bias));
        FeedForward::Mlp(Mlp { up, down, activation })
    };
    let swiglu = SwiGlu {
        gate: Linear::zeros(dim, hidden, bias),
        up: Linear::zeros(dim, hidden, bias),
        down: Linear::zeros(hidden, dim, bias),
    };
    let networks = Activation::ALL.map(mlp).into_iter().chain([FeedForward::SwiGlu(swiglu)]);
    networks.map(|network| randomised(network, rng)).collect()
}

/// The definitions, by ndarray's own means.
fn reference(network: &FeedForward<f64>, x: &Array2<f64>) -> Array2<f64> {
    let linear = |layer: &Linear<f64>, x: &Array2<f64>| {
        x.dot(&layer.weight.t()) + layer.bias.as_ref().unwrap_or(&Array1::zeros(layer.weight.nrows()))
    };
    match network {
        FeedForward::Mlp(n) => linear(&n.down, &linear(&n.up, x).mapv(|x| n.activation.of(x))),
        FeedForward::SwiGlu(n) => {
            let gate = linear(&n.gate, x).mapv(|x| x / (1.0 + (-x).exp()));
            linear(&n.down, &(gate * linear(&n.up, x)))
        }
    }
}

#[test]
fn is_the_definition() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for (tokens, dim, hidden) in [(0, 2, 3), (1, 1, 1), (5, 4, 9), (300, 16, 130)] {
        for bias in [false, true] {
            for network in networks(dim, hidden, bias, rng) {
                let x: Array2<f64> = random((tokens, dim), rng);
                let (y, saved) = network.forward(x.clone(), Threads::new(2)).unwrap();
                assert_close(&y, &reference(&network, &x), 1e-13);
                assert_eq!(network.infer(x.view(), Threads::ONE).unwrap(), y);
                let hiddens = if matches!(network, FeedForward::Mlp(_)) { 2 } else { 3 };
                assert_eq!(saved.bytes(), 8 * tokens * (dim + hiddens * hidden));
            }
        }
    }
}

#[test]
fn gradients() {
    let rng = &mut fastrand::Rng::with_seed(2);
    for bias in [false, true] {
        for network in networks(3, 5, bias, rng) {
            differentiated(network, (4, 3), rng).check(rng);
        }
    }
    for network in networks(40, 90, true, rng) {
        differentiated(network, (100, 40), rng).check_adjoint(rng);
    }
}

fn differentiated(
    network: FeedForward<f64>,
    shape: (usize, usize),
    rng: &mut fastrand::Rng,
) -> Differentiated<'static, FeedForward<f64>> {
    Differentiated {
        inputs: vec![random(shape, rng).into_dyn()],
        layer: network,
        forward: &|network, x| reference(network, &fixed(&x[0])).into_dyn(),
        backward: &|network, x: &[ArrayD<f64>], dy| {
            let (_, saved) = network.forward(fixed(&x[0]), Threads::ONE).unwrap();
            let (dx, d) = network.backward(&saved, fixed(dy).view(), Threads::ONE).unwrap();
            (vec![dx.into_dyn()], d)
        },
    }
}

#[test]
fn names() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let names = |network: &FeedForward<f64>| -> Vec<String> {
        network.parameters().into_iter().map(|p| p.name).collect()
    };
    let with = networks(2, 3, true, rng);
    assert_eq!(names(&with[0]), ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
    let without = networks(2, 3, false, rng);
    assert_eq!(names(&without[3]), ["gate_proj.weight", "up_proj.weight", "down_proj.weight"]);
}

#[test]
fn shapes_that_dont_fit() {
    let rng = &mut fastrand::Rng::with_seed(4);
    for network in networks(3, 5, true, rng) {
        let error = network.infer(Array2::zeros((2, 4)).view(), Threads::ONE).unwrap_err();
        assert!(error.to_string().starts_with("x is (2, 4), and (2, 3) was expected"), "{error}");
        let (_, saved) = network.forward(Array2::zeros((2, 3)), Threads::ONE).unwrap();
        let error = network.backward(&saved, Array2::zeros((1, 3)).view(), Threads::ONE).unwrap_err();
        assert!(error.to_string().starts_with("the gradient is (1, 3), and (2, 3) was expected"), "{error}");
    }
    let network = SwiGlu::<f32> { up: Linear::zeros(3, 6, false), ..SwiGlu::random(3, 5, false, rng) };
    let error = network.infer(Array2::zeros((2, 3)).view(), Threads::ONE).unwrap_err();
    assert!(error.to_string().starts_with("the weight of up is (6, 3), and (5, 3) was expected"), "{error}");
}
