//! Mistakes that others made, by name, and some more: each planted in a block made of the same parts, and
//! each must be rejected by the comparison with one rank.

use crate::by_hand::{Mistake, block_by_hand};
use crate::case::{Case, Inputs, Masked, Way};
use crate::outcome::{Outcome, equal, is_near, own, run};
use layers::Parameters;
use layers::multi_head::Sizes;

/// Each with a case in which it matters: T divides by P, since others panic on shapes long before.
const MISTAKES: [(Mistake, Way, Masked); 15] = [
    (Mistake::EdgesSwapped, Way::Tensor, Masked::Causal),
    (Mistake::BackwardOfFForgotten, Way::Tensor, Masked::Causal),
    (Mistake::BiasOfEveryRank, Way::Tensor, Masked::Causal),
    (Mistake::BiasOfEveryRank, Way::Sequence, Masked::Causal),
    (Mistake::AttentionSummedTwice, Way::Sequence, Masked::Causal),
    (Mistake::NetworkWithoutGather, Way::Sequence, Masked::Causal),
    (Mistake::Averaged, Way::Sequence, Masked::Causal),
    (Mistake::NormsNotSummed, Way::Sequence, Masked::Causal),
    (Mistake::GradientNotGathered, Way::Sequence, Masked::Causal),
    (Mistake::GatheredByRank, Way::Sequence, Masked::Causal),
    (Mistake::HeadsShifted, Way::Tensor, Masked::Causal),
    (Mistake::LocalHeads, Way::Tensor, Masked::Alibi),
    (Mistake::LocalHeads, Way::Sequence, Masked::Dropout),
    (Mistake::ReplicasNotSummed, Way::Tensor, Masked::Causal),
    (Mistake::ReplicasNotSummed, Way::Sequence, Masked::Causal),
];

fn case(ranks: usize, way: Way, masked: Masked) -> Case {
    Case {
        ranks,
        way,
        batch: 2,
        tokens: 8,
        sizes: Sizes { dim: 6, heads: 4, kv_heads: 2, head_dim: 2 },
        hidden: 8,
        gated: false,
        biases: true,
        fused: false,
        turned: true,
        masked,
        seed: 5,
    }
}

#[test]
fn the_suite_rejects_every_mistake() {
    for (mistake, way, masked) in MISTAKES {
        let ranks = 4; // more than key-value heads
        let case = case(ranks, way, masked);
        let inputs = Inputs::<f64>::of(&case);
        let expected = inputs.on_one_rank();
        let mistaken = block_by_hand(&case, &inputs, Some(mistake));
        assert!(equal(&case, &mistaken, &expected, 1e-10).is_err(), "{mistake:?}, {way:?} isn't rejected");
    }
}

/// The hand-made block is right without a mistake, so it is the mistake that is rejected.
#[test]
fn without_a_mistake_the_block_made_by_hand_is_right() {
    for (_, way, masked) in MISTAKES {
        for ranks in [1, 2, 4] {
            let case = case(ranks, way, masked);
            let inputs = Inputs::<f64>::of(&case);
            let by_hand = block_by_hand(&case, &inputs, None);
            equal(&case, &by_hand, &inputs.on_one_rank(), 1e-10).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Why the cases are as they are: most mistakes pass where outputs alone are compared, for one sequence,
/// biases of zero, a plain mask, and as many key-value heads as ranks.
#[test]
fn most_mistakes_pass_an_easy_test() {
    let blatant = [
        Mistake::EdgesSwapped,
        Mistake::AttentionSummedTwice,
        Mistake::NetworkWithoutGather,
        Mistake::HeadsShifted,
    ];
    for (mistake, way, _) in MISTAKES {
        let sizes = Sizes { dim: 6, heads: 4, kv_heads: 4, head_dim: 2 };
        let case = Case { batch: 1, sizes, ..case(4, way, Masked::Causal) };
        let mut inputs = Inputs::<f64>::of(&case);
        for mut parameter in inputs.block.parameters_mut() {
            if parameter.name.ends_with("bias") {
                parameter.values.fill(0.0);
            }
        }
        let expected = inputs.on_one_rank().y;
        let outcomes = block_by_hand(&case, &inputs, Some(mistake));
        let passes = outcomes
            .iter()
            .enumerate()
            .all(|(rank, outcome)| is_near(&outcome.y, &own(&case, &expected, rank), 1e-10).is_ok());
        assert_eq!(passes, !blatant.contains(&mistake), "{mistake:?}, {way:?}");
    }
}

/// FateScript's `megatron_sp.py`: its attention was all-reduced and then reduce-scattered: P times what it
/// should be. Its test printed shapes, which were right.
#[test]
fn megatron_sp_attention_is_counted_once() {
    for ranks in [2, 4] {
        let (error, ours) = greatest_errors(ranks, Mistake::AttentionSummedTwice);
        assert!(error > 0.5, "the mistake shows: {error}");
        assert!(ours < 1e-12, "{ours}");
    }
}

/// FateScript's `megatron_sp.py`: its feed-forward network ran on shards that nobody had gathered.
#[test]
fn megatron_sp_network_gets_all_tokens() {
    for ranks in [2, 4] {
        let (error, ours) = greatest_errors(ranks, Mistake::NetworkWithoutGather);
        assert!(error > 0.5, "the mistake shows: {error}");
        assert!(ours < 1e-12, "{ours}");
    }
}

/// How far y is off with the mistake, and of our block. Shapes are right in both.
fn greatest_errors(ranks: usize, mistake: Mistake) -> (f64, f64) {
    let case = case(ranks, Way::Sequence, Masked::Causal);
    let inputs = Inputs::<f64>::of(&case);
    let expected = inputs.on_one_rank().y;
    let greatest = |outcomes: Vec<Outcome<f64>>| {
        let errors = outcomes.iter().enumerate().map(|(rank, outcome)| {
            let expected = own(&case, &expected, rank);
            assert_eq!(outcome.y.dim(), expected.dim());
            (&outcome.y - &expected).fold(0.0, |max: f64, error| max.max(error.abs()))
        });
        errors.fold(0.0, f64::max)
    };
    (greatest(block_by_hand(&case, &inputs, Some(mistake))), greatest(run(&case, &inputs)))
}

/// Gradients of weights are sums over tokens. An average is off by a factor P, in every norm, and only there.
#[test]
fn gradients_of_norms_are_summed_and_not_averaged() {
    for (mistake, factor) in [(Mistake::Averaged, Some(4.0)), (Mistake::NormsNotSummed, None)] {
        let case = case(4, Way::Sequence, Masked::Causal);
        let inputs = Inputs::<f64>::of(&case);
        let (ours, wrong) = (run(&case, &inputs), block_by_hand(&case, &inputs, Some(mistake)));
        for (ours, wrong) in ours.iter().zip(&wrong) {
            for (ours, wrong) in ours.gradient.parameters().iter().zip(wrong.gradient.parameters()) {
                let replicated = ours.name.contains("norm")
                    || ["o_proj.bias", "fc2.bias"].iter().any(|n| ours.name.ends_with(n));
                let by = if replicated { factor } else { Some(1.0) };
                let near =
                    |by: f64| ours.values.iter().zip(wrong.values).all(|(a, b)| (a - by * b).abs() < 1e-10);
                match by {
                    Some(by) => assert!(near(by), "{} should be {by} times as large", ours.name),
                    None => assert!(!near(1.0), "{} is a sum over tokens", ours.name),
                }
            }
        }
    }
}
