//! A language model of four blocks learns on several ranks as it does on one: embedding, blocks, norm,
//! logits, loss, all cut up, fifty steps of gradient descent.

use crate::case::{Way, randomised};
use collectives::World;
use layers::feed_forward::{FeedForward, SwiGlu};
use layers::multi_head::{Call, Sizes};
use layers::norm::{Norm, RmsNorm};
use layers::rotary::{Convention, Frequencies, Rotary};
use layers::{Block, Linear, Mask, MultiHeadAttention, Options, Parameters, Threads};
use ndarray::{Array2, Array3, ArrayViewD, ArrayViewMutD, Axis};
use parallel::tensor::{self, ColumnParallel, Edges, Embedding, Ranks, cross_entropy};
use std::sync::Arc;

const STEPS: usize = 50;
const RATE: f64 = 0.2;
const SIZES: Sizes = Sizes { dim: 8, heads: 4, kv_heads: 2, head_dim: 2 };
const VOCABULARY: usize = 11;
/// B and T.
const SHAPE: (usize, usize) = (2, 7);

/// On one rank.
struct Model {
    table: Array2<f64>,
    blocks: Vec<Block<f64>>,
    norm: Norm<f64>,
    head: Linear<f64>,
}

impl Model {
    fn new() -> Model {
        let rng = &mut fastrand::Rng::with_seed(1);
        let rotary = Arc::new(Rotary::new(&Frequencies::new(2, 100.0).unwrap(), Convention::HalfSplit, 20));
        let norm = || Norm::Rms(RmsNorm::new(SIZES.dim, 1e-5));
        let blocks = (0..4).map(|_| {
            let attention = MultiHeadAttention::random(SIZES, true, rng);
            Block {
                attention_norm: norm(),
                attention: MultiHeadAttention { rotary: Some(rotary.clone()), ..attention },
                feed_forward_norm: norm(),
                feed_forward: FeedForward::SwiGlu(SwiGlu::random(SIZES.dim, 13, true, rng)),
            }
        });
        let blocks = blocks.collect();
        let table = randomised(Linear::zeros(SIZES.dim, VOCABULARY, false), rng).weight;
        Model { table, blocks, norm: norm(), head: Linear::random(SIZES.dim, VOCABULARY, false, rng) }
    }

    /// A step of gradient descent: the loss before it. No layer of `parallel` takes part.
    fn step(&mut self) -> f64 {
        let call = call();
        let flat = |x: Array3<f64>| x.into_shape_with_order((SHAPE.0 * SHAPE.1, SIZES.dim)).unwrap();
        let by_sequence = |x: Array2<f64>| x.into_shape_with_order((SHAPE.0, SHAPE.1, SIZES.dim)).unwrap();
        let ids = ids();
        let mut x =
            Array3::from_shape_fn((SHAPE.0, SHAPE.1, SIZES.dim), |(b, t, d)| self.table[(ids[(b, t)], d)]);
        let mut saved = Vec::new();
        for block in &self.blocks {
            let (y, kept) = block.forward(x, &call).unwrap();
            saved.push(kept);
            x = y;
        }
        let (normed, kept_norm) = self.norm.forward(flat(x), Threads::ONE).unwrap();
        let (logits, kept_head) = self.head.forward(normed, Threads::ONE).unwrap();

        let mut loss = 0.0;
        let mut d_logits = logits.mapv(f64::exp);
        for ((logits, mut d), target) in logits.outer_iter().zip(d_logits.outer_iter_mut()).zip(targets()) {
            let sum = d.sum();
            loss += (sum.ln() - logits[target]) / logits_count();
            d /= sum;
            d[target] -= 1.0;
            d /= logits_count();
        }

        let (d, d_head) = self.head.backward(&kept_head, d_logits.view(), Threads::ONE).unwrap();
        let (d, d_norm) = self.norm.backward(&kept_norm, d.view(), Threads::ONE).unwrap();
        let mut d = by_sequence(d);
        for (block, kept) in self.blocks.iter_mut().zip(saved).rev() {
            let (dx, d_block) = block.backward(&kept, d.view(), &call).unwrap();
            descend(block, &d_block);
            d = dx;
        }
        for ((b, t), &id) in ids.indexed_iter() {
            self.table.row_mut(id).scaled_add(-RATE, &d.index_axis(Axis(0), b).row(t));
        }
        descend(&mut self.norm, &d_norm);
        descend(&mut self.head, &d_head);
        loss
    }
}

/// On one of several.
struct Part {
    embedding: Embedding<f64>,
    blocks: Vec<tensor::Block<f64>>,
    norm: Norm<f64>,
    head: ColumnParallel<f64>,
}

impl Part {
    fn of(model: &Model, ranks: usize, rank: usize) -> parallel::Result<Part> {
        let blocks = model.blocks.iter().map(|block| tensor::Block::from_full(block, ranks, rank));
        Ok(Part {
            embedding: Embedding::from_full(model.table.view(), ranks, rank),
            blocks: blocks.collect::<parallel::Result<_>>()?,
            norm: model.norm.clone(),
            head: ColumnParallel::from_full(&model.head, ranks, rank),
        })
    }

