use super::*;
use crate::activation::Activation;
use crate::feed_forward::{Mlp, SwiGlu};
use crate::multi_head::Sizes;
use crate::norm::{LayerNorm, RmsNorm};
use crate::rotary::{Convention, Frequencies, Rotary};
use crate::testing::{Differentiated, assert_close, fixed, random, randomised};
use crate::weights::safetensors;
use crate::{Linear, Mask, Options};
use ndarray::{ArrayD, s};
use std::sync::Arc;

/// Like Llama's.
fn llama<T: Float>(rng: &mut fastrand::Rng) -> Block<T> {
    let sizes = Sizes { dim: 6, heads: 4, kv_heads: 2, head_dim: 2 };
    let mut attention = MultiHeadAttention::random(sizes, false, rng);
    let frequencies = Frequencies::new(2, 10_000.0).unwrap();
    attention.rotary = Some(Arc::new(Rotary::new(&frequencies, Convention::HalfSplit, 100)));
    let block = Block {
        attention_norm: Norm::Rms(RmsNorm::new(6, T::of(1e-5))),
        attention,
        feed_forward_norm: Norm::Rms(RmsNorm::new(6, T::of(1e-5))),
        feed_forward: FeedForward::SwiGlu(SwiGlu::random(6, 7, false, rng)),
    };
    randomised(block, rng)
}

/// Like GPT-2's.
fn gpt<T: Float>(dim: usize, heads: usize, rng: &mut fastrand::Rng) -> Block<T> {
    let block = Block {
        attention_norm: Norm::Layer(LayerNorm::new(dim, true, T::of(1e-5))),
        attention: MultiHeadAttention::random(Sizes::new(dim, heads).unwrap(), true, rng).fused().unwrap(),
        feed_forward_norm: Norm::Layer(LayerNorm::new(dim, true, T::of(1e-5))),
        feed_forward: FeedForward::Mlp(Mlp::random(dim, 4 * dim, true, Activation::Gelu, rng)),
    };
    randomised(block, rng)
}

fn causal<T: Float>() -> Call<'static, T> {
    Call { options: Options::masked(Mask::causal()), ..Call::default() }
}

#[test]
fn is_its_parts_with_residuals() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for block in [llama(rng), gpt(6, 3, rng)] {
        for (batch, tokens) in [(1, 1), (2, 5), (0, 2), (1, 90)] {
            let x: Array3<f64> = random((batch, tokens, 6), rng);
            let (y, saved) = block.forward(x.clone(), &causal()).unwrap();
            assert_eq!(block.infer(x.view(), &causal()).unwrap(), y);
            // Sequence by sequence, by the parts alone.
            for (x, y) in x.outer_iter().zip(y.outer_iter()) {
                let normed =
                    block.attention_norm.infer(x, Threads::ONE).unwrap().insert_axis(ndarray::Axis(0));
                let attended = block.attention.infer(normed.view(), &causal()).unwrap();
                let h = &x + &attended.slice(s![0, .., ..]);
                let normed = block.feed_forward_norm.infer(h.view(), Threads::ONE).unwrap();
                let expected = &h + block.feed_forward.infer(normed.view(), Threads::ONE).unwrap();
                assert_close(&y, &expected, 1e-12);
            }
            let parts = saved.attention_norm.bytes() + saved.attention.bytes();
            assert_eq!(saved.bytes(), parts + saved.feed_forward_norm.bytes() + saved.feed_forward.bytes());
        }
    }
}

#[test]
fn gradients() {
    let rng = &mut fastrand::Rng::with_seed(2);
    for (block, tokens) in [(llama(rng), 3), (gpt(4, 2, rng), 3)] {
        differentiated(block, (2, tokens), rng).check(rng);
    }
    differentiated(gpt(24, 3, rng), (2, 70), rng).check_adjoint(rng);
}

fn differentiated(
    block: Block<f64>,
    (batch, tokens): (usize, usize),
    rng: &mut fastrand::Rng,
) -> Differentiated<'static, Block<f64>> {
    Differentiated {
        inputs: vec![random((batch, tokens, block.attention.sizes.dim), rng).into_dyn()],
        layer: block,
        forward: &|block, x| block.infer(fixed(&x[0]).view(), &causal()).unwrap().into_dyn(),
        backward: &|block, x: &[ArrayD<f64>], dy| {
            let (_, saved) = block.forward(fixed(&x[0]), &causal()).unwrap();
            let (dx, d_block) = block.backward(&saved, fixed(dy).view(), &causal()).unwrap();
            (vec![dx.into_dyn()], d_block)
        },
    }
}

