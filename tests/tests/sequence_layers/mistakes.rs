//! Mistakes that others made with sequence parallel layers, by name; and planted ones, which what `whole.rs`
//! asks must reject.

use crate::case::{Case, Inputs, Masked, Turned, strategies};
use crate::outcome::{
    Outcome, attention_on_one, block_on_one, equal, is_near, own, run, run_attention, run_block,
};
use collectives::World;
use layers::multi_head::{Projected, Sizes};
use layers::rotary::Positions;
use layers::{MultiHeadAttention, Parameters, Threads};
use ndarray::{Array3, Array4, Axis};
use parallel::{Exchange, Placement, SequenceParallelAttention, Strategy, gradients, multi_head};

/// What can be done wrong with a multi-head attention.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    /// Queries and keys are turned by the places of their tokens in the shard.
    LocalPositions,
    /// Their gradients are turned back by them.
    LocalPositionsBackward,
    /// The gradients of weights are averaged, as ranks with sequences of their own do.
    Averaged,
    /// They aren't added up at all.
    NotSummed,
    /// Shards are cut in runs, and handed to a strategy that takes them for another placement.
    CutInRuns,
    /// Only the gradient of the output is.
    GradientCutInRuns,
}

const ZIGZAG: Strategy = Strategy::Ring { placement: Placement::Zigzag, both: false };
const STRIPED: Strategy = Strategy::AllGather { placement: Placement::Striped };
const CONTIGUOUS: Strategy = Strategy::Ring { placement: Placement::Contiguous, both: true };
const MESH: Strategy = Strategy::UlyssesRing { ulysses: 2, placement: Placement::Zigzag, both: false };

/// Each with strategies in which it matters.
const MISTAKES: [(Mistake, &[Strategy]); 6] = [
    (Mistake::LocalPositions, &[Strategy::Ulysses, CONTIGUOUS, ZIGZAG, STRIPED, MESH]),
    (Mistake::LocalPositionsBackward, &[Strategy::Ulysses, CONTIGUOUS, ZIGZAG, STRIPED, MESH]),
    (Mistake::Averaged, &[Strategy::Ulysses, CONTIGUOUS, ZIGZAG, STRIPED, MESH]),
    (Mistake::NotSummed, &[Strategy::Ulysses, CONTIGUOUS, ZIGZAG, STRIPED, MESH]),
    (Mistake::CutInRuns, &[ZIGZAG, STRIPED, MESH]),
    (Mistake::GradientCutInRuns, &[ZIGZAG, STRIPED, MESH]),
];

/// All shards are as long as each other, so that mistakes give wrong numbers, and not errors.
fn case(ranks: usize, strategy: Strategy) -> Case {
    Case {
        ranks,
        strategy,
        exchange: Exchange::Fused,
        batch: 2,
        tokens: 16,
        sizes: Sizes { dim: 8, heads: 4, kv_heads: 2, head_dim: 2 },
        hidden: 7,
        gated: true,
        biases: true,
        fused: false,
        turned: Turned::From,
        masked: Masked::Causal,
        seed: 11,
    }
}

#[test]
fn every_mistake_is_rejected() {
    for (mistake, strategies) in MISTAKES {
        for &strategy in strategies {
            let case = case(4, strategy);
            let inputs = Inputs::<f64>::of(&case);
            let verdict = equal(&case, &by_hand(&case, &inputs, mistake), &attention_on_one(&inputs), 1e-10);
            assert!(verdict.is_err(), "{mistake:?} isn't rejected: {strategy:?}");
        }
    }
}