    fn step(&mut self, ranks: &Ranks<'_>, edges: Edges) -> parallel::Result<f64> {
        let call = call();
        let (mut x, kept_embedding) = self.embedding.forward(ranks, edges, ids().view())?;
        let mut saved = Vec::new();
        for block in &self.blocks {
            let (y, kept) = block.forward(ranks, edges, x, &call)?;
            saved.push(kept);
            x = y;
        }
        let shape = x.dim(); // (B, T or T_r, dim)
        let rows = (shape.0 * shape.1, shape.2);
        let (normed, kept_norm) = self.norm.forward(x.into_shape_with_order(rows).unwrap(), Threads::ONE)?;
        let normed = normed.into_shape_with_order(shape).unwrap();
        let (logits, kept_head) = self.head.forward(ranks, edges, normed, Threads::ONE)?;
        let (batch, tokens, own) = logits.dim();
        let logits = logits.into_shape_with_order((batch * tokens, own)).unwrap();
        let (loss, kept_loss) = cross_entropy::forward(ranks, logits, VOCABULARY, &targets(), Threads::ONE)?;

        let d = cross_entropy::backward(&kept_loss, 1.0, Threads::ONE);
        let d = d.into_shape_with_order((batch, tokens, own)).unwrap();
        let (d, d_head) = self.head.backward(ranks, edges, kept_head, d.view(), Threads::ONE)?;
        let d = d.into_shape_with_order(rows).unwrap();
        let (d, mut d_norm) = self.norm.backward(&kept_norm, d.view(), Threads::ONE)?;
        let of_own_tokens = d_norm.parameters_mut().into_iter().map(|p| p.values).collect();
        edges.sum_over_shards(ranks, of_own_tokens)?;
        let mut d = d.into_shape_with_order(shape).unwrap();
        for (block, kept) in self.blocks.iter_mut().zip(saved).rev() {
            let (dx, d_block) = block.backward(ranks, edges, kept, d, &call)?;
            descend(block, &d_block);
            d = dx;
        }
        let d_embedding = self.embedding.backward(ranks, edges, kept_embedding, d)?;
        descend(&mut self.embedding, &d_embedding);
        descend(&mut self.norm, &d_norm);
        descend(&mut self.head, &d_head);
        Ok(loss)
    }
}

fn call() -> Call<'static, f64> {
    Call { options: Options::masked(Mask::causal()).threads(Threads::ONE), ..Call::default() }
}

fn ids() -> Array2<usize> {
    Array2::from_shape_fn(SHAPE, |(b, t)| (3 * b + t * t + 2) % VOCABULARY)
}

/// Of each token, sequence by sequence: something to be learned by heart.
fn targets() -> Vec<usize> {
    ids().iter().enumerate().map(|(place, id)| (7 * id + place) % VOCABULARY).collect()
}

fn logits_count() -> f64 {
    (SHAPE.0 * SHAPE.1) as f64
}

fn descend<L: Parameters<f64>>(layer: &mut L, gradient: &L) {
    let step = |mut values: ArrayViewMutD<'_, f64>, gradient: ArrayViewD<'_, f64>| {
        values.scaled_add(-RATE, &gradient)
    };
    for (p, g) in layer.parameters_mut().into_iter().zip(gradient.parameters()) {
        step(p.values, g.values);
    }
}

#[test]
fn four_blocks_learn_as_on_one_rank() {
    let mut model = Model::new();
    let expected: Vec<f64> = (0..STEPS).map(|_| model.step()).collect();
    assert!(expected[STEPS - 1] < 0.5 * expected[0], "it learns: {expected:?}");

    for ranks in 1..=4 {
        for way in Way::ALL {
            let edges = way.edges(SHAPE.1);
            let losses = World::new(ranks).run(|comm| {
                let ranks = Ranks::for_heads(comm, SIZES.heads, SIZES.kv_heads)?;
                let mut part = Part::of(&Model::new(), comm.size(), comm.rank())?;
                let losses =
                    (0..STEPS).map(|_| part.step(&ranks, edges)).collect::<parallel::Result<Vec<f64>>>()?;
                // In the end it is the same model, whose replicas are equal to the last bit.
                let trained = part.embedding.to_full(&ranks)?;
                assert!((&trained - &model.table).iter().all(|error| error.abs() < 1e-9), "{way:?}");
                for (part, block) in part.blocks.iter().zip(&model.blocks) {
                    let whole = part.to_full(&ranks)?;
                    for (a, b) in whole.parameters().iter().zip(block.parameters()) {
                        let near = a.values.iter().zip(b.values).all(|(a, b)| (a - b).abs() < 1e-9);
                        assert!(near, "{} of {way:?} on {} ranks", a.name, comm.size());
                    }
                    assert_eq!(tensor::Block::from_full(&whole, comm.size(), comm.rank())?, *part);
                }
                Ok(losses)
            });
            for losses in losses.unwrap() {
                for (step, (loss, expected)) in losses.iter().zip(&expected).enumerate() {
                    let error = (loss - expected).abs();
                    assert!(
                        error <= 1e-9,
                        "{way:?} on {ranks} ranks, step {step}: {loss}, one rank has {expected}"
                    );
                }
            }
        }
    }
}
