//! Attention across ranks: equal to one rank, sending what the formula says. A new strategy is one line here.

#[path = "sequence_parallel/bad_calls.rs"]
mod bad_calls;
#[path = "sequence_parallel/balance.rs"]
mod balance;
#[path = "sequence_parallel/mutants.rs"]
mod mutants;
#[path = "sequence_parallel/redistribution.rs"]
mod redistribution;
#[path = "sequence_parallel/traffic.rs"]
mod traffic;

use parallel::{Exchange, Placement, Strategy};
use proptest::prelude::{Strategy as Generator, *};
use std::sync::LazyLock;
use testkit::attention::case::Case;
use testkit::attention::cases::masks;
use testkit::attention::{AttentionGear, Trial, suite};
use testkit::parallel::OnRanks;
use testkit::parallel::mutants::checks_of_ranks;
use testkit::suite::Verdict;

/// Every strategy on so many ranks.
fn strategies(ranks: usize) -> Vec<Strategy> {
    let mut all = vec![Strategy::Ulysses];
    for placement in Placement::ALL {
        all.push(Strategy::AllGather { placement });
        for both in [false, true] {
            all.push(Strategy::Ring { placement, both });
            let meshes = (2..ranks).filter(|&line| ranks.is_multiple_of(line));
            all.extend(meshes.map(|ulysses| Strategy::UlyssesRing { ulysses, placement, both }));
        }
    }
    all
}

/// Every strategy on so many ranks, with either exchange.
fn gears(ranks: usize) -> Vec<OnRanks> {
    let of = |strategy| {
        let fused = OnRanks { strategy, ranks, exchange: Exchange::Fused };
        let separate = OnRanks { exchange: Exchange::Separate, ..fused };
        if fused.line() == 1 { vec![fused] } else { vec![fused, separate] }
    };
    strategies(ranks).into_iter().flat_map(of).collect()
}

/// Self-attention with every mask: lengths that ranks divide, that they don't, and fewer tokens than ranks.
fn trials() -> &'static [Trial] {
    static TRIALS: LazyLock<Vec<Trial>> = LazyLock::new(|| {
        let mut cases = Vec::new();
        for tokens in [0, 1, 3, 8, 13] {
            for mask in masks(tokens, tokens) {
                let n: usize = cases.len();
                let (heads, kv_heads) = [(8, 2), (9, 3), (8, 8), (8, 1), (12, 4)][n % 5];
                let case =
                    Case::new(tokens, tokens).heads(1 + n % 2, heads, kv_heads).dims(1 + n % 3, 1 + n % 4);
                let dropout = (n % 3 == 1).then_some(0.25);
                cases.push(Case { dropout, seed: n as u64, ..case.mask(mask) });
            }
        }
        cases.into_iter().map(Trial::new).collect()
    });
    &TRIALS
}

/// Output, log-sum-exp and gradients of every strategy, on 1 to 8 ranks, with every mask: in f64 equal to the
/// oracle to within rounding.
#[test]
fn every_strategy_equals_one_rank() {
    let mut verdicts = 0;
    for ranks in 1..=8 {
        for (n, gear) in gears(ranks).iter().enumerate() {
            // Each meets every fifth case, beginning with another.
            for trial in trials().iter().skip((n + ranks) % 5).step_by(5) {
                verdicts += of_case(gear, "values", trial);
            }
        }
    }
    println!("{verdicts} cases");
    assert!(verdicts > 3000, "{verdicts} cases");
}

/// All that an attention owes besides: f32 by flash-attention's rule, gradients by differences, invariances,
/// hidden pairs poisoned, strides, bits.
#[test]
fn everything_that_an_attention_owes() {
    let mut verdicts = 0;
    for ranks in [2, 3, 4] {
        for (n, gear) in gears(ranks).iter().enumerate() {
            for (index, check) in checks_of_ranks::<OnRanks>().iter().enumerate() {
                for trial in trials().iter().skip((7 * n + index + ranks) % 47).step_by(47) {
                    verdicts += of_case(gear, check.name, trial);
                }
            }
        }
    }
    println!("{verdicts} cases");
    assert!(verdicts > 700, "{verdicts} cases");
}

#[track_caller]
fn of_case(gear: &OnRanks, check: &str, trial: &Trial) -> usize {
    match suite::check(gear, check, std::slice::from_ref(trial)) {
        Ok(cases) => cases,
        Err(rejection) => panic!("{gear:?}: {rejection}"),
    }
}

fn any_gear() -> impl Generator<Value = OnRanks> {
    (1..=8_usize).prop_flat_map(|ranks| prop::sample::select(gears(ranks)))
}

fn any_case() -> impl Generator<Value = Case> {
    let sizes = (0..=40_usize, 1..=2_usize, 1..=4_usize, 1..=6_usize, 1..=9_usize, 1..=9_usize);
    (sizes, 0..31_usize, any::<u64>(), prop::option::of(prop::sample::select(vec![0.0, 0.125, 0.75])))
        .prop_map(|((tokens, batch, kv_heads, group, head_dim, value_dim), mask, seed, dropout)| {
            let case =
                Case::new(tokens, tokens).heads(batch, kv_heads * group, kv_heads).dims(head_dim, value_dim);
            Case { seed, dropout, ..case.mask(masks(tokens, tokens)[mask].clone()) }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any strategy, any sizes, any mask, in f64 and in f32.
    #[test]
    fn any_strategy_equals_one_rank(gear in any_gear(), case in any_case()) {
        prop_assume!(gear.supports(&case));
        let trials = [Trial::new(case)];
        let verdict: Verdict =
            ["values", "precision"].iter().map(|check| suite::check(&gear, check, &trials)).sum();
        if let Err(rejection) = verdict {
            return Err(TestCaseError::fail(format!("{gear:?}: {rejection}")));
        }
    }
}