/// The layer made by hand is right without a mistake, so it is the mistake that is rejected.
#[test]
fn without_a_mistake_the_layer_made_by_hand_is_right() {
    for ranks in [1, 2, 4] {
        for strategy in strategies(ranks, 4) {
            let case = case(ranks, strategy);
            let inputs = Inputs::<f64>::of(&case);
            equal(&case, &by_hand(&case, &inputs, None), &attention_on_one(&inputs), 1e-10)
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Rotary positions are those of the whole sequence. By those of the shard distances are right within a
/// shard, so with a causal mask all that rank 0 puts out is: a test that looks at rank 0 alone can't tell.
#[test]
fn positions_are_those_of_the_whole() {
    let case = case(4, CONTIGUOUS);
    let inputs = Inputs::<f64>::of(&case);
    let (ours, local) = (run_attention(&case, &inputs), by_hand(&case, &inputs, Mistake::LocalPositions));
    for (rank, (ours, local)) in ours.iter().zip(&local).enumerate() {
        let tolerance = if rank == 0 { 1e-10 } else { 1e-2 }; // what is wrong is so by more than rounding
        assert_eq!(is_near(&local.y, &ours.y, tolerance).is_ok(), rank == 0, "rank {rank}");
    }
}

/// Weight gradients are sums over tokens. An average is off by a factor P, in every one of them.
#[test]
fn gradients_of_weights_are_added_and_not_averaged() {
    for &strategy in MISTAKES[2].1 {
        let case = case(4, strategy);
        let inputs = Inputs::<f64>::of(&case);
        let averaged = by_hand(&case, &inputs, Mistake::Averaged);
        for (ours, averaged) in run_attention(&case, &inputs).iter().zip(&averaged) {
            for (ours, averaged) in ours.gradient.parameters().iter().zip(averaged.gradient.parameters()) {
                let off = ours.values.iter().zip(averaged.values).all(|(a, b)| (a - 4.0 * b).abs() < 1e-10);
                assert!(off, "{} under {strategy:?}", ours.name);
            }
        }
    }
}

/// DeepSpeed 5177, 7384, 7842: sequence lengths that the ranks don't divide were silently wrong. All lengths
/// up to 3P, among them those that leave ranks without a token.
#[test]
fn deepspeed_5177_any_length_on_any_ranks() {
    for ranks in 2..=4 {
        for tokens in 0..=3 * ranks {
            for strategy in strategies(ranks, 4) {
                let case = Case { tokens, batch: 1, ..case(ranks, strategy) };
                let inputs = Inputs::<f64>::of(&case);
                equal(&case, &run_block(&case, &inputs), &block_on_one(&inputs), 1e-10)
                    .unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}

/// DeepSpeed 8291: the head count stood in a global of the process, and was that of whoever came first: 12
/// heads on 4 ranks became 4, 4, 4 and 0, and hung. Here layers of 16, 12 and 6 heads take turns on one
/// attention, which has no head count of its own.
#[test]
fn deepspeed_8291_layers_with_other_head_counts() {
    let sizes =
        [(16, 4), (12, 12), (6, 2)].map(|(heads, kv_heads)| Sizes { dim: 8, heads, kv_heads, head_dim: 2 });
    for strategy in strategies(4, 6) {
        let cases = sizes.map(|sizes| Case { sizes, tokens: 11, ..case(4, strategy) });
        let inputs = cases.map(|case| Inputs::<f64>::of(&case));
        let outcomes = World::new(4).run(|comm| {
            let attention = SequenceParallelAttention::new(comm, strategy)?;
            let mut kept = Vec::new();
            for (case, inputs) in cases.iter().zip(&inputs) {
                let x = own(case, &inputs.x, comm.rank());
                let call = inputs.call();
                kept.push(multi_head::forward(&inputs.block.attention, &attention, case.tokens, x, &call)?);
            }
            let mut outcomes = Vec::new();
            for ((case, inputs), (y, saved)) in cases.iter().zip(&inputs).zip(kept).rev() {
                let (layer, dy) = (&inputs.block.attention, own(case, &inputs.dy, comm.rank()));
                let (dx, mut gradient) =
                    multi_head::backward(layer, &attention, &saved, dy.view(), &inputs.call())?;
                gradients::sum(comm, &mut gradient)?;
                outcomes.insert(0, Outcome { y, dx, gradient, sent: Default::default(), saved: 0 });
            }
            Ok(outcomes)
        });
        let mut ranks: Vec<_> = outcomes.unwrap().into_iter().map(Vec::into_iter).collect();
        for (case, inputs) in cases.iter().zip(&inputs) {
            let outcomes: Vec<_> = ranks.iter_mut().map(|rank| rank.next().expect("of each layer")).collect();
            equal(case, &outcomes, &attention_on_one(inputs), 1e-10)
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// NeMo 14488: where all tokens of a rank were masked its result was NaN. Here each rank in turn has nothing
/// but padding: its queries see no key, and nobody sees its keys.
#[test]
fn nemo_14488_a_rank_of_padding_alone() {
    for ranks in [2, 4] {
        for strategy in strategies(ranks, 4) {
            for padded in 0..ranks {
                let case = Case { masked: Masked::Allowed, ..case(ranks, strategy) };
                let padding = case.own(padded);
                let mut inputs = Inputs::<f64>::of(&case);
                let real = |token| !padding.contains(&token);
                inputs.allowed =
                    Array4::from_shape_fn(inputs.allowed.dim(), |(.., query, key)| real(query) && real(key));
                let outcomes = run_attention(&case, &inputs);
                equal(&case, &outcomes, &attention_on_one(&inputs), 1e-10)
                    .unwrap_or_else(|error| panic!("{error}"));
                // What comes of nothing is Wo's bias, and no gradient.
                let bias = inputs.block.attention.output.bias.as_ref().expect("it has biases");
                let Outcome { y, dx, .. } = &outcomes[padded];
                assert!(y.rows().into_iter().all(|y| y == bias), "{case:?}");
                assert!(dx.iter().all(|&dx| dx == 0.0), "{case:?}");
                // The same for the block, in which a residual comes to it.
                equal(&case, &run_block(&case, &inputs), &block_on_one(&inputs), 1e-10)
                    .unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}

/// long-context-attention 53: a test cut shards in runs and compared them in runs, while the attention took
/// them for zigzag. Shapes are right. With neither a mask nor positions even the numbers are, since attention
/// doesn't mind in which order the keys come: a test without them can't tell.
#[test]
fn long_context_attention_53_the_zigzag_order_shows() {
    for strategy in [ZIGZAG, STRIPED, MESH] {
        for (masked, turned, shows) in [
            (Masked::Causal, Turned::No, true),
            (Masked::No, Turned::From, true),
            (Masked::No, Turned::No, false),
        ] {
            let case = Case { masked, turned, ..case(4, strategy) };
            let inputs = Inputs::<f64>::of(&case);
            let expected = attention_on_one(&inputs);
            equal(&case, &run_attention(&case, &inputs), &expected, 1e-10)
                .unwrap_or_else(|error| panic!("{error}"));
            let in_runs = Case { strategy: CONTIGUOUS, ..case };
            let forgotten = zigzag_forgotten(&case, &in_runs, &inputs);
            assert_eq!(equal(&in_runs, &forgotten, &expected, 1e-10).is_err(), shows, "{case:?}");
        }
    }
}

/// Shards cut in runs, under the strategy of the case.
fn zigzag_forgotten(
    case: &Case,
    in_runs: &Case,
    inputs: &Inputs<f64>,
) -> Vec<Outcome<f64, MultiHeadAttention<f64>>> {
    run(case, |comm, attention, _| {
        let (layer, call) = (&inputs.block.attention, inputs.call());
        let [x, dy] = [&inputs.x, &inputs.dy].map(|whole| own(in_runs, whole, comm.rank()));
        let (y, saved) = multi_head::forward(layer, attention, case.tokens, x, &call)?;
        let (dx, mut gradient) = multi_head::backward(layer, attention, &saved, dy.view(), &call)?;
        gradients::sum(comm, &mut gradient)?;
        Ok(Outcome { y, dx, gradient, sent: Default::default(), saved: 0 })
    })
}

/// A multi-head attention made of the steps of the layer and of the attention across ranks, in which
/// something can be done wrong.
fn by_hand(
    case: &Case,
    inputs: &Inputs<f64>,
    mistake: impl Into<Option<Mistake>>,
) -> Vec<Outcome<f64, MultiHeadAttention<f64>>> {
    let mistake = mistake.into();
    let is = |mistakes: &[Mistake]| mistake.is_some_and(|mistake| mistakes.contains(&mistake));
    run(case, |comm, attention, _| {
        let (layer, call) = (&inputs.block.attention, inputs.call());
        let runs = Placement::Contiguous.tokens(case.tokens, case.ranks, comm.rank());
        let own = case.own(comm.rank());
        let cut = |x: &Array3<f64>, in_runs| x.select(Axis(1), if in_runs { &runs } else { &own });
        let x = cut(&inputs.x, is(&[Mistake::CutInRuns]));
        let global: Vec<usize> = own.iter().map(|token| 3 + token).collect(); // as the call says
        let positions = |local| if local { Positions::From(3) } else { Positions::Each(&global) };

        let local = is(&[Mistake::LocalPositions]);
        let Projected { query, key, value } = layer.project(x.view(), positions(local), Threads::ONE)?;
        let (attended, saved) = attention.forward(case.tokens, query, key, value, &call.options)?;
        let y = layer.project_output(attended.view(), Threads::ONE)?;

        let dy = cut(&inputs.dy, is(&[Mistake::CutInRuns, Mistake::GradientCutInRuns]));
        let (d_attended, output) = layer.project_output_backward(attended.view(), dy.view(), Threads::ONE)?;
        let d = attention.backward(&saved, d_attended.view(), &call.options)?;
        let local = is(&[Mistake::LocalPositions, Mistake::LocalPositionsBackward]);
        let (dx, projections) = layer.project_backward(x.view(), &d, positions(local), Threads::ONE)?;
        let mut gradient = MultiHeadAttention { inputs: projections, output, ..layer.clone() };
        if !is(&[Mistake::NotSummed]) {
            gradients::sum(comm, &mut gradient)?;
        }
        if is(&[Mistake::Averaged]) {
            for mut parameter in gradient.parameters_mut() {
                parameter.values /= case.ranks as f64;
            }
        }
        Ok(Outcome { y, dx, gradient, sent: Default::default(), saved: 0 })
    })
}
