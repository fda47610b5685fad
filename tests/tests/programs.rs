//! Random cases and random sequences of operations.

use collectives::World;
use proptest::prelude::*;
use testkit::case::Case;
use testkit::gear::{Gear, catalogue};
use testkit::program::Program;
use testkit::suite;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any algorithm, any case, bigger than the exhaustive ones.
    #[test]
    fn any_algorithm_equals_the_reference(
        algorithm in prop::sample::select(catalogue()),
        ranks in 1..=16_usize,
        length in 0..300_usize,
        uneven: bool,
        root: prop::sample::Index,
        seed: u64,
    ) {
        let mut case = Case { ranks, length, uneven, root: root.index(ranks) };
        if !algorithm.supports(&case, true) {
            case = Case { uneven: false, ranks: ranks.next_power_of_two(), ..case };
        }
        match suite::one(&algorithm, case, seed) {
            Ok(compared) => prop_assert_eq!(compared, 1),
            Err(rejection) => return Err(TestCaseError::fail(rejection.to_string())),
        }
    }

    /// Sequences of operations on nested communicators, buffered and strict.
    #[test]
    fn any_program_equals_the_oracle(seed: u64, ranks in 1..=16_usize, strict: bool) {
        let program = Program { seed, steps: 60, longest: 40 };
        let compared = World::new(ranks).strict(strict).run(|comm| program.run(comm));
        match compared {
            Ok(compared) => prop_assert!(compared.iter().all(|&operations| operations > 30)),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}

/// 64 ranks on however many cores there are: 1,000 mixed operations.
#[test]
fn many_ranks_run_a_long_program() {
    let program = Program { seed: 64, steps: 1_080, longest: 64 };
    let compared = World::new(64).run(|comm| program.run(comm)).unwrap();
    assert!(compared.iter().all(|&operations| operations >= 1_000), "{compared:?}");
}

/// Long buffers, which are lent and not copied.
#[test]
fn long_buffers_run_a_program() {
    let program = Program { seed: 7, steps: 40, longest: 20_000 };
    World::new(5).run(|comm| program.run(comm)).unwrap();
}

/// Every algorithm among 64 ranks.
#[test]
fn every_algorithm_runs_among_64_ranks() {
    for algorithm in catalogue() {
        for length in [1, 130] {
            let case = Case { ranks: 64, length, uneven: false, root: 37 };
            match suite::one(&algorithm, case, 9) {
                Ok(compared) => assert_eq!(compared, 1),
                Err(rejection) => panic!("{algorithm:?}: {rejection}"),
            }
        }
    }
}
