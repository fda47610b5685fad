use super::*;
use crate::Mask;
use crate::mask::alibi_slopes;
use ndarray::Array;

/// B = 2, H = 4, G = 2, Tq = 3, Tk = 5, D = 2, E = 3.
const QUERY: [usize; 4] = [2, 4, 3, 2];
const KEY: [usize; 4] = [2, 2, 5, 2];
const VALUE: [usize; 4] = [2, 2, 5, 3];
const SCORES: [usize; 4] = [2, 4, 3, 5];

fn numbers(shape: [usize; 4], seed: u64) -> Array4<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    Array::from_shape_simple_fn(shape, || random.f64() * 2.0 - 1.0)
}

/// Every kind of mask, by itself and together, with and without dropout; a few hide everything from a query.
fn for_every_mask(check: impl Fn(&str, &Options<'_, f64>)) {
    let allowed = numbers(SCORES, 8).mapv(|x| x > 0.2);
    let bias = numbers(SCORES, 9);
    let holes = bias.mapv(|x| if x > 0.5 { f64::NEG_INFINITY } else { x });
    let slopes = alibi_slopes(4);
    let masks = [
        ("none", Mask::none()),
        ("causal", Mask::causal()),
        ("offset", Mask::causal().offset(2)),
        ("before all keys", Mask::causal().offset(-2)),
        ("window", Mask::none().window(1, 0)),
        ("documents", Mask::causal().documents(&[2, 1], &[3, 2])),
        ("a document without keys", Mask::none().documents(&[1, 2], &[0, 5])),
        ("alibi", Mask::causal().alibi(&slopes)),
        ("allowed", Mask::none().allowed(allowed.view())),
        ("bias", Mask::none().bias(bias.view())),
        ("holes", Mask::causal().offset(2).bias(holes.view()).allowed(allowed.view()).alibi(&slopes)),
    ];
    for (name, mask) in masks {
        for dropout in [None, Some(Dropout::new(0.4, 5).expect("a probability"))] {
            for scale in [None, Some(-1.5)] {
                let options = Options { mask: mask.clone(), dropout, scale, ..Options::default() };
                check(name, &options);
            }
        }
    }
}

/// The formulas, pair by pair.
#[test]
fn forward_is_as_defined() {
    let (query, key, value) = (numbers(QUERY, 1), numbers(KEY, 2), numbers(VALUE, 3));
    for_every_mask(|name, options| {
        let shape = Shape::of(query.view(), key.view(), value.view()).expect("it fits");
        let mask = options.mask.resolve(&shape).expect("it fits");
        let attended = forward(query.view(), key.view(), value.view(), options).expect("it fits");
        for (b, h, i) in ndarray::indices((2, 4, 3)) {
            let head = mask.head(b, h);
            let mut shares = [0.0; 5];
            for (j, share) in shares.iter_mut().enumerate().filter(|&(j, _)| head.sees(i, j)) {
                let product: f64 = (0..2).map(|d| query[(b, h, i, d)] * key[(b, h / 2, j, d)]).sum();
                *share = (product * options.scale.unwrap_or(0.5_f64.sqrt()) + head.added(i, j)).exp();
            }
            let sum: f64 = shares.iter().sum();
            let lse = attended.lse[(b, h, i)];
            assert!(lse == sum.ln() || (lse - sum.ln()).abs() < 1e-14, "{name}: {lse} and not {}", sum.ln());
            for e in 0..3 {
                let kept =
                    |j| options.dropout.map_or(1.0, |dropout| f64::from(dropout.row(b, h, i).keeps(j)) / 0.6);
                let terms = (0..5).map(|j| shares[j] / sum * kept(j) * value[(b, h / 2, j, e)]);
                let expected = if sum == 0.0 { 0.0 } else { terms.sum() };
                let got = attended.output[(b, h, i, e)];
                assert!(
                    (got - expected).abs() < 1e-14,
                    "{name}: {got} and not {expected} at {b} {h} {i} {e}"
                );
            }
        }
    });
}

/// Every element of every gradient, with every mask, dropout and two query heads to a key-value head.
#[test]
fn backward_is_the_slope_of_forward() {
    let inputs = [numbers(QUERY, 1), numbers(KEY, 2), numbers(VALUE, 3)];
    let gradient = numbers([2, 4, 3, 3], 4);
    for_every_mask(|name, options| {
        let run = |[query, key, value]: &[Array4<f64>; 3]| {
            forward(query.view(), key.view(), value.view(), options).expect("it fits")
        };
        let attended = run(&inputs);
        let [query, key, value] = inputs.each_ref().map(|input| input.view());
        let got = backward(query, key, value, attended.upstream(gradient.view()), options).expect("it fits");
        let step = 1e-5;
        for (which, got) in [got.query, got.key, got.value].into_iter().enumerate() {
            for (index, &got) in got.indexed_iter() {
                let loss = |step: f64| {
                    let mut inputs = inputs.clone();
                    inputs[which][index] += step;
                    (run(&inputs).output * &gradient).sum()
                };
                let slope = (loss(step) - loss(-step)) / (2.0 * step);
                assert!(
                    (got - slope).abs() < 1e-8,
                    "{name}: {got} and not {slope} at {index:?} of input {which}"
                );
            }
        }
    });
}

/// Half of the keys on each of two ranks, with output and log-sum-exp of all of them: the gradients are the
/// parts of the whole.
#[test]
fn backward_of_some_of_the_keys_is_their_part() {
    let (query, key, value) = (numbers(QUERY, 1), numbers(KEY, 2), numbers(VALUE, 3));
    let gradient = numbers([2, 4, 3, 3], 4);
    let options = Options::default();
    let attended = forward(query.view(), key.view(), value.view(), &options).expect("it fits");
    let upstream = || attended.upstream(gradient.view());
    let whole = backward(query.view(), key.view(), value.view(), upstream(), &options).expect("it fits");
    let part = |keys: std::ops::Range<usize>| {
        let some = s![.., .., keys, ..];
        backward(query.view(), key.slice(&some), value.slice(&some), upstream(), &options).expect("it fits")
    };
    let (left, right) = (part(0..2), part(2..5));
    let near = |a: &Array4<f64>, b: Array4<f64>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-14);
    assert!(near(&whole.query, left.query + right.query));
    let joined = |left: Array4<f64>, right: Array4<f64>| {
        ndarray::concatenate(Axis(2), &[left.view(), right.view()]).expect("they fit")
    };
    assert!(near(&whole.key, joined(left.key, right.key)));
    assert!(near(&whole.value, joined(left.value, right.value)));
}

