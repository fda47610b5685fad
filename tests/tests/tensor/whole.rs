//! A block on several ranks is the block on one.

use crate::case::{Case, Inputs, Way, any_case, some_cases};
use crate::outcome::{equal, on_one, own, run};
use collectives::World;
use layers::{Algorithm, Parameters};
use parallel::tensor::Block;
use proptest::prelude::*;
use testkit::timed::arithmetic::rule;

const F64: f64 = 1e-10;

#[test]
fn a_block_is_the_block_of_one_rank() {
    for case in some_cases() {
        let inputs = Inputs::<f64>::of(&case);
        equal(&case, &run(&case, &inputs), &inputs.on_one_rank(), F64)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_block_is_the_block_of_one_rank(case in any_case()) {
        let inputs = Inputs::<f64>::of(&case);
        equal(&case, &run(&case, &inputs), &inputs.on_one_rank(), F64).map_err(TestCaseError::fail)?;
    }
}

/// Ranks need not be all of a world: here two groups of three, each of which shares key-value heads among its
/// own.
#[test]
fn a_block_on_some_of_the_ranks() {
    for way in Way::ALL {
        let case =
            some_cases().into_iter().find(|case| case.ranks == 3 && case.way == way).expect("one of them");
        let inputs = [case, Case { seed: 99, ..case }].map(|case| Inputs::<f64>::of(&case));
        let outcomes = World::new(6).run(|comm| {
            let group = comm.rank() % 2;
            let own = comm.split(Some(group as u32), comm.rank() as i64)?.expect("a color was given");
            Ok((group, on_one(&case, &inputs[group], &own)?))
        });
        let mut groups = [Vec::new(), Vec::new()];
        outcomes.unwrap().into_iter().for_each(|(group, outcome)| groups[group].push(outcome));
        for (outcomes, inputs) in groups.iter().zip(&inputs) {
            equal(&case, outcomes, &inputs.on_one_rank(), F64).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// In f32 at most twice the error that the plain form makes on one rank; see [`rule`].
#[test]
fn in_f32_it_is_as_near_as_the_plain_form() {
    for mut case in some_cases() {
        case.tokens = 19;
        let (inputs, exact) = (Inputs::<f32>::of(&case), Inputs::<f64>::of(&case).on_one_rank());
        assert_eq!(inputs.block.attention.algorithm, Algorithm::Flash, "what layers are made with");
        let plain = inputs.on_one_rank();
        for (rank, outcome) in run(&case, &inputs).into_iter().enumerate() {
            let of = |x| own(&case, x, rank);
            let wrong = rule::wrong(outcome.y.view(), own(&case, &plain.y, rank).view(), of(&exact.y).view());
            assert_eq!(wrong, 0, "y of rank {rank}: {case:?}");
            let wrong =
                rule::wrong(outcome.dx.view(), own(&case, &plain.dx, rank).view(), of(&exact.dx).view());
            assert_eq!(wrong, 0, "dx of rank {rank}: {case:?}");
            let plain = Block::from_full(&plain.gradient, case.ranks, rank).unwrap();
            let exact = Block::from_full(&exact.gradient, case.ranks, rank).unwrap();
            let parameters = outcome.gradient.parameters();
            for ((ours, plain), exact) in parameters.iter().zip(plain.parameters()).zip(exact.parameters()) {
                let wrong = rule::wrong(ours.values.view(), plain.values, exact.values);
                assert_eq!(wrong, 0, "the gradient of {} of rank {rank}: {case:?}", ours.name);
            }
        }
    }
}

/// What every rank has is the same bits on every rank: else replicas would drift apart.
#[test]
fn replicas_have_the_same_bits() {
    for case in some_cases() {
        let outcomes = run(&case, &Inputs::<f32>::of(&case));
        let replicated = |block: &Block<f32>| {
            let own = block.parameters().into_iter();
            let norms = own.filter(|p| {
                p.name.contains("norm")
                    || p.name.ends_with("o_proj.bias")
                    || p.name.ends_with("out_proj.bias")
                    || p.name.ends_with("fc2.bias")
                    || p.name.ends_with("down_proj.bias")
            });
            norms.map(|p| p.values.to_owned()).collect::<Vec<_>>()
        };
        for outcome in &outcomes[1..] {
            assert_eq!(replicated(&outcome.gradient), replicated(&outcomes[0].gradient), "{case:?}");
        }
    }
}
