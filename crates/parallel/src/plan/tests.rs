use super::*;
use crate::{Exchange, SequenceParallelAttention};
use attention::{Mask, Options, Threads};
use collectives::World;
use layers::activation::Activation;
use layers::feed_forward::{FeedForward, Mlp, SwiGlu};
use layers::norm::{LayerNorm, Norm, RmsNorm};
use layers::{MultiHeadAttention, Parameters, multi_head};
use ndarray::{ArcArray, Array4, Ix4};

fn layer(batch: usize, tokens: usize, [heads, kv_heads, head_dim]: [usize; 3]) -> Layer {
    let attention = multi_head::Sizes { dim: heads * head_dim + 2, heads, kv_heads, head_dim };
    let block = BlockSizes { attention, hidden: 7, gated: true, centred: false, biases: false };
    Layer { block, batch, tokens }
}

/// All that a mesh can be, too.
fn ways(ranks: usize) -> Vec<Way> {
    let mut ways = Way::all(ranks);
    for ulysses in (1..=ranks).filter(|&ulysses| ranks.is_multiple_of(ulysses)) {
        for placement in Placement::ALL {
            let meshes = [false, true].map(|both| Strategy::UlyssesRing { ulysses, placement, both });
            ways.extend(meshes.map(Way::Tokens));
        }
    }
    ways
}

