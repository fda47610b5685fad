use super::*;
use crate::rotary::{Convention, Frequencies};
use crate::testing::{Differentiated, assert_close, fixed, random, randomised};
use crate::{Dropout, Mask};
use ndarray::{Array1, Array2, ArrayD, Axis, array, s};

/// MHA, GQA, MQA, and heads whose dimension isn't dim / H.
pub(super) const SIZES: [Sizes; 4] = [
    Sizes { dim: 6, heads: 3, kv_heads: 3, head_dim: 2 },
    Sizes { dim: 8, heads: 4, kv_heads: 2, head_dim: 2 },
    Sizes { dim: 6, heads: 3, kv_heads: 1, head_dim: 2 },
    Sizes { dim: 5, heads: 2, kv_heads: 1, head_dim: 6 },
];

/// Positions turn half of a head of 6, all of one of 2.
pub(super) fn layer(
    sizes: Sizes,
    bias: bool,
    turned: bool,
    rng: &mut fastrand::Rng,
) -> MultiHeadAttention<f64> {
    let mut layer = randomised(MultiHeadAttention::random(sizes, bias, rng), rng);
    if turned {
        let frequencies = Frequencies::new((sizes.head_dim / 2).next_multiple_of(2), 100.0).unwrap();
        layer.rotary = Some(Arc::new(Rotary::new(&frequencies, Convention::HalfSplit, 200)));
    }
    layer
}

fn masked(mask: Mask<'_, f64>) -> Call<'_, f64> {
    Call { options: Options::masked(mask), ..Call::default() }
}

/// Head by head, query by query, from the formulas; the layer's own projections must be separate.
fn reference(
    layer: &MultiHeadAttention<f64>,
    x: &Array3<f64>,
    memory: &Array3<f64>,
    sees: &dyn Fn(usize, usize) -> bool,
) -> Array3<f64> {
    let Projections::Separate { query, key, value } = &layer.inputs else { panic!("separate") };
    let Sizes { dim, heads, kv_heads, head_dim } = layer.sizes;
    let head = |l: &Linear<f64>, x: &Array2<f64>, head: usize, turned: bool| {
        let rows = s![head * head_dim..(head + 1) * head_dim, ..];
        let bias = l.bias.as_ref().map_or(Array1::zeros(l.outputs()), |b| b.clone());
        let mut y = x.dot(&l.weight.slice(rows).t()) + bias.slice(s![head * head_dim..(head + 1) * head_dim]);
        let points = layer.rotary.as_ref().filter(|_| turned).map_or(0, |rotary| rotary.dims() / 2);
        for ((t, i), value) in y.clone().indexed_iter().filter(|((_, i), _)| *i < points) {
            let other = y[(t, i + points)];
            let (sin, cos) = (t as f64 * 100_f64.powf(-(i as f64) / points as f64)).sin_cos();
            (y[(t, i)], y[(t, i + points)]) = (value * cos - other * sin, other * cos + value * sin);
        }
        y
    };
    let mut y = Array3::zeros((x.dim().0, x.dim().1, dim));
    for b in 0..x.dim().0 {
        let (x, memory) = (x.index_axis(Axis(0), b).to_owned(), memory.index_axis(Axis(0), b).to_owned());
        for h in 0..heads {
            let g = h * kv_heads / heads;
            let (q, k, v) =
                (head(query, &x, h, true), head(key, &memory, g, true), head(value, &memory, g, false));
            let scores = q.dot(&k.t()) / (head_dim as f64).sqrt();
            let mut shares =
                Array2::from_shape_fn(
                    scores.dim(),
                    |(i, j)| {
                        if sees(i, j) { scores[(i, j)].exp() } else { 0.0 }
                    },
                );
            for mut row in shares.outer_iter_mut() {
                let sum = row.sum();
                row /= if sum == 0.0 { 1.0 } else { sum };
            }
            let wo = layer.output.weight.slice(s![.., h * head_dim..(h + 1) * head_dim]);
            let mut y = y.index_axis_mut(Axis(0), b);
            y += &shares.dot(&v).dot(&wo.t());
        }
    }
    layer.output.bias.as_ref().map_or(y.clone(), |bias| y + bias)
}

#[test]
fn is_the_definition() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for (index, sizes) in SIZES.into_iter().enumerate() {
        for algorithm in Algorithm::ALL {
            for (batch, tokens) in [(1, 1), (2, 7), (0, 3), (2, 0), (1, 70)] {
                let (bias, turned) = (index % 2 == 0, index % 3 != 0);
                let layer = MultiHeadAttention { algorithm: *algorithm, ..layer(sizes, bias, turned, rng) };
                let x: Array3<f64> = random((batch, tokens, sizes.dim), rng);
                let call = masked(Mask::causal());
                let y = layer.infer(x.view(), &call).unwrap();
                assert_close(&y, &reference(&layer, &x, &x, &|i, j| j <= i), 1e-12);
                let (again, saved) = layer.forward(x.clone(), &call).unwrap();
                assert_eq!(y, again);

                let Sizes { dim, heads, kv_heads, head_dim } = sizes;
                let per_token = dim + 2 * heads * head_dim + 2 * kv_heads * head_dim + heads;
                assert_eq!(saved.bytes(), 8 * batch * tokens * per_token);
            }
        }
    }
}

