//! What each rank sends, to the byte.

use crate::case::{Case, Inputs, Masked, Turned, any_case, every_strategy};
use crate::outcome::{Outcome, run_attention, run_block};
use collectives::{Cost, Counts};
use layers::Parameters;
use layers::multi_head::Sizes;
use parallel::strategy::Strategy;
use parallel::{Exchange, Placement, gradients, multi_head};
use proptest::prelude::*;

/// Messages and bytes of f64 elements.
fn of_cost(cost: Cost) -> (u64, u64) {
    (cost.messages as u64, 8 * cost.elements as u64)
}

fn counted(counts: Counts) -> (u64, u64) {
    (counts.messages, counts.bytes)
}

/// Forward and backward what the attention sends, and then what the sum of the gradients does: nothing else.
fn sends_what_the_formulas_say<L: Parameters<f64>>(case: &Case, outcomes: &[Outcome<f64, L>]) {
    for (rank, outcome) in outcomes.iter().enumerate() {
        let shape = (case.batch, case.tokens);
        let mut sent = multi_head::cost(&case.sizes, shape, case.strategy, case.ranks, rank).unwrap();
        if case.exchange == Exchange::Separate {
            // Queries, keys and values each in an exchange of their own: two more, each way.
            sent.forward.messages += 2 * (case.line() - 1);
            sent.backward.messages += 2 * (case.line() - 1);
        }
        let sum = gradients::cost(outcome.gradient.count(), case.ranks, rank);
        let expected = [sent.forward, sent.backward, sum].map(of_cost);
        assert_eq!(outcome.sent.map(counted), expected, "rank {rank} of {case:?}");
    }
}

#[test]
fn a_layer_sends_what_its_formulas_say() {
    for case in every_strategy() {
        let inputs = Inputs::of(&case);
        sends_what_the_formulas_say(&case, &run_attention(&case, &inputs));
        sends_what_the_formulas_say(&case, &run_block(&case, &inputs));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_block_sends_what_its_formulas_say(case in any_case()) {
        sends_what_the_formulas_say(&case, &run_block(&case, &Inputs::of(&case)));
    }
}

/// The papers' words, where everything divides. N tokens, h = H D.
#[test]
fn a_rank_sends_what_the_papers_say() {
    let (n, h, p) = (16, 8 * 2, 4);
    let case = |strategy| Case {
        ranks: p,
        strategy,
        exchange: Exchange::Fused,
        batch: 1,
        tokens: n,
        sizes: Sizes { dim: 6, heads: 8, kv_heads: 8, head_dim: 2 },
        hidden: 6,
        gated: true,
        biases: false,
        fused: false,
        turned: Turned::From,
        masked: Masked::Causal,
        seed: 1,
    };
    let sent = |strategy| {
        let outcomes = run_block(&case(strategy), &Inputs::<f64>::of(&case(strategy)));
        let bytes = outcomes[1].sent.map(|counts| counts.bytes as usize);
        assert!(outcomes.iter().all(|outcome| outcome.sent.map(|counts| counts.bytes as usize) == bytes));
        bytes
    };
    // Weights: two norms, Wq, Wk, Wv and Wo, three matrices of the network.
    let weights = 2 * 6 + 4 * 6 * h + 3 * 6 * 6;
    let sum = 8 * 2 * weights * (p - 1) / p;
    // Ulysses: 4Nh/P, of which the part that stays where it is isn't sent.
    let ulysses = 8 * 4 * n * h / p * (p - 1) / p;
    assert_eq!(sent(Strategy::Ulysses), [ulysses, ulysses, sum]);
    // Ring: 2Nh/P to each of the P-1 others; backward as much again for the gradients.
    let ring = 8 * 2 * n * h / p * (p - 1);
    for placement in Placement::ALL {
        assert_eq!(sent(Strategy::Ring { placement, both: false }), [ring, 2 * ring, sum]);
        assert_eq!(sent(Strategy::AllGather { placement }), [ring, 2 * ring, sum]);
    }
}

#[test]
fn one_rank_sends_nothing() {
    for case in every_strategy().into_iter().filter(|case| case.ranks == 1) {
        for outcome in run_block(&case, &Inputs::<f64>::of(&case)) {
            assert_eq!(outcome.sent.map(counted), [(0, 0); 3], "{case:?}");
        }
    }
}
