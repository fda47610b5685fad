//! Every algorithm against everything a gear owes. A new algorithm is one line here.

use collectives::*;
use half::{bf16, f16};
use testkit::gear::{Algorithm, Gear, catalogue};
use testkit::suite::Verdict;
use testkit::values::Fill;

/// A module of tests for each algorithm: one test a check, so that a failure says what and where.
macro_rules! gears {
    (
        moving { $($moving:ident: $moves:expr;)* }
        reducing { $($reducing:ident: $reduces:expr;)* }
        barriers { $($barrier:ident: $waits:expr;)* }
    ) => {
        $(gear! { $moving: $moves; values every_type counts provenance })*
        $(gear! { $reducing: $reduces; values every_type counts provenance order bits })*
        $(gear! { $barrier: $waits; counts nobody_early })*

        #[test]
        fn no_algorithm_is_missing_here() {
            let tested = [$(Algorithm::from($moves),)* $(Algorithm::from($reduces),)* $(Algorithm::from($waits),)*];
            for algorithm in catalogue() {
                assert!(tested.contains(&algorithm), "{algorithm:?} has no line");
            }
        }
    };
}

macro_rules! gear {
    ($name:ident: $algorithm:expr; $($check:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $check() {
                    passes(checks::$check(&Algorithm::from($algorithm)));
                }
            )*
        }
    };
}

gears! {
    moving {
        broadcast_flat: Broadcast::Flat;
        broadcast_binomial: Broadcast::Binomial;
        broadcast_scatter_all_gather: Broadcast::ScatterAllGather;
        broadcast_shared_columns: Broadcast::SharedColumns;
        all_gather_gather_broadcast: AllGather::GatherBroadcast;
        all_gather_ring: AllGather::Ring;
        all_gather_recursive_doubling: AllGather::RecursiveDoubling;
        all_gather_bruck: AllGather::Bruck;
        all_gather_shared_columns: AllGather::SharedColumns;
        all_to_all_linear: AllToAll::Linear;
        all_to_all_pairwise: AllToAll::Pairwise;
        all_to_all_bruck: AllToAll::Bruck;
        all_to_all_shared_columns: AllToAll::SharedColumns;
        gather_linear: Gather::Linear;
        gather_binomial: Gather::Binomial;
        scatter_linear: Scatter::Linear;
        scatter_binomial: Scatter::Binomial;
    }
    reducing {
        reduce_flat: Reduce::Flat;
        reduce_binomial: Reduce::Binomial;
        reduce_reduce_scatter_gather: Reduce::ReduceScatterGather;
        reduce_shared_columns: Reduce::SharedColumns;
        reduce_scatter_reduce_then_scatter: ReduceScatter::ReduceThenScatter;
        reduce_scatter_ring: ReduceScatter::Ring;
        reduce_scatter_pairwise: ReduceScatter::Pairwise;
        reduce_scatter_recursive_halving: ReduceScatter::RecursiveHalving;
        reduce_scatter_shared_columns: ReduceScatter::SharedColumns;
        all_reduce_reduce_broadcast: AllReduce::ReduceBroadcast;
        all_reduce_whole_buffer_ring: AllReduce::WholeBufferRing;
        all_reduce_ring: AllReduce::Ring;
        all_reduce_segmented_ring: AllReduce::ALL[3]; // with its default segment
        all_reduce_segmented_ring_of_1: AllReduce::SegmentedRing { segment: 1 };
        all_reduce_segmented_ring_of_3: AllReduce::SegmentedRing { segment: 3 };
        all_reduce_recursive_doubling: AllReduce::RecursiveDoubling;
        all_reduce_halving_doubling: AllReduce::HalvingDoubling;
        all_reduce_two_level: AllReduce::ALL[6]; // with its default group
        all_reduce_two_level_of_1: AllReduce::TwoLevel { group: 1 };
        all_reduce_two_level_of_2: AllReduce::TwoLevel { group: 2 };
        all_reduce_two_level_of_3: AllReduce::TwoLevel { group: 3 };
        all_reduce_shared_columns: AllReduce::SharedColumns;
        scan_linear: Scan::Linear;
        scan_recursive_doubling: Scan::RecursiveDoubling;
        exclusive_scan_linear: ExclusiveScan::Linear;
        exclusive_scan_recursive_doubling: ExclusiveScan::RecursiveDoubling;
    }
    barriers {
        barrier_central: Barrier::Central;
        barrier_butterfly: Barrier::Butterfly;
        barrier_dissemination: Barrier::Dissemination;
        barrier_tournament: Barrier::Tournament;
    }
}

/// The suite's checks, and the one that needs a macro.
mod checks {
    use super::*;
    pub(super) use testkit::suite::*;

    /// All 16 element types; for operations that reduce, each with all five built-in reductions.
    pub(super) fn every_type(gear: &Algorithm) -> Verdict {
        let mut cases = 0;
        macro_rules! types {
            ($($type:ident)*) => {$(
                if gear.operation().reduces() {
                    cases += values_of::<_, $type>(gear, Fill::Small, &Sum)?;
                    cases += values_of::<_, $type>(gear, Fill::Factors, &Product)?;
                    cases += values_of::<_, $type>(gear, Fill::Small, &Min)?;
                    cases += values_of::<_, $type>(gear, Fill::Small, &Max)?;
                    cases += values_of::<_, $type>(gear, Fill::Small, &Mean)?;
                } else {
                    cases += values_of::<_, $type>(gear, Fill::Any, &Sum)?;
                }
            )*};
        }
        types!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f16 bf16 f32 f64);
        Ok(cases)
    }
}

/// A check that had nothing to check proves nothing.
#[track_caller]
fn passes(verdict: Verdict) {
    match verdict {
        Ok(cases) => assert!(cases > 0, "no case was tried"),
        Err(rejection) => panic!("{rejection}"),
    }
}