#[test]
fn where_everything_divides_the_formulas_are_exact() {
    let mut compared = 0;
    for heads in [[24, 24, 4], [24, 12, 5], [24, 2, 1], [24, 1, 3]] {
        for ranks in 1..=12 {
            let layer = layer(2, 24 * ranks, heads);
            for way in ways(ranks) {
                let axis = match way {
                    Way::Tokens(strategy) => strategy.axes(ranks)[1],
                    _ => 1, // needn't divide: elements, not heads, are sent
                };
                // Heads and key-value heads are shared out evenly, or each key-value head among as many
                // ranks.
                let [heads, kv_heads, _] = heads;
                let even = heads.is_multiple_of(axis)
                    && (kv_heads.is_multiple_of(axis) || axis.is_multiple_of(kv_heads));
                if !even {
                    continue;
                }
                let plan = layer.plan(way, ranks).unwrap();
                for (sent, formula) in [plan.forward, plan.backward].iter().zip(&plan.formulas) {
                    let error = (sent.elements as f64 - formula.elements).abs();
                    assert!(
                        error < 1e-6,
                        "{} on {ranks} ranks, {layer:?}: {sent:?}, {formula:?}",
                        way.name()
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

/// Messages and bytes that each rank sends forward, and backward.
fn counted(layer: &Layer, strategy: Strategy, ranks: usize) -> Vec<[u64; 4]> {
    let multi_head::Sizes { heads, kv_heads, head_dim, .. } = layer.block.attention;
    let options = Options::masked(Mask::causal()).threads(Threads::ONE);
    let run = World::new(ranks).counting(true).run(|comm| {
        let attention = SequenceParallelAttention::new(comm, strategy)?.exchange(Exchange::Fused);
        let own = attention.tokens(layer.tokens).len();
        let random = |heads| -> ArcArray<f32, Ix4> {
            Array4::from_shape_fn((layer.batch, heads, own, head_dim), |(b, h, t, d)| {
                ((b + 2 * h + 3 * t + 5 * d) % 7) as f32
            })
            .into_shared()
        };
        let (query, key) = (random(heads), random(kv_heads));
        comm.reset_traffic();
        let sent = || comm.traffic().expect("it counts").total;
        let (_, saved) = attention.forward(layer.tokens, query.clone(), key.clone(), key, &options)?;
        let forward = sent();
        attention.backward(&saved, query.view(), &options)?;
        let all = sent();
        let messages = [forward.messages, all.messages - forward.messages];
        let bytes = [forward.bytes, all.bytes - forward.bytes];
        Ok([messages[0], bytes[0], messages[1], bytes[1]])
    });
    run.unwrap()
}

#[test]
fn a_plan_is_what_comes_of_it() {
    let width = size_of::<f32>();
    let mut tried = 0;
    for (layer, ranks) in [
        (layer(2, 13, [6, 3, 4]), 4),
        (layer(1, 3, [4, 2, 1]), 4),
        (layer(1, 20, [5, 5, 2]), 3),
        (layer(1, 9, [8, 2, 3]), 6),
    ] {
        for way in ways(ranks) {
            let Way::Tokens(strategy) = way else { continue };
            let plan = layer.plan(way, ranks).unwrap();
            let sent = counted(&layer, strategy, ranks);
            let most = |i: usize| sent.iter().map(|sent| sent[i]).max().unwrap() as usize;
            let sent = [0, 1, 2, 3].map(most);
            let Plan { forward, backward, .. } = plan;
            let planned =
                [forward.messages, width * forward.elements, backward.messages, width * backward.elements];
            assert_eq!(sent, planned, "{} on {ranks} ranks, {layer:?}", way.name());
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn one_rank_keeps_the_same_whatever_is_cut() {
    for (gated, centred) in [(false, true), (true, false)] {
        let mut layer = layer(3, 11, [6, 2, 5]);
        layer.block = BlockSizes { gated, centred, ..layer.block };
        let kept: Vec<usize> = ways(1).iter().map(|&way| layer.plan(way, 1).unwrap().saved).collect();
        assert!(kept.iter().all(|&saved| saved == kept[0]), "{kept:?}");
        let sent = |way| layer.plan(way, 1).unwrap();
        assert!(ways(1).into_iter().map(sent).all(|plan| plan.forward == Cost::default()
            && plan.backward == Cost::default()
            && plan.gradients == Cost::default()));
    }
}

/// On more ranks what is cut by tokens is what one rank keeps, shared out, and the heads' output twice.
#[test]
fn ranks_keep_together_what_one_would() {
    let layer = layer(2, 12, [6, 6, 5]);
    let one = layer.plan(Way::Tensor, 1).unwrap().saved;
    let again = 2 * 12 * 6 * 5; // B T H D
    for way in ways(6) {
        let plan = layer.plan(way, 6).unwrap();
        match way {
            Way::Tokens(strategy) => {
                let twice = if strategy.axes(6)[1] > 1 { again } else { 0 };
                assert_eq!(6 * plan.saved, one + twice, "{}", way.name());
            }
            // 7 hidden elements: two on one of the ranks.
            Way::TensorSequence(Keep::Shard) => assert_eq!(plan.saved, one / 6 + 24 * 3 * 2 - 24 * 3 * 7 / 6),
            _ => assert!(plan.saved > one / 6),
        }
    }
}

#[test]
fn parameters_are_those_of_blocks() {
    let random = &mut fastrand::Rng::with_seed(1);
    for biases in [false, true] {
        let sizes = multi_head::Sizes { dim: 10, heads: 6, kv_heads: 2, head_dim: 3 };
        let (norm, network) = match biases {
            true => (
                Norm::Layer(LayerNorm::new(10, true, 1e-5)),
                FeedForward::Mlp(Mlp::random(10, 7, true, Activation::Gelu, random)),
            ),
            false => {
                (Norm::Rms(RmsNorm::new(10, 1e-5)), FeedForward::SwiGlu(SwiGlu::random(10, 7, false, random)))
            }
        };
        let block = layers::Block::<f32> {
            attention_norm: norm.clone(),
            attention: MultiHeadAttention::random(sizes, biases, random),
            feed_forward_norm: norm,
            feed_forward: network,
        };
        let of = BlockSizes::of(&block);
        assert_eq!(parameters::parameters(&of, 1, 0).unwrap(), block.count());
        for ranks in 1..=6 {
            for rank in 0..ranks {
                let part = crate::tensor::Block::from_full(&block, ranks, rank).unwrap();
                assert_eq!(
                    parameters::parameters(&of, ranks, rank).unwrap(),
                    part.count(),
                    "{rank} of {ranks}"
                );
            }
        }
    }
}

#[test]
fn the_busiest_rank_under_a_causal_mask() {
    let busiest = |layer: &Layer, strategy, ranks| layer.plan(Way::Tokens(strategy), ranks).unwrap().busiest;
    let ring = |placement| Strategy::Ring { placement, both: false };
    let long = layer(1, 8000, [8, 8, 1]);
    // The last of contiguous shards: (2P-1)/P times the mean.
    let expected = 15.0 / 64.0;
    assert!((busiest(&long, ring(Placement::Contiguous), 8) - expected).abs() < 1e-4);
    assert!((busiest(&long, ring(Placement::Zigzag), 8) - 0.125).abs() < 1e-12);
    assert!((busiest(&long, ring(Placement::Striped), 8) - 0.125).abs() < 1e-3);
    assert!((busiest(&long, Strategy::Ulysses, 8) - 0.125).abs() < 1e-12);
    let heads = layer(1, 10, [9, 9, 1]);
    assert!((busiest(&heads, Strategy::Ulysses, 4) - 3.0 / 9.0).abs() < 1e-12);
    let mesh = Strategy::UlyssesRing { ulysses: 2, placement: Placement::Contiguous, both: false };
    // 5 of 9 heads for the last 5 of 10 tokens.
    assert!((busiest(&heads, mesh, 4) - 5.0 / 9.0 * 40.0 / 55.0).abs() < 1e-12);
    assert!((heads.plan(Way::Tensor, 2).unwrap().busiest - 5.0 / 9.0).abs() < 1e-12);
}

#[test]
fn key_value_heads_on_several_ranks_have_gradients_to_add() {
    let layer = layer(1, 8, [8, 2, 4]);
    let gradients = |way, ranks| layer.plan(way, ranks).unwrap().gradients;
    assert_eq!(gradients(Way::Tensor, 2), Cost::default());
    // Wk and Wv of one head among 2 ranks: each sends as many as there are.
    assert_eq!(gradients(Way::Tensor, 4).elements, 2 * 4 * 34);
    // All of a layer's parameters.
    let all = parameters::parameters(&layer.block, 1, 0).unwrap();
    let ulysses = gradients(Way::Tokens(Strategy::Ulysses), 4);
    assert!(ulysses.elements.abs_diff(2 * all * 3 / 4) <= 2 && ulysses.rounds == 6, "{ulysses:?}");
}

#[test]
fn what_does_not_fit_says_why() {
    let layer = layer(1, 100, [6, 3, 4]);
    for way in [Way::Tokens(Strategy::Ulysses), Way::Tensor, Way::TensorSequence(Keep::Whole)] {
        let error = layer.plan(way, 8).unwrap_err().to_string();
        assert!(error.starts_with("6 query heads can't be shared out among 8 ranks"), "{error}");
    }
    let fitting = Way::all(8).into_iter().filter(|&way| layer.plan(way, 8).is_ok()).count();
    assert_eq!((Way::all(8).len(), fitting), (12, 8));
}
