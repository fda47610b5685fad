//! Layers, forward and backward, by the kind of case.

use crate::compare;
use crate::file::Golden;
use attention::{Algorithm, Mask, Options, Threads};
use layers::activation::Activation;
use layers::feed_forward::{Mlp, SwiGlu};
use layers::multi_head::{Call, Projections, Sizes};
use layers::norm::{LayerNorm, RmsNorm};
use layers::rotary::{Convention, Frequencies, Positions, Rotary, Scaling};
use layers::{Linear, MultiHeadAttention};
use ndarray::{Array, Array1, Array2, Array3, Array4, ArrayViewD, Dimension, Ix3};
use serde_json::Value;
use simd::Float;
use std::sync::Arc;

pub(crate) fn check<T: Float>(golden: &Golden) {
    match golden.kind() {
        "linear" => linear::<T>(golden),
        "layer_norm" => layer_norm::<T>(golden),
        "rms_norm" => rms_norm::<T>(golden),
        "activation" => activation::<T>(golden),
        "swiglu" => swiglu::<T>(golden),
        "mlp" => mlp::<T>(golden),
        "multi_head" => multi_head::<T>(golden),
        "llama" => llama::<T>(golden),
        "rotary" => rotary::<T>(golden),
        kind => panic!("{}: nobody checks {kind}", golden.name),
    }
}

/// A result and its name in the file.
pub(crate) type Named<'a, T> = (&'a str, ArrayViewD<'a, T>);

pub(crate) fn named<'a, T, D: Dimension>(name: &'a str, array: &'a Array<T, D>) -> Named<'a, T> {
    (name, array.view().into_dyn())
}

/// The parameters of a linear layer, by their names in the file.
fn layer<T: Float>(golden: &Golden, weight: &str, bias: &str) -> Linear<T> {
    Linear { weight: golden.tensor(weight), bias: golden.find(bias) }
}

/// The gradients of a linear layer.
fn gradients<'a, T>(
    layer: &'a Linear<T>,
    weight: &'a str,
    bias: &'a str,
) -> impl Iterator<Item = Named<'a, T>> {
    std::iter::once(named(weight, &layer.weight)).chain(layer.bias.as_ref().map(|b| named(bias, b)))
}

fn linear<T: Float>(golden: &Golden) {
    let linear = layer::<T>(golden, "weight", "bias");
    let gradient: Array2<T> = golden.tensor("gradient");
    let (output, saved) = linear.forward(golden.tensor::<T, _>("x"), two()).expect("shapes that fit");
    let (dx, d) = linear.backward(&saved, gradient.view(), two()).expect("shapes that fit");
    let mut results = vec![named("output", &output), named("d_x", &dx)];
    results.extend(gradients(&d, "d_weight", "d_bias"));
    compare(golden, "linear", &results);
}

fn layer_norm<T: Float>(golden: &Golden) {
    let norm = LayerNorm::<T> {
        weight: golden.tensor("weight"),
        bias: golden.find("bias"),
        epsilon: epsilon(golden),
    };
    let gradient: Array2<T> = golden.tensor("gradient");
    let (output, saved) = norm.forward(golden.tensor::<T, _>("x"), two()).expect("shapes that fit");
    let (dx, d) = norm.backward(&saved, gradient.view(), two()).expect("shapes that fit");
    let mut results = vec![named("output", &output), named("d_x", &dx), named("d_weight", &d.weight)];
    results.extend(d.bias.as_ref().map(|bias| named("d_bias", bias)));
    compare(golden, "LayerNorm", &results);
}

fn rms_norm<T: Float>(golden: &Golden) {
    let norm = RmsNorm::<T> { weight: golden.tensor("weight"), epsilon: epsilon(golden) };
    let gradient: Array2<T> = golden.tensor("gradient");
    let (output, saved) = norm.forward(golden.tensor::<T, _>("x"), two()).expect("shapes that fit");
    let (dx, d) = norm.backward(&saved, gradient.view(), two()).expect("shapes that fit");
    compare(golden, "RMSNorm", &[named("output", &output), named("d_x", &dx), named("d_weight", &d.weight)]);
}

fn epsilon<T: Float>(golden: &Golden) -> T {
    T::of(golden.parameter("epsilon", Value::as_f64).expect("an epsilon"))
}

