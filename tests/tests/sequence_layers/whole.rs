//! A layer on several ranks is the layer on one.

use crate::case::{Case, Inputs, any_case, every_strategy, strategies};
use crate::outcome::{
    OnOne, Outcome, attention_on_one, block_on_one, equal, own, run, run_attention, run_block,
};
use layers::{Algorithm, Parameters};
use parallel::{Exchange, block, multi_head};
use proptest::prelude::*;
use testkit::timed::arithmetic::rule;

const F64: f64 = 1e-10;

#[test]
fn a_block_is_the_block_of_one_rank() {
    for case in every_strategy() {
        let inputs = Inputs::<f64>::of(&case);
        equal(&case, &run_block(&case, &inputs), &block_on_one(&inputs), F64)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_block_is_the_block_of_one_rank(case in any_case()) {
        let inputs = Inputs::<f64>::of(&case);
        equal(&case, &run_block(&case, &inputs), &block_on_one(&inputs), F64).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_attention_is_the_attention_of_one_rank(case in any_case()) {
        let inputs = Inputs::<f64>::of(&case);
        equal(&case, &run_attention(&case, &inputs), &attention_on_one(&inputs), F64)
            .map_err(TestCaseError::fail)?;
    }
}

/// In f32 at most twice the error that the plain form makes on one rank; see [`rule`].
#[test]
fn in_f32_it_is_as_near_as_the_plain_form() {
    for case in every_strategy() {
        let case = Case { tokens: 29, ..case };
        let (inputs, exact) = (Inputs::<f32>::of(&case), Inputs::<f64>::of(&case));
        assert_eq!(inputs.block.attention.algorithm, Algorithm::Flash, "what layers are made with");
        within_the_rule(&case, run_block(&case, &inputs), &block_on_one(&inputs), &block_on_one(&exact));
    }
}

fn within_the_rule<L: Parameters<f32>, M: Parameters<f64>>(
    case: &Case,
    outcomes: Vec<Outcome<f32, L>>,
    plain: &OnOne<f32, L>,
    exact: &OnOne<f64, M>,
) {
    for (rank, outcome) in outcomes.into_iter().enumerate() {
        for (what, ours, plain, exact) in
            [("y", &outcome.y, &plain.y, &exact.y), ("dx", &outcome.dx, &plain.dx, &exact.dx)]
        {
            // What is allowed is said of the whole: a shard of few tokens may have no error at all on one
            // rank.
            let allowed = rule::allowed(plain.view(), exact.view());
            let error = rule::greatest_error(ours.view(), own(case, exact, rank).view());
            assert!(error <= allowed, "{what} of rank {rank} is off by {error:e}, not {allowed:e}: {case:?}");
        }
        let parameters = outcome.gradient.parameters();
        for ((ours, plain), exact) in
            parameters.iter().zip(plain.gradient.parameters()).zip(exact.gradient.parameters())
        {
            let wrong = rule::wrong(ours.values.view(), plain.values, exact.values);
            assert_eq!(wrong, 0, "the gradient of {} of rank {rank}: {case:?}", ours.name);
        }
    }
}

/// All ranks take the same step, to the last bit, or their weights would drift apart.
#[test]
fn gradients_are_the_same_bits_on_every_rank() {
    for case in every_strategy() {
        let outcomes = run_block(&case, &Inputs::<f32>::of(&case));
        assert!(outcomes.iter().all(|outcome| outcome.gradient == outcomes[0].gradient), "{case:?}");
    }
}

/// How an array lies in memory doesn't matter: here a token's sequences stand side by side, (T_r, B, dim).
#[test]
fn any_strides_will_do() {
    for case in every_strategy().into_iter().filter(|case| case.ranks == 3) {
        let inputs = Inputs::<f64>::of(&case);
        let call = inputs.call();
        let run = |strided: bool| {
            run(&case, |comm, attention, _| {
                let [x, dy] = [&inputs.x, &inputs.dy].map(|whole| {
                    let x = own(&case, whole, comm.rank()).permuted_axes([1, 0, 2]);
                    let x = if strided { x.as_standard_layout().into_owned() } else { x };
                    x.permuted_axes([1, 0, 2])
                });
                let (y, saved) = block::forward(&inputs.block, attention, case.tokens, x.clone(), &call)?;
                let (dx, d) = block::backward(&inputs.block, attention, &saved, dy.view(), &call)?;
                let layer = &inputs.block.attention;
                let (z, saved) = multi_head::forward(layer, attention, case.tokens, x, &call)?;
                let (dz, e) = multi_head::backward(layer, attention, &saved, dy.view(), &call)?;
                Ok((y, dx, d, z, dz, e))
            })
        };
        assert!(run(true) == run(false), "{case:?}");
    }
}

/// One rank is one rank: the very bits of the layer alone, whatever the strategy; if it makes queries, keys
/// and values in one product, as the layer does.
#[test]
fn one_rank_computes_what_the_layer_does() {
    for case in every_strategy().into_iter().filter(|case| case.ranks == 1) {
        let inputs = Inputs::<f64>::of(&case);
        let (y, saved) = inputs.block.forward(inputs.x.clone(), &inputs.call()).unwrap();
        let (dx, gradient) = inputs.block.backward(&saved, inputs.dy.view(), &inputs.call()).unwrap();
        let outcomes = run_block(&case, &inputs);
        let expected = OnOne { y, dx, gradient };
        let tolerance = if case.exchange == Exchange::Fused { 0.0 } else { F64 };
        equal(&case, &outcomes, &expected, tolerance).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Else a strategy might be left out without anybody noticing.
#[test]
fn there_are_as_many_strategies_as_there_should_be() {
    // Ulysses; 3 placements of an all-gather; 6 rings; 6 for each divisor of P.
    assert_eq!(strategies(6, 8).len(), 1 + 3 + 6 + 6 * 4);
    assert_eq!(strategies(8, 2).len(), 3 + 6 + 6 * 2);
    assert_eq!(every_strategy().len(), 8 * 10 + 6 * (1 + 2 + 2 + 3 + 2 + 4 + 2 + 4));
}
