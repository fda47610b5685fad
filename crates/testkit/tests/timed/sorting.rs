//! Sorts, in one process and across ranks.

use bitonic::ranks::RankSort;
use collectives::Layout;
use std::time::Duration;
use testkit::sorting::Pattern;
use testkit::timed::sorting::contender::Contender;
use testkit::timed::sorting::dtype::Dtype;
use testkit::timed::sorting::ranks::OnRanks;
use testkit::timed::sorting::{Setting, measure};
use testkit::timed::start::Repeat;

/// So many keys at least are sorted in a round.
const ROUND: usize = 1 << 16;

#[test]
fn everybody_is_right_and_is_timed() {
    for length in [1, 100, 4097] {
        for (measure, pattern) in [
            (Dtype::named("u8").measure, Pattern::Random),
            (Dtype::named("i32").measure, Pattern::Saw),
            (Dtype::named("f32").measure, Pattern::Special),
            (Dtype::named("f64").measure, Pattern::Random),
            (Dtype::named("u64").measure, Pattern::FewUnique),
            (measure::<i128>, Pattern::Descending), // of no name
        ] {
            let setting = Setting { pattern, length, contenders: Contender::ALL.to_vec() };
            let measured = measure(&setting, Repeat::times(2));
            assert_eq!(measured.arrays, ROUND.div_ceil(length));
            assert_eq!(measured.contenders.len(), Contender::ALL.len());
            for (timed, contender) in measured.contenders.iter().zip(Contender::ALL) {
                assert_eq!((timed.wrong, timed.times.len()), (0, 2), "{}", contender.name());
            }
            assert_eq!(measured.minima.len(), 2);
        }
    }
}

#[test]
fn many_laps_are_several_rounds() {
    let u32 = Dtype::named("u32");
    let laps = |count| (u32.laps)(Pattern::Random, ROUND, Contender::Std, count);
    assert_eq!(laps(0), Duration::ZERO);
    assert!(laps(3) > Duration::ZERO);
    assert_eq!((u32.wrong)(Pattern::Random, 10, Contender::Argsort), 0);
}

#[test]
fn every_way_is_right_and_is_timed() {
    for way in RankSort::ALL {
        for (ranks, length) in [(1, 10), (2, 5000), (3, 2), (4, 1001)] {
            let on = OnRanks { way, ranks, pattern: Pattern::Random, length };
            let measured = (Dtype::named("f32").on_ranks)(&on, Repeat::times(3)).expect("it runs");
            assert_eq!((measured.wrong, measured.times.len()), (0, 3), "{on:?}");
            assert_eq!((measured.threads.len(), measured.one_thread.len()), (3, 3), "{on:?}");
            let lengths: Vec<usize> =
                (0..ranks).map(|r| Layout::even(length, ranks).block(r).len()).collect();
            let most = (0..ranks).map(|rank| {
                let sent = way.cost(&lengths, rank, 4);
                8 * sent.words + 4 * sent.keys.end()
            });
            let most = most.max().unwrap_or(0);
            match way {
                RankSort::Network(_) => assert_eq!(measured.sent, most, "{on:?}"),
                RankSort::SampleSort => assert!(measured.sent <= most, "{on:?}"),
            }
        }
    }
}