fn activation<T: Float>(golden: &Golden) {
    let activation = match golden.parameter("function", Value::as_str) {
        Some("gelu") => Activation::Gelu,
        Some("gelu_tanh") => Activation::GeluTanh,
        Some("silu") => Activation::Silu,
        function => panic!("{}: nobody checks {function:?}", golden.name),
    };
    let (x, mut dx): (Array1<T>, Array1<T>) = (golden.tensor("x"), golden.tensor("gradient"));
    let mut output = x.clone();
    activation.apply(output.as_slice_mut().expect("in order"), two());
    activation.apply_backward(dx.as_slice_mut().expect("in order"), x.as_slice().expect("in order"), two());
    compare(golden, "in place", &[named("output", &output), named("d_x", &dx)]);
}

fn swiglu<T: Float>(golden: &Golden) {
    let of = |name| layer::<T>(golden, name, "no bias");
    let network = SwiGlu { gate: of("gate"), up: of("up"), down: of("down") };
    let gradient: Array2<T> = golden.tensor("gradient");
    let (output, saved) = network.forward(golden.tensor::<T, _>("x"), two()).expect("shapes that fit");
    let (dx, d) = network.backward(&saved, gradient.view(), two()).expect("shapes that fit");
    let mut results = vec![named("output", &output), named("d_x", &dx)];
    results.extend(gradients(&d.gate, "d_gate", ""));
    results.extend(gradients(&d.up, "d_up", ""));
    results.extend(gradients(&d.down, "d_down", ""));
    compare(golden, "SwiGLU", &results);
}

fn mlp<T: Float>(golden: &Golden) {
    let (up, down) = (layer::<T>(golden, "up", "up_bias"), layer(golden, "down", "down_bias"));
    let network = Mlp { up, down, activation: Activation::Gelu };
    let gradient: Array2<T> = golden.tensor("gradient");
    let (output, saved) = network.forward(golden.tensor::<T, _>("x"), two()).expect("shapes that fit");
    let (dx, d) = network.backward(&saved, gradient.view(), two()).expect("shapes that fit");
    let mut results = vec![named("output", &output), named("d_x", &dx)];
    results.extend(gradients(&d.up, "d_up", "d_up_bias"));
    results.extend(gradients(&d.down, "d_down", "d_down_bias"));
    compare(golden, "GELU network", &results);
}

/// PyTorch's own layer: one matrix for queries, keys and values.
pub(crate) fn multi_head_layer<T: Float>(golden: &Golden) -> (MultiHeadAttention<T>, Call<'static, T>) {
    let output = layer::<T>(golden, "out_proj.weight", "out_proj.bias");
    let attention = MultiHeadAttention {
        sizes: Sizes::new(output.outputs(), golden.count("heads")).expect("heads that divide"),
        inputs: Projections::Fused(layer(golden, "in_proj_weight", "in_proj_bias")),
        output,
        rotary: None,
        algorithm: Algorithm::Flash,
    };
    let causal = golden.parameter("causal", Value::as_bool) == Some(true);
    (attention, call(if causal { Mask::causal() } else { Mask::none() }, 0))
}

/// Llama's: grouped heads, rotary positions, a matrix each.
pub(crate) fn llama_layer<T: Float>(golden: &Golden) -> (MultiHeadAttention<T>, Call<'static, T>) {
    let (heads, kv_heads, head_dim) =
        (golden.count("heads"), golden.count("kv_heads"), golden.count("head_dim"));
    let of = |name| layer::<T>(golden, name, "no bias");
    let (first, tokens) = (golden.count("first"), golden.tensor::<T, Ix3>("x").dim().1);
    let rotary = Rotary::new(&frequencies(golden, head_dim), Convention::HalfSplit, first + tokens);
    let output = of("output");
    let attention = MultiHeadAttention {
        sizes: Sizes { dim: output.outputs(), heads, kv_heads, head_dim },
        inputs: Projections::Separate { query: of("query"), key: of("key"), value: of("value") },
        output,
        rotary: Some(Arc::new(rotary)),
        algorithm: Algorithm::Flash,
    };
    (attention, call(Mask::causal(), first))
}

