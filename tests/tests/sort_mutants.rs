//! Planted mistakes: the suites must reject every one, and by the checks that are made for it.

use testkit::sorting::Suited;
use testkit::sorting::mutants::{MergeMutant, Mutant, PairMutant};

/// One test a mistake, with the checks that find it; and every check finds one.
macro_rules! rejected {
    ($type:ident; $($name:ident: $mutant:ident by $($check:literal),*;)*) => {
        use super::*;

        $(#[test]
        fn $name() {
            let rejections = $type::$mutant.rejections();
            let checks: Vec<_> = rejections.iter().map(|rejection| rejection.check).collect();
            assert_eq!(checks, [$($check),*], "{rejections:#?}");
        })*

        #[test]
        fn no_mutant_is_missing_here() {
            assert_eq!([$($type::$mutant),*], $type::ALL);
        }

        #[test]
        fn no_check_accepts_all() {
            let rejecting = [$($($check),*),*];
            for check in $type::checks() {
                assert!(rejecting.contains(&check.name), "{} rejects nothing", check.name);
            }
        }

        /// So it is the mistakes that are rejected, and not the body in which they are planted.
        #[test]
        fn without_a_mistake_it_passes() {
            let rejections = $type::Healthy.rejections();
            assert!(rejections.is_empty(), "{rejections:#?}");
        }
    };
}

mod sorts {
    rejected! { Mutant;
        comparator_reversed: ComparatorReversed by "lengths", "long", "types", "extremes", "descending", "places", "zeros and ones", "two runs", "items", "oblivious", "network";
        stage_missing: StageMissing by "lengths", "long", "types", "extremes", "descending", "again", "places", "zeros and ones", "two runs", "items", "network";
        stage_twice: StageTwice by "network";
        flip_not_reversed: FlipNotReversed by "lengths", "long", "types", "extremes", "descending", "places", "zeros and ones", "two runs", "items", "network";
        wrong_direction_at_block_edge: WrongDirectionAtBlockEdge by "lengths", "long", "types", "extremes", "descending", "again", "zeros and ones", "two runs", "items", "oblivious", "network";
        block_off_by_one: BlockOffByOne by "lengths", "long", "types", "extremes", "descending", "again", "zeros and ones", "two runs", "items", "network";
        rest_left_alone: RestLeftAlone by "lengths", "long", "types", "extremes", "descending", "places", "zeros and ones", "two runs", "items", "network";
        levels_rounded_down: LevelsRoundedDown by "lengths", "long", "types", "extremes", "descending", "places", "zeros and ones", "two runs", "items", "network";
        nan_lost: NanLost by "lengths", "long", "types", "extremes", "permutation", "descending", "again", "zeros and ones", "two runs";
        zeros_merged: ZerosMerged by "lengths", "types", "descending", "zeros and ones", "two runs";
        signed_compare: SignedCompare by "lengths", "long", "types", "extremes", "places", "zeros and ones", "two runs";
        direction_ignored: DirectionIgnored by "lengths", "long", "types", "extremes", "descending", "places", "zeros and ones";
        key_overwritten: KeyOverwritten by "lengths", "long", "types", "extremes", "permutation", "descending", "places", "zeros and ones", "two runs";
        aligned_part_only: AlignedPartOnly by "lengths", "long", "types", "extremes", "descending", "again", "places", "zeros and ones", "two runs";
        early_exit: EarlyExit by "oblivious", "network";
        until_sorted: UntilSorted by "oblivious", "network", "answers";
        panic_swallowed: PanicSwallowed by "panics";
    }
}

mod pairs {
    rejected! { PairMutant;
        padded_with_greatest: PaddedWithGreatest by "argsort", "pairs", "values";
        unstable: Unstable by "argsort";
        stable_backwards: StableBackwards by "argsort";
        values_left: ValuesLeft by "pairs", "values", "by key", "pair places";
        values_by_key: ValuesByKey by "pairs", "values", "pair places";
    }
}

mod merges {
    rejected! { MergeMutant;
        top_in_the_middle: TopInTheMiddle by "hills", "valleys", "hills of ones", "valleys of ones";
        valley_as_hill: ValleyAsHill by "valleys", "valleys of ones";
        rest_left_alone: RestLeftAlone by "hills", "valleys", "hills of ones", "valleys of ones";
        direction_ignored: DirectionIgnored by "hills", "valleys", "hills of ones", "valleys of ones";
    }
}