/// What is behind the causal mask may hold anything: nothing of it gets through, forward or backward.
#[test]
fn what_is_not_seen_has_no_influence() {
    // Query 0 sees nothing, and nobody sees keys 2, 3 and 4.
    let options = Options::masked(Mask::causal().offset(-1));
    let (mut query, mut key, mut value) = (numbers(QUERY, 1), numbers(KEY, 2), numbers(VALUE, 3));
    let mut gradient = numbers([2, 4, 3, 3], 4);
    let run = |query: &Array4<f64>, key: &Array4<f64>, value: &Array4<f64>, gradient: &Array4<f64>| {
        let attended = forward(query.view(), key.view(), value.view(), &options).expect("it fits");
        let upstream = attended.upstream(gradient.view());
        let gradients =
            backward(query.view(), key.view(), value.view(), upstream, &options).expect("it fits");
        (attended, gradients)
    };
    let clean = run(&query, &key, &value, &gradient);
    for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for array in [&mut key, &mut value] {
            array.slice_mut(s![.., .., 2.., ..]).fill(poison);
        }
        for array in [&mut query, &mut gradient] {
            array.slice_mut(s![.., .., 0, ..]).fill(poison);
        }
        assert_eq!(run(&query, &key, &value, &gradient), clean, "{poison}");
    }
    assert_eq!(clean.0.lse.slice(s![.., .., 0]), Array2::from_elem((2, 4), f64::NEG_INFINITY));
    // And what is seen does: key 0 by queries 1 and 2.
    key[(0, 0, 0, 0)] = f64::NAN;
    let (attended, _) = run(&query, &key, &value, &gradient);
    let nan = attended.output.mapv(f64::is_nan);
    assert!(nan.slice(s![0, ..2, 1.., ..]).iter().all(|&nan| nan));
    assert_eq!(nan.iter().filter(|&&nan| nan).count(), 2 * 2 * 3);
}

#[test]
fn nothing_to_do() {
    for (b, heads, kv_heads, queries, keys) in
        [(0, 2, 1, 3, 3), (1, 0, 0, 3, 3), (1, 0, 2, 3, 3), (1, 2, 1, 0, 3), (1, 2, 1, 3, 0)]
    {
        let query = Array4::<f32>::ones((b, heads, queries, 2));
        let (key, value) = (Array4::ones((b, kv_heads, keys, 2)), Array4::ones((b, kv_heads, keys, 3)));
        let options = Options::default();
        let attended = forward(query.view(), key.view(), value.view(), &options).expect("it fits");
        assert_eq!(attended.output, Array4::zeros((b, heads, queries, 3)));
        assert_eq!(attended.lse, Array3::from_elem((b, heads, queries), f32::NEG_INFINITY));
        let gradient = Array4::ones((b, heads, queries, 3));
        let upstream = attended.upstream(gradient.view());
        let got = backward(query.view(), key.view(), value.view(), upstream, &options).expect("it fits");
        assert_eq!(got.query, Array4::zeros(query.raw_dim()));
        assert_eq!(got.key, Array4::zeros(key.raw_dim()));
        assert_eq!(got.value, Array4::zeros(value.raw_dim()));
    }
}

#[test]
fn an_upstream_of_another_shape_is_an_error_with_both() {
    let (query, key, value) = (numbers(QUERY, 1), numbers(KEY, 2), numbers(VALUE, 3));
    let options = Options::default();
    let right = forward(query.view(), key.view(), value.view(), &options).expect("it fits");
    let other = Array4::zeros((2, 4, 3, 2));
    let other_lse = Array3::zeros((2, 3, 4));
    let refused = |upstream: Upstream<'_, f64>| {
        let refused = backward(query.view(), key.view(), value.view(), upstream, &options);
        refused.expect_err("shapes differ").to_string()
    };
    let gradient = right.output.view();
    let upstream = |gradient| Upstream { gradient, output: right.output.view(), lse: right.lse.view() };
    let both = "is (2, 4, 3, 2), and (2, 4, 3, 3) was expected: (B, H, Tq, E), as the queries and values say";
    assert_eq!(refused(upstream(other.view())), format!("the gradient of the output {both}"));
    let upstream = Upstream { output: other.view(), ..upstream(gradient) };
    assert_eq!(refused(upstream), format!("the output {both}"));
    let upstream = Upstream { lse: other_lse.view(), ..right.upstream(gradient) };
    let both = "is (2, 3, 4), and (2, 4, 3) was expected: (B, H, Tq), as the queries say";
    assert_eq!(refused(upstream), format!("the log-sum-exp {both}"));
}
