//! A stack of four blocks learns on several ranks as it does on one: fifty steps of gradient descent, under
//! every strategy.

use crate::case::{random, strategies};
use collectives::{Communicator, Sum, World};
use layers::activation::Activation;
use layers::feed_forward::{FeedForward, Mlp, SwiGlu};
use layers::multi_head::{Call, Sizes};
use layers::norm::{LayerNorm, Norm, RmsNorm};
use layers::rotary::{Convention, Frequencies, Rotary};
use layers::{Block, Mask, MultiHeadAttention, Options, Parameters, Threads};
use ndarray::{Array3, Axis};
use parallel::{SequenceParallelAttention, Strategy, gradients, stack};
use std::sync::Arc;

const STEPS: usize = 50;
const RATE: f64 = 0.1;
/// B, T and dim: no number of ranks divides T.
const SHAPE: (usize, usize, usize) = (1, 11, 4);

fn blocks() -> Vec<Block<f64>> {
    let rng = &mut fastrand::Rng::with_seed(1);
    let rotary = Arc::new(Rotary::new(&Frequencies::new(2, 100.0).unwrap(), Convention::HalfSplit, 20));
    let block = |index: usize| {
        // Head counts differ from block to block.
        let (heads, kv_heads) = [(4, 2), (6, 3), (4, 1), (4, 4)][index];
        let sizes = Sizes { dim: SHAPE.2, heads, kv_heads, head_dim: 2 };
        let attention = MultiHeadAttention::random(sizes, index < 2, rng);
        let (norm, network) = match index % 2 {
            0 => (Norm::Rms(RmsNorm::new(4, 1e-5)), FeedForward::SwiGlu(SwiGlu::random(4, 7, false, rng))),
            _ => (
                Norm::Layer(LayerNorm::new(4, true, 1e-5)),
                FeedForward::Mlp(Mlp::random(4, 9, true, Activation::Gelu, rng)),
            ),
        };
        Block {
            attention_norm: norm.clone(),
            attention: MultiHeadAttention { rotary: Some(rotary.clone()), ..attention },
            feed_forward_norm: norm,
            feed_forward: network,
        }
    };
    (0..4).map(block).collect()
}

/// What goes in, and what should come out.
fn task() -> (Array3<f64>, Array3<f64>) {
    let rng = &mut fastrand::Rng::with_seed(2);
    (random(SHAPE, rng), random(SHAPE, rng))
}

fn call() -> Call<'static, f64> {
    Call { options: Options::masked(Mask::causal()).threads(Threads::ONE), ..Call::default() }
}

/// The part that these tokens have in the mean square of all errors, and its gradient.
fn loss(y: &Array3<f64>, target: &Array3<f64>) -> (f64, Array3<f64>) {
    let count = (SHAPE.0 * SHAPE.1 * SHAPE.2) as f64; // of the whole, not of the shard
    let error = y - target;
    (error.iter().map(|error| error * error).sum::<f64>() / count, error * (2.0 / count))
}

fn descend(blocks: &mut [Block<f64>], gradients: &[Block<f64>]) {
    for (block, gradient) in blocks.iter_mut().zip(gradients) {
        for (p, g) in block.parameters_mut().into_iter().zip(gradient.parameters()) {
            let mut values = p.values;
            values.scaled_add(-RATE, &g.values);
        }
    }
}

/// The losses before each step, and the blocks after the last. Nothing of `parallel` takes part.
fn train_on_one() -> (Vec<f64>, Vec<Block<f64>>) {
    let (mut blocks, (x, target), call) = (blocks(), task(), call());
    let losses = (0..STEPS).map(|_| {
        let (mut x, mut saved) = (x.clone(), Vec::new());
        for block in &blocks {
            let (y, kept) = block.forward(x, &call).unwrap();
            saved.push(kept);
            x = y;
        }
        let (loss, mut gradient) = loss(&x, &target);
        let mut gradients = Vec::new();
        for (block, kept) in blocks.iter().zip(&saved).rev() {
            let (dx, d_block) = block.backward(kept, gradient.view(), &call).unwrap();
            gradients.insert(0, d_block);
            gradient = dx;
        }
        descend(&mut blocks, &gradients);
        loss
    });
    (losses.collect(), blocks)
}

/// The same as one of several.
fn train(comm: &Communicator, strategy: Strategy) -> parallel::Result<(Vec<f64>, Vec<Block<f64>>)> {
    let attention = SequenceParallelAttention::new(comm, strategy)?;
    let (mut blocks, (x, target), call) = (blocks(), task(), call());
    let tokens = SHAPE.1;
    let [x, target] = [x, target].map(|whole| whole.select(Axis(1), &attention.tokens(tokens)));
    let mut losses = Vec::with_capacity(STEPS);
    for _ in 0..STEPS {
        let (y, saved) = stack::forward(&blocks, &attention, tokens, x.clone(), &call)?;
        let (part, gradient) = loss(&y, &target);
        let (_, mut gradients) = stack::backward(&blocks, &attention, saved, gradient, &call)?;
        for gradient in &mut gradients {
            gradients::sum(comm, gradient)?;
        }
        descend(&mut blocks, &gradients);
        let mut whole = [part];
        comm.all_reduce(&mut whole, &Sum)?;
        losses.push(whole[0]);
    }
    Ok((losses, blocks))
}

#[test]
fn four_blocks_learn_as_on_one_rank() {
    let (expected, trained) = train_on_one();
    assert!(expected[STEPS - 1] < 0.5 * expected[0], "it learns: {expected:?}");

    for ranks in [3, 4] {
        // A mesh of one line is a ring, or Ulysses, which are there without it.
        let is_line = |ulysses| ulysses == 1 || ulysses == ranks;
        let mut strategies = strategies(ranks, 4);
        strategies.retain(|s| !matches!(s, Strategy::UlyssesRing { ulysses, .. } if is_line(*ulysses)));
        for strategy in strategies {
            let outcomes = World::new(ranks).run(|comm| Ok(train(comm, strategy)?));
            let outcomes = outcomes.unwrap_or_else(|error| panic!("{strategy:?} on {ranks} ranks: {error}"));
            for (losses, blocks) in &outcomes {
                for (step, (loss, expected)) in losses.iter().zip(&expected).enumerate() {
                    let error = (loss - expected).abs();
                    assert!(
                        error <= 1e-9,
                        "{strategy:?} on {ranks} ranks, step {step}: {loss}, one rank has {expected}"
                    );
                }
                assert!(*blocks == outcomes[0].1, "{strategy:?}: weights have drifted apart");
                for (ours, one) in blocks.iter().zip(&trained) {
                    for (ours, one) in ours.parameters().iter().zip(one.parameters()) {
                        let near = ours.values.iter().zip(one.values).all(|(a, b)| (a - b).abs() < 1e-9);
                        assert!(near, "{} of {strategy:?} on {ranks} ranks", ours.name);
                    }
                }
            }
        }
    }
}
