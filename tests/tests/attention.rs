//! Every attention against everything it owes. A new algorithm is one line here.

use attention::Algorithm;
use proptest::prelude::*;
use simd::Level;
use std::process::Command;
use std::sync::LazyLock;
use testkit::attention::case::{Allowed, Bias, Case, Parts};
use testkit::attention::cases::{FILLS, cases, few};
use testkit::attention::paged::Paged;
use testkit::attention::{AttentionGear, Trial, suite};
use testkit::suite::Verdict;

/// A module of tests for each algorithm: one test a check, so that a failure says what and where.
macro_rules! gears {
    ($($name:ident: $algorithm:expr;)*) => {
        $(mod $name {
            use super::*;
            gear! { $algorithm;
                values: "values";
                precision: "precision";
                gradients: "gradients";
                adjoint: "adjoint";
                shift: "shift";
                key_order: "key order";
                head_order: "head order";
                parts: "parts";
                poison: "poison";
                strides: "strides";
                bits: "bits";
                dropout: "dropout";
            }

            #[test]
            #[ignore = "they are among the others; without_wide_vectors runs them"]
            fn few_cases() {
                passes(of_few(&$algorithm));
            }
        })*

        #[test]
        fn no_algorithm_is_missing_here() {
            let tested = [$($algorithm),*];
            for algorithm in Algorithm::ALL {
                assert!(tested.contains(algorithm), "{algorithm:?} has no line");
            }
        }

        proptest! {
            #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

            /// Any algorithm, any case.
            #[test]
            fn any_case(algorithm in prop::sample::select(vec![$($algorithm),*]), case in any_case_at_all()) {
                if let Err(rejection) = suite::verify(&algorithm, &Trial::new(case)) {
                    return Err(TestCaseError::fail(rejection.to_string()));
                }
            }
        }
    };
}

macro_rules! gear {
    ($algorithm:expr; $($test:ident: $check:literal;)*) => {
        $(
            #[test]
            fn $test() {
                passes(suite::check(&$algorithm, $check, trials()));
            }
        )*

        #[test]
        fn no_check_is_missing_here() {
            let tested = [$($check),*];
            assert_eq!(suite::checks::<Algorithm>().iter().map(|check| check.name).collect::<Vec<_>>(), tested);
        }
    };
}

gears! {
    naive: Algorithm::Naive;
    blocked: Algorithm::Blocked;
    flash: Algorithm::Flash;
    split: Algorithm::Split;
}

/// Over pages of a key, of three, and of 16 as servers have them.
mod paged {
    use super::*;

    #[test]
    fn few_cases() {
        for page_size in [1, 3, 16] {
            passes(of_few(&Paged { page_size }));
        }
    }

    /// So many that they are cut in pieces, which are merged.
    #[test]
    fn many_keys() {
        let long = trials().iter().filter(|trial| trial.case.keys > 512);
        passes(long.map(|trial| suite::verify(&Paged { page_size: 16 }, trial)).sum());
    }
}

/// The suite as on lesser processors: this program again, with the wider vectors masked in all loops. (The
/// products choose by themselves: `.ci/run` tests them in a build of its own.)
#[test]
fn without_wide_vectors() {
    for level in Level::ALL.into_iter().filter(|&level| level < simd::level()) {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .args(["few_cases", "the_level_is_the_one_asked_for", "--include-ignored"])
            .env("GEARS_SIMD", level.name())
            .output()
            .expect("it starts");
        let (said, errors) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        let tests = format!("test result: ok. {} passed", Algorithm::ALL.len() + 2);
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

/// All cases, prepared once for all algorithms.
fn trials() -> &'static [Trial] {
    static TRIALS: LazyLock<Vec<Trial>> = LazyLock::new(|| cases().into_iter().map(Trial::new).collect());
    &TRIALS
}

/// The whole suite on the few cases.
fn of_few(gear: &impl AttentionGear) -> Verdict {
    few().into_iter().map(|case| suite::verify(gear, &Trial::new(case))).sum()
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

fn any_parts(queries: usize, keys: usize) -> impl Strategy<Value = Parts> {
    let allowed = vec![Allowed::Pairs, Allowed::Shared, Allowed::Padding, Allowed::Tiles];
    let bias = vec![Bias::Pairs, Bias::Heads, Bias::Keys, Bias::Holes];
    let positions = (
        -3_isize..=keys as isize + 3,
        any::<bool>(),
        prop::option::of((0..=keys + 1, 0..=keys + 1)),
        prop::option::of((0..=queries, 0..=keys)),
        any::<bool>(),
    );
    let tensors =
        (prop::option::of(prop::sample::select(allowed)), prop::option::of(prop::sample::select(bias)));
    (positions, tensors).prop_map(move |((offset, causal, window, documents, alibi), (allowed, bias))| {
        let documents = documents.map(|(q, k)| vec![(q, k), (queries - q, keys - k)]);
        Parts { offset, causal, window, documents, alibi, allowed, bias }
    })
}

/// Lengths up to 140, everything else as it comes.
fn any_case_at_all() -> impl Strategy<Value = Case> {
    let mask = (0..=140_usize, 0..=140_usize)
        .prop_flat_map(|(queries, keys)| (Just(queries), Just(keys), any_parts(queries, keys)));
    let sizes = (1..=2_usize, 1..=2_usize, 1..=3_usize, 1..=20_usize, 1..=20_usize);
    let options = (
        prop::option::of(prop::sample::select(vec![0.25, 1.0, 0.0, -0.5])),
        prop::option::of(prop::sample::select(vec![0.0, 0.125, 0.75])),
        prop::sample::select(FILLS.to_vec()),
        any::<u64>(),
        1..=3_usize,
    );
    (mask, sizes, options).prop_map(
        |((queries, keys, mask), sizes, (scale, dropout, fill, seed, threads))| {
            let (batch, kv_heads, group, head_dim, value_dim) = sizes;
            let heads = kv_heads * group;
            Case {
                batch,
                heads,
                kv_heads,
                queries,
                keys,
                head_dim,
                value_dim,
                mask,
                scale,
                dropout,
                fill,
                seed,
                threads,
            }
        },
    )
}
