use super::*;
use crate::{Mask, naive};

/// Three blocks and a bit: B = 1, H = 2, G = 1, Tq = 5, Tk = 400, D = 3, E = 2. The scores grow from key to
/// key, or fall, or neither, by so much a key: in each block there is a new maximum, or there is none.
fn inputs(slope: f64) -> [Array4<f64>; 4] {
    let mut random = fastrand::Rng::with_seed(1);
    let mut numbers = |shape: [usize; 4]| Array4::from_shape_simple_fn(shape, || random.f64() * 2.0 - 1.0);
    let [mut query, mut key, value, gradient] =
        [[1, 2, 5, 3], [1, 1, 400, 3], [1, 1, 400, 2], [1, 2, 5, 2]].map(&mut numbers);
    query.slice_mut(s![.., .., .., 0]).fill(1.0);
    for (j, mut key) in key.axis_iter_mut(Axis(2)).enumerate() {
        key.slice_mut(s![.., .., 0]).fill(slope * j as f64);
    }
    [query, key, value, gradient]
}

fn options() -> Vec<Options<'static, f64>> {
    let masks = [
        Mask::none(),
        Mask::causal().offset(200),
        Mask::none().window(20, 3).offset(127),
        Mask::causal().offset(-3),
        Mask::none().documents(&[1, 4], &[260, 140]),
    ];
    let dropout = Some(Dropout::new(0.3, 4).expect("a probability"));
    let plain = masks.clone().map(Options::masked);
    plain.into_iter().chain(masks.map(|mask| Options { dropout, ..Options::masked(mask) })).collect()
}

fn near<D: ndarray::Dimension>(a: &ndarray::Array<f64, D>, b: &ndarray::Array<f64, D>) -> bool {
    a.shape() == b.shape()
        && a.iter().zip(b).all(|(a, b)| a == b || (a - b).abs() <= 1e-12 * b.abs().max(1.0))
}

#[test]
fn equal_to_naive() {
    for slope in [0.0, 0.1, -0.1, 10.0, -10.0] {
        let [query, key, value, gradient] = inputs(slope);
        let [query, key, value] = [query.view(), key.view(), value.view()];
        for options in options() {
            let expected = naive::forward(query, key, value, &options).expect("it fits");
            let got = forward(query, key, value, &options).expect("it fits");
            assert!(near(&got.output, &expected.output), "{slope} {options:?}");
            assert!(near(&got.lse, &expected.lse), "{slope} {options:?}");
            let upstream = || expected.upstream(gradient.view());
            let expected = naive::backward(query, key, value, upstream(), &options).expect("it fits");
            let got = backward(query, key, value, upstream(), &options).expect("it fits");
            assert!(near(&got.query, &expected.query), "{slope} {options:?}");
            assert!(near(&got.key, &expected.key), "{slope} {options:?}");
            assert!(near(&got.value, &expected.value), "{slope} {options:?}");
        }
    }
}

#[test]
fn blocks_that_nobody_sees_are_left_out() {
    let [query, key, value, _] = inputs(0.0);
    let blocks = |mask: Mask<'_, f64>| {
        let shape = Shape::of(query.view(), key.view(), value.view()).expect("it fits");
        let resolved = mask.resolve(&shape).expect("it fits");
        let options = Options::default();
        let head = Head::of(query.view(), key.view(), value.view(), &options, &shape, &resolved, (0, 1));
        head.blocks().collect::<Vec<_>>()
    };
    assert_eq!(blocks(Mask::none()), [0..128, 128..256, 256..384, 384..400]);
    assert_eq!(blocks(Mask::causal()), Vec::from_iter(std::iter::once(0..128)));
    assert_eq!(blocks(Mask::causal().offset(124)), [0..128, 128..256]);
    assert_eq!(blocks(Mask::causal().offset(-5)), []);
    let second_to_last = std::iter::once(256..384);
    assert_eq!(blocks(Mask::none().window(2, 0).offset(300)), Vec::from_iter(second_to_last));
    let allowed = Array4::from_shape_fn((1, 1, 1, 400), |(.., j)| j == 10 || j == 390);
    assert_eq!(blocks(Mask::none().allowed(allowed.view())), [0..128, 384..400]);
}