#[test]
fn cross_attention_is_the_definition() {
    let rng = &mut fastrand::Rng::with_seed(2);
    for (index, sizes) in SIZES.into_iter().enumerate() {
        for (queries, keys) in [(1, 5), (6, 3), (0, 2), (2, 0)] {
            let layer = layer(sizes, index % 2 == 0, index % 3 != 0, rng);
            let x: Array3<f64> = random((2, queries, sizes.dim), rng);
            let memory: Array3<f64> = random((2, keys, sizes.dim), rng);
            let (y, saved) = layer.forward_cross(x.clone(), memory.clone(), &Call::default()).unwrap();
            assert_close(&y, &reference(&layer, &x, &memory, &|_, _| true), 1e-12);
            assert_eq!(layer.infer_cross(x.view(), memory.view(), &Call::default()).unwrap(), y);
            let fused =
                layer.fused().unwrap().infer_cross(x.view(), memory.view(), &Call::default()).unwrap();
            assert_close(&fused, &y, 1e-14);

            let Sizes { dim, heads, kv_heads, head_dim } = sizes;
            let (query, key) = (dim + 2 * heads * head_dim + heads, dim + 2 * kv_heads * head_dim);
            assert_eq!(saved.bytes(), 8 * 2 * (queries * query + keys * key));
        }
    }
}

/// The last tokens of a sequence over all of it are the last rows of its self-attention, if each side stands where
/// it does there.
#[test]
fn each_side_of_cross_attention_has_its_positions() {
    let rng = &mut fastrand::Rng::with_seed(10);
    let layer = layer(SIZES[3], true, true, rng);
    let whole: Array3<f64> = random((2, 6, 5), rng);
    let at = |first| Call { positions: Positions::From(first), ..Call::default() };
    let y = layer.infer(whole.view(), &at(20)).unwrap();
    let call = Call { memory_positions: Positions::From(20), ..at(24) };
    let last = layer.infer_cross(whole.slice(s![.., 4.., ..]), whole.view(), &call).unwrap();
    assert_close(&last.view(), &y.slice(s![.., 4.., ..]), 1e-13);
}

/// The gradients of a layer with a mask and dropout, whose choices are the same in every pass.
fn differentiated<'a>(
    layer: MultiHeadAttention<f64>,
    (batch, tokens): (usize, usize),
    rng: &mut fastrand::Rng,
) -> Differentiated<'a, MultiHeadAttention<f64>> {
    fn call() -> Call<'static, f64> {
        let dropout = Some(Dropout::new(0.3, 7).unwrap());
        let options = Options { dropout, scale: Some(0.9), ..Options::masked(Mask::causal().window(4, 0)) };
        Call { options, positions: Positions::From(5), ..Call::default() }
    }
    Differentiated {
        inputs: vec![random((batch, tokens, layer.sizes.dim), rng).into_dyn()],
        layer,
        forward: &|layer, x| layer.infer(fixed(&x[0]).view(), &call()).unwrap().into_dyn(),
        backward: &|layer, x: &[ArrayD<f64>], dy| {
            let (_, saved) = layer.forward(fixed(&x[0]), &call()).unwrap();
            let (dx, d_layer) = layer.backward(&saved, fixed(dy).view(), &call()).unwrap();
            (vec![dx.into_dyn()], d_layer)
        },
    }
}