/// The same weights in f32 and, loaded, in f64: outputs and gradients agree to what f32 can hold.
#[test]
fn f32_is_f64_rounded() {
    let rng = &mut fastrand::Rng::with_seed(6);
    let (narrow, mut wide) = (llama::<f32>(rng), llama::<f64>(rng));
    compare(&narrow, &mut wide, rng);
    let (narrow, mut wide) = (gpt::<f32>(6, 3, rng), gpt::<f64>(6, 3, rng));
    compare(&narrow, &mut wide, rng);

    fn compare(narrow: &Block<f32>, wide: &mut Block<f64>, rng: &mut fastrand::Rng) {
        safetensors::load(wide, "", &safetensors::save(narrow, "").unwrap()).unwrap();
        let (x, dy): (Array3<f32>, Array3<f32>) = (random((2, 80, 6), rng), random((2, 80, 6), rng));
        let (wide_x, wide_dy) = (x.mapv(f64::from), dy.mapv(f64::from));
        let (y, saved) = narrow.forward(x, &causal()).unwrap();
        let (wide_y, wide_saved) = wide.forward(wide_x, &causal()).unwrap();
        assert_close(&y.mapv(f64::from), &wide_y, 2e-6);
        let (dx, d_block) = narrow.backward(&saved, dy.view(), &causal()).unwrap();
        let (wide_dx, d_wide_block) = wide.backward(&wide_saved, wide_dy.view(), &causal()).unwrap();
        assert_close(&dx.mapv(f64::from), &wide_dx, 1e-5);
        for (d, wide) in d_block.parameters().into_iter().zip(d_wide_block.parameters()) {
            assert_close(&d.values.mapv(f64::from), &wide.values.to_owned(), 1e-5);
        }
    }
}

/// Korthikanti et al. count, in elements of dim for each token: inputs of the norms 2, of the projections 1,
/// queries, keys and values 3, of Wo 1, of the network 1, of the activation 4, of the second linear layer 4.
#[test]
fn saves_what_the_paper_counts() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let (batch, tokens, dim, heads) = (2, 7, 12, 3);
    let (_, saved) =
        gpt(dim, heads, rng).forward(random::<f64, _>((batch, tokens, dim), rng), &causal()).unwrap();
    let statistics = 2 * 2 + heads; // two norms' mean and deviation; the log-sum-exp
    assert_eq!(saved.bytes(), 8 * batch * tokens * (16 * dim + statistics));
}

#[test]
fn loads_what_it_saved() {
    let rng = &mut fastrand::Rng::with_seed(4);
    let block = llama::<f64>(rng);
    let bytes = safetensors::save(&block, "model.layers.0.").unwrap();
    let mut other = randomised(block.clone(), rng);
    assert_ne!(other, block);
    safetensors::load(&mut other, "model.layers.0.", &bytes).unwrap();
    assert_eq!(other, block);
    let names: Vec<String> = block.parameters().into_iter().map(|p| p.name).collect();
    let expected = [
        "input_layernorm.weight",
        "self_attn.q_proj.weight",
        "self_attn.k_proj.weight",
        "self_attn.v_proj.weight",
        "self_attn.o_proj.weight",
        "post_attention_layernorm.weight",
        "mlp.gate_proj.weight",
        "mlp.up_proj.weight",
        "mlp.down_proj.weight",
    ];
    assert_eq!(names, expected);
}

#[test]
fn shapes_that_dont_fit() {
    let rng = &mut fastrand::Rng::with_seed(5);
    let block = llama::<f64>(rng);
    let error = block.infer(Array3::zeros((1, 2, 5)).view(), &causal()).unwrap_err();
    assert!(error.to_string().starts_with("x is (2, 5), and (2, 6) was expected"), "{error}");
    let (_, saved) = block.forward(Array3::zeros((1, 2, 6)), &causal()).unwrap();
    let error = block.backward(&saved, Array3::zeros((2, 1, 6)).view(), &causal()).unwrap_err();
    assert!(
        error.to_string().starts_with("the gradient is (2, 1, 6), and (1, 2, 6) was expected"),
        "{error}"
    );
    let mut wrong = llama::<f64>(rng);
    wrong.feed_forward = FeedForward::SwiGlu(SwiGlu::random(5, 7, false, rng));
    let error = wrong.infer(Array3::zeros((1, 2, 6)).view(), &causal()).unwrap_err();
    assert!(error.to_string().starts_with("x is (2, 6), and (2, 5) was expected"), "{error}");
    wrong.feed_forward =
        FeedForward::SwiGlu(SwiGlu { down: Linear::zeros(7, 5, false), ..SwiGlu::random(6, 7, false, rng) });
    let error = wrong.infer(Array3::zeros((1, 2, 6)).view(), &causal()).unwrap_err();
    let expected = "what is added to a residual is (2, 5), and (2, 6) was expected";
    assert!(error.to_string().starts_with(expected), "{error}");
}