/// The gradients of either, by their names in the file.
pub(crate) fn multi_head_gradients<T>(d: &MultiHeadAttention<T>) -> Vec<Named<'_, T>> {
    match &d.inputs {
        Projections::Fused(inputs) => gradients(inputs, "d_in_proj_weight", "d_in_proj_bias")
            .chain(gradients(&d.output, "d_out_proj.weight", "d_out_proj.bias"))
            .collect(),
        Projections::Separate { query, key, value } => {
            [("d_query", query), ("d_key", key), ("d_value", value), ("d_output", &d.output)]
                .into_iter()
                .flat_map(|(name, layer)| gradients(layer, name, ""))
                .collect()
        }
    }
}

fn multi_head<T: Float>(golden: &Golden) {
    let (attention, call) = multi_head_layer::<T>(golden);
    let x: Array3<T> = golden.tensor("x");
    let gradient: Array3<T> = golden.tensor("gradient");
    let (output, dx, d_memory, d) = match golden.find("memory") {
        None => {
            let (output, saved) = attention.forward(x, &call).expect("shapes that fit");
            let (dx, d) = attention.backward(&saved, gradient.view(), &call).expect("shapes that fit");
            (output, dx, None, d)
        }
        Some(memory) => {
            let memory: Array3<T> = memory;
            let (output, saved) = attention.forward_cross(x, memory, &call).expect("shapes that fit");
            let d = attention.backward_cross(&saved, gradient.view(), &call).expect("shapes that fit");
            (output, d.x, Some(d.memory), d.layer)
        }
    };
    let mut results = vec![named("output", &output), named("d_x", &dx)];
    results.extend(d_memory.as_ref().map(|memory| named("d_memory", memory)));
    results.extend(multi_head_gradients(&d));
    compare(golden, "multi-head attention", &results);
}

/// Grouped heads and rotary positions, with a matrix each and with all in one.
fn llama<T: Float>(golden: &Golden) {
    let (separate, call) = llama_layer::<T>(golden);
    let (x, gradient): (Array3<T>, Array3<T>) = (golden.tensor("x"), golden.tensor("gradient"));
    for attention in [separate.clone(), separate.fused().unwrap()] {
        let (output, saved) = attention.forward(x.clone(), &call).expect("shapes that fit");
        let (dx, d) = attention.backward(&saved, gradient.view(), &call).expect("shapes that fit");
        let d = d.separate().expect("shapes that fit");
        let mut results = vec![named("output", &output), named("d_x", &dx)];
        results.extend(multi_head_gradients(&d));
        compare(golden, "grouped-query attention", &results);
    }
}

fn call<T: Float>(mask: Mask<'_, T>, first: usize) -> Call<'_, T> {
    let positions = Positions::From(first);
    Call { options: Options::masked(mask).threads(two()), positions, memory_positions: positions }
}

fn rotary<T: Float>(golden: &Golden) {
    let convention = match golden.parameter("convention", Value::as_str) {
        Some("interleaved") => Convention::Interleaved,
        Some("half_split") => Convention::HalfSplit,
        convention => panic!("{}: nobody checks {convention:?}", golden.name),
    };
    let (mut output, mut dx): (Array4<T>, Array4<T>) = (golden.tensor("x"), golden.tensor("gradient"));
    let (first, dims) = (golden.count("first"), golden.count("dims"));
    let rotary = Rotary::new(&frequencies(golden, dims), convention, first + output.dim().2);
    let positions = Positions::From(first);
    rotary.rotate(output.view_mut(), positions, two()).expect("shapes that fit");
    rotary.rotate_back(dx.view_mut(), positions, two()).expect("shapes that fit");
    compare(golden, "in place", &[named("output", &output), named("d_x", &dx)]);
}

fn frequencies(golden: &Golden, dims: usize) -> Frequencies {
    let number = |name| golden.parameter(name, Value::as_f64);
    let plain = Frequencies::new(dims, number("base").expect("a base")).expect("a positive base");
    let scaling = if let Some(factor) = number("linear") {
        Scaling::Linear { factor }
    } else if let Some(factor) = number("ntk") {
        Scaling::NtkAware { factor }
    } else if let Some(factor) = number("llama3") {
        Scaling::Llama3 {
            factor,
            low_frequency_factor: number("low").expect("a factor"),
            high_frequency_factor: number("high").expect("a factor"),
            original_context: golden.count("context"),
        }
    } else {
        return plain;
    };
    plain.scaled(scaling).expect("positive factors")
}

/// So that work is shared out where there is enough of it.
fn two() -> Threads {
    Threads::new(2)
}
