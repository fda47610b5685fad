//! What the plain methods choose.

use collectives::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, Reduce, ReduceScatter, Setting, World,
};
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::gear::Gear;

/// Lengths on both sides of every change of algorithm: 4-byte elements up to 8 MiB.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=21).flat_map(|k| [(1 << k) - 1, 1 << k])
}

/// What is said to be chosen is what runs, as its messages say; and all ranks get through, so they chose
/// alike.
#[test]
fn what_is_chosen_is_what_runs() {
    for operation in Operation::ALL {
        for ranks in [2, 3, 4, 8, 16] {
            // Many ranks with long buffers take long; few ranks reach every threshold.
            let cases: Vec<_> =
                lengths().filter(|n| n * ranks <= 1 << 21).map(|n| Case::new(ranks, n)).collect();
            let run = World::new(ranks).counting(true).run(|comm| {
                for case in &cases {
                    comm.reset_traffic();
                    let input = vec![1_u32; case.input_length(operation, comm.rank())];
                    let mut output = vec![1; case.output_length(operation, comm.rank())];
                    let plain = Choice::Plain(operation);
                    plain.run(comm, case, &input, &mut output, &collectives::Sum)?;
                    let chosen = plain.algorithm(comm.setting(), case, size_of::<u32>());
                    assert!(chosen.supports(case, true), "{chosen:?}, {case}");
                    for (call, _) in comm.traffic().expect("the world counts").by_call {
                        let expected = (operation.name(), chosen.name());
                        assert_eq!((call.operation, call.algorithm), expected, "{case}");
                    }
                }
                Ok(())
            });
            if let Err(error) = run {
                panic!("{operation:?} on {ranks} ranks: {error}");
            }
        }
    }
}

/// A reduction that doesn't commute is never given to an algorithm that would refuse it, and nobody lends where that
/// can't be.
#[test]
fn what_is_chosen_can_be_used() {
    let settings =
        (1..=80).flat_map(|ranks| {
            [(false, false), (false, true), (true, false), (true, true)]
                .map(|(oversubscribed, lends)| Setting { ranks, oversubscribed, lends })
        });
    for setting in settings {
        for bytes in lengths().map(|n| 4 * n) {
            for commutes in [false, true] {
                let all_reduce = AllReduce::choose(setting, bytes, commutes);
                let reduce_scatter = ReduceScatter::choose(setting, bytes, commutes);
                let kept = commutes || all_reduce.keeps_order() && reduce_scatter.keeps_order();
                assert!(kept, "{setting:?}, {bytes} bytes");
            }
            let lent = [
                AllReduce::choose(setting, bytes, true) == AllReduce::SharedColumns,
                ReduceScatter::choose(setting, bytes, true) == ReduceScatter::SharedColumns,
                Reduce::choose(setting, bytes) == Reduce::SharedColumns,
                AllGather::choose(setting, bytes) == AllGather::SharedColumns,
                AllToAll::choose(setting, bytes) == AllToAll::SharedColumns,
                Broadcast::choose(setting, bytes) == Broadcast::SharedColumns,
            ];
            assert!(setting.lends || lent == [false; 6], "{setting:?}, {bytes} bytes: {lent:?}");
        }
        assert_ne!(Barrier::choose(setting), Barrier::Butterfly);
    }
}