#[test]
fn gradients() {
    let rng = &mut fastrand::Rng::with_seed(3);
    for (index, sizes) in SIZES.into_iter().enumerate() {
        for turned in [false, true] {
            let layer = layer(sizes, index % 2 == 0, turned, rng);
            differentiated(layer.clone(), (2, 3), rng).check(rng);
            differentiated(layer.fused().unwrap(), (1, 4), rng).check(rng);
        }
    }
    let large = Sizes { dim: 40, heads: 4, kv_heads: 2, head_dim: 12 };
    for algorithm in Algorithm::ALL {
        let layer = MultiHeadAttention { algorithm: *algorithm, ..layer(large, true, true, rng) };
        differentiated(layer, (2, 80), rng).check_adjoint(rng);
    }
}

#[test]
fn gradients_of_cross_attention() {
    fn call() -> Call<'static, f64> {
        let (positions, memory_positions) = (Positions::From(9), Positions::From(2));
        Call { positions, memory_positions, ..Call::default() }
    }
    let rng = &mut fastrand::Rng::with_seed(4);
    for (index, sizes) in SIZES.into_iter().enumerate() {
        let separate = layer(sizes, index % 2 == 0, index % 3 != 0, rng);
        for layer in [separate.clone(), separate.fused().unwrap()] {
            let inputs =
                vec![random((2, 3, sizes.dim), rng).into_dyn(), random((2, 4, sizes.dim), rng).into_dyn()];
            Differentiated {
                layer,
                inputs,
                forward: &|layer, x| {
                    let (x, memory) = (fixed(&x[0]), fixed(&x[1]));
                    layer.infer_cross(x.view(), memory.view(), &call()).unwrap().into_dyn()
                },
                backward: &|layer, x, dy| {
                    let (x, memory) = (fixed::<_, Ix3>(&x[0]), fixed::<_, Ix3>(&x[1]));
                    let (_, saved) = layer.forward_cross(x, memory, &call()).unwrap();
                    let gradients = layer.backward_cross(&saved, fixed(dy).view(), &call()).unwrap();
                    (vec![gradients.x.into_dyn(), gradients.memory.into_dyn()], gradients.layer)
                },
            }
            .check(rng);
        }
    }
}

#[test]
fn fused_is_separate() {
    let rng = &mut fastrand::Rng::with_seed(5);
    for sizes in SIZES {
        let mut separate = layer(sizes, true, true, rng);
        let x: Array3<f64> = random((2, 5, sizes.dim), rng);
        let dy: Array3<f64> = random((2, 5, sizes.dim), rng);
        let call = masked(Mask::causal());
        let run = |layer: &MultiHeadAttention<f64>| {
            let (y, saved) = layer.forward(x.clone(), &call).unwrap();
            let (dx, d_layer) = layer.backward(&saved, dy.view(), &call).unwrap();
            (y, dx, d_layer)
        };
        let (y, dx, d_layer) = run(&separate);
        let fused = separate.clone().fused().unwrap();
        let (y_fused, dx_fused, d_fused) = run(&fused);
        assert_close(&y_fused, &y, 1e-14);
        assert_close(&dx_fused, &dx, 1e-14);
        let d_fused = d_fused.separate().unwrap();
        for (fused, separate) in d_fused.parameters().into_iter().zip(d_layer.parameters()) {
            assert_eq!(fused.name, separate.name);
            assert_close(&fused.values, &separate.values, 1e-13);
        }
        assert_eq!(fused.separate().unwrap(), separate);

        // Where only some have a bias, the others' are zero.
        let Projections::Separate { key, .. } = &mut separate.inputs else { unreachable!() };
        key.bias = None;
        let y = separate.infer(x.view(), &call).unwrap();
        assert_close(&separate.fused().unwrap().infer(x.view(), &call).unwrap(), &y, 1e-14);
    }
}

