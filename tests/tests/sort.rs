//! Every sort against everything it owes. A new algorithm is one line here.

use bitonic::{Algorithm, Direction};
use proptest::prelude::*;
use simd::Level;
use std::process::Command;
use testkit::sorting::{Comparing, Input, Merges, Pairs, Pattern, Suited, comparing, suite};
use testkit::suite::Verdict;

/// A module of tests for each sort: one test a check, so that a failure says what and where.
macro_rules! gears {
    ($gear_type:ty, $checks:tt: $($name:ident: $gear:expr;)*) => {
        $(mod $name {
            use super::*;
            checks! { $gear_type, $gear, $checks }
        })*
    };
}

macro_rules! checks {
    ($gear_type:ty, $gear:expr, { $($test:ident: $check:literal,)* }) => {
        $(
            #[test]
            fn $test() {
                passes($gear.check($check));
            }
        )*

        #[test]
        fn no_check_is_missing_here() {
            let names: Vec<_> = <$gear_type>::checks().iter().map(|check| check.name).collect();
            assert_eq!(names, [$($check),*]);
        }
    };
}

gears! {
    Algorithm, {
        lengths: "lengths",
        long: "long",
        types: "types",
        extremes: "extremes",
        permutation: "permutation",
        descending: "descending",
        again: "again",
        places: "places",
        zeros_and_ones: "zeros and ones",
        two_runs: "two runs",
    }:
    recursive: Algorithm::Recursive;
    iterative: Algorithm::Iterative;
    blocked: Algorithm::Blocked;
    simd_keys: Algorithm::Simd;
    parallel: Algorithm::Parallel;
}

gears! {
    Comparing, {
        items: "items",
        oblivious: "oblivious",
        network: "network",
        answers: "answers",
        panics: "panics",
    }:
    recursive_by: Comparing::Recursive;
    iterative_by: Comparing::Iterative;
    blocked_by: Comparing::Blocked;
}

gears! {
    Pairs, {
        argsort: "argsort",
        pairs: "pairs",
        values: "values",
        by_key: "by key",
        pair_places: "pair places",
    }:
    simd_pairs: Pairs;
}

gears! {
    Merges, {
        hills: "hills",
        valleys: "valleys",
        hills_of_ones: "hills of ones",
        valleys_of_ones: "valleys of ones",
    }:
    simd_merges: Merges;
}

/// The suite as on lesser processors: this program again, with the wider vectors masked.
#[test]
fn without_wide_vectors() {
    for level in Level::ALL.into_iter().filter(|&level| level < simd::level()) {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .args(["simd_", "blocked::types", "the_level_is_the_one_asked_for"])
            .env("GEARS_SIMD", level.name())
            .output()
            .expect("it starts");
        let (said, errors) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        // Those of the three modules, and two.
        let tests = format!("test result: ok. {} passed", 11 + 6 + 5 + 2);
        assert!(child.status.success() && said.contains(&tests), "{}:\n{said}\n{errors}", level.name());
    }
}

/// The masked runs are masked.
#[test]
fn the_level_is_the_one_asked_for() {
    if let Ok(asked) = std::env::var("GEARS_SIMD") {
        assert_eq!(simd::level().name(), asked);
    }
}

/// What the check `network` compares with is the network that `verify` proves.
#[test]
fn the_network_is_that_which_is_proven() {
    for wires in 0..=130 {
        let network = bitonic::network::Kind::Bitonic.build(wires);
        let expected: Vec<(usize, usize)> = network.comparators().map(|c| (c.low, c.high)).collect();
        assert_eq!(comparing::network_of(wires), expected);
    }
}

#[test]
fn names_are_those_of_the_command_line() {
    let names = ["recursive", "iterative", "blocked", "simd", "parallel"];
    assert_eq!(Algorithm::ALL.map(Algorithm::name), names);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any algorithm, any input.
    #[test]
    fn any_input(
        algorithm in prop::sample::select(Algorithm::ALL.to_vec()),
        pattern in prop::sample::select(Pattern::ALL.to_vec()),
        direction in prop::sample::select(Direction::ALL.to_vec()),
        length in 0..5000_usize,
        seed: u64,
        nth_type in 0..6_usize,
    ) {
        let input = Input { pattern, length, seed };
        if let Err(rejection) = suite::one(algorithm, nth_type, &input, direction) {
            return Err(TestCaseError::fail(format!("{}: {rejection}", algorithm.name())));
        }
    }
}

/// A check that had nothing to check proves nothing.
#[track_caller]
fn passes(verdict: Verdict) {
    match verdict {
        Ok(cases) => {
            println!("{cases} cases");
            assert!(cases > 0, "no case was tried");
        }
        Err(rejection) => panic!("{rejection}"),
    }
}