/// Grouped heads are plain heads whose keys and values are the same within a group: also in what they learn.
#[test]
fn grouped_heads_are_repeated_heads() {
    let rng = &mut fastrand::Rng::with_seed(6);
    let sizes = Sizes { dim: 8, heads: 6, kv_heads: 2, head_dim: 2 };
    let grouped = layer(sizes, true, true, rng);
    let Projections::Separate { query, key, value } = grouped.inputs.clone() else { unreachable!() };
    // Row r of head h comes from row r of key-value head h / 3.
    let rows: Vec<usize> = (0..6).flat_map(|h| [h / 3 * 2, h / 3 * 2 + 1]).collect();
    let repeated = |l: &Linear<f64>| Linear {
        weight: l.weight.select(Axis(0), &rows),
        bias: l.bias.as_ref().map(|bias| bias.select(Axis(0), &rows)),
    };
    let inputs = Projections::Separate { query, key: repeated(&key), value: repeated(&value) };
    let plain = MultiHeadAttention { inputs, sizes: Sizes { kv_heads: 6, ..sizes }, ..grouped.clone() };

    let x: Array3<f64> = random((2, 5, 8), rng);
    let call = masked(Mask::causal());
    let (y, saved) = grouped.forward(x.clone(), &call).unwrap();
    let (y_plain, saved_plain) = plain.forward(x.clone(), &call).unwrap();
    assert_close(&y, &y_plain, 1e-14);

    let dy: Array3<f64> = random((2, 5, 8), rng);
    let (dx, d_grouped) = grouped.backward(&saved, dy.view(), &call).unwrap();
    let (dx_plain, d_plain) = plain.backward(&saved_plain, dy.view(), &call).unwrap();
    assert_close(&dx, &dx_plain, 1e-13);
    let Projections::Separate { key: d_key, .. } = d_grouped.inputs else { unreachable!() };
    let Projections::Separate { key: d_repeated, .. } = d_plain.inputs else { unreachable!() };
    let mut summed = Array2::zeros((4, 8));
    for (row, d) in rows.iter().zip(d_repeated.weight.outer_iter()) {
        let mut of_row = summed.row_mut(*row);
        of_row += &d;
    }
    assert_close(&d_key.weight, &summed, 1e-13);
}

/// With rotary positions only differences count: all tokens further right is the same. One of them alone
/// isn't.
#[test]
fn positions_are_relative() {
    let rng = &mut fastrand::Rng::with_seed(7);
    let layer = layer(SIZES[3], true, true, rng);
    let x: Array3<f64> = random((1, 4, 5), rng);
    let at = |positions| {
        let call = Call { positions, ..masked(Mask::causal()) };
        layer.infer(x.view(), &call).unwrap()
    };
    let y = at(Positions::default());
    assert_close(&at(Positions::From(100)), &y, 1e-13);
    assert_close(&at(Positions::Each(&[50, 51, 52, 53])), &y, 1e-13);
    assert!((&at(Positions::Each(&[0, 1, 2, 9])) - &y).mapv(f64::abs).sum() > 1e-3);
}

#[test]
fn names_are_those_of_checkpoints() {
    let rng = &mut fastrand::Rng::with_seed(8);
    let layer = MultiHeadAttention::<f32>::random(SIZES[1], true, rng);
    let named = |layer: &MultiHeadAttention<f32>| -> Vec<String> {
        layer.parameters().into_iter().map(|p| format!("{} {:?}", p.name, p.values.shape())).collect()
    };
    assert_eq!(
        named(&layer),
        [
            "q_proj.weight [8, 8]",
            "q_proj.bias [8]",
            "k_proj.weight [4, 8]",
            "k_proj.bias [4]",
            "v_proj.weight [4, 8]",
            "v_proj.bias [4]",
            "o_proj.weight [8, 8]",
            "o_proj.bias [8]"
        ]
    );
    let fused =
        ["in_proj_weight [16, 8]", "in_proj_bias [16]", "out_proj.weight [8, 8]", "out_proj.bias [8]"];
    assert_eq!(named(&layer.fused().unwrap()), fused);
}

#[test]
fn what_doesnt_fit() {
    let rng = &mut fastrand::Rng::with_seed(9);
    let good = layer(SIZES[1], true, true, rng);
    let call = Call::default();
    let error = |layer: &MultiHeadAttention<f64>, shape| {
        layer.infer(Array3::zeros(shape).view(), &call).unwrap_err().to_string()
    };
    let message = error(&good, (2, 3, 7));
    assert_eq!(message, "x is (2, 3, 7), and (2, 3, 8) was expected: (B, T, dim), as the sizes say");
    let sized = |sizes| MultiHeadAttention { sizes, ..good.clone() };
    let message = error(&sized(Sizes { kv_heads: 3, ..SIZES[1] }), (2, 3, 8));
    assert_eq!(message, "the number of heads is 4, and a multiple of the 3 key-value heads was expected");
    let message = error(&sized(Sizes { kv_heads: 4, ..SIZES[1] }), (2, 3, 8));
    assert!(message.starts_with("Wk is (4, 8), and (8, 8) was expected"), "{message}");
    let message = error(&sized(Sizes { head_dim: 0, ..SIZES[1] }), (2, 3, 8));
    assert_eq!(message, "the head dimension is 0, and at least 1 was expected");
    let mut wrong = good.clone();
    wrong.output = Linear::zeros(7, 8, false);
    let message = error(&wrong, (2, 3, 8));
    assert!(message.starts_with("Wo is (8, 7), and (8, 8) was expected"), "{message}");
    let mut wrong = good.clone();
    let Projections::Separate { value, .. } = &mut wrong.inputs else { unreachable!() };
    value.bias = Some(array![1.0]);
    let message = error(&wrong, (2, 3, 8));
    assert!(message.starts_with("the bias is (1), and (4) was expected"), "{message}");
    let message = error(&good.clone().fused().unwrap(), (2, 3, 7));
    assert!(message.starts_with("x is (2, 3, 7), and (2, 3, 8)"), "{message}");
    let message = error(&good, (1, 201, 8));
    assert_eq!(message, "position 200 doesn't exist: there are 200");
    assert!(Sizes::new(8, 3).unwrap_err().to_string().contains("a divisor of the dimension, 8,"));
    assert_eq!(Sizes::new(8, 2).unwrap(), Sizes { dim: 8, heads: 2, kv_heads: 2, head_dim: 4 });

    let (x, memory) = (Array3::zeros((2, 3, 8)), Array3::zeros((1, 4, 8)));
    let message = good.infer_cross(x.view(), memory.view(), &call).unwrap_err().to_string();
    assert!(message.starts_with("the other sequence is (1, 4, 8), and (2, 4, 8) was expected"), "{message}");
    let mask = masked(Mask::none().documents(&[2], &[2]));
    assert!(matches!(good.infer(x.view(), &mask).unwrap_err(), crate::Error::Attention(_)));

    let (_, saved) = good.forward(x, &call).unwrap();
    let message = good.backward(&saved, Array3::zeros((2, 2, 8)).view(), &call).unwrap_err().to_string();
    assert!(message.starts_with("the gradient is (2, 2, 8), and (2, 3, 8) was expected"), "{message}");
    let message =
        good.backward_cross(&saved, Array3::zeros((2, 3, 8)).view(), &call).unwrap_err().to_string();
    assert_eq!(message, "the other sequence is none, and one that a cross-attention saved was expected");
    let (y, saved) = good.forward_cross(Array3::zeros((2, 3, 8)), Array3::zeros((2, 3, 8)), &call).unwrap();
    let message = good.backward(&saved, y.view(), &call).unwrap_err().to_string();
    assert_eq!(
        message,
        "what was saved is that of a cross-attention, and that of a self-attention was expected"
    );

    // Biases of which one has what the other lacks.
    let mut wrong = good.clone();
    let Projections::Separate { query, key, .. } = &mut wrong.inputs else { unreachable!() };
    (query.bias, key.bias) = (Some(Array1::zeros(9)), Some(Array1::zeros(3)));
    let message = wrong.fused().unwrap_err().to_string();
    assert!(message.starts_with("the bias is (9), and (8) was expected"), "{message}");
}
