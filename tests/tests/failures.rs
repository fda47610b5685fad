//! Never hang, never lie: what ends a world reaches the caller, and nobody is left waiting.

use collectives::transport;
use collectives::{AllReduce, Barrier, Broadcast, Cause, Error, Max, Result, RunError, Sum, World};
use testkit::suite::is_deadlock;

#[test]
fn a_panic_reaches_the_caller_with_its_rank() {
    let error = World::new(4)
        .run(|comm| {
            assert!(comm.rank() != 2, "rank two has had enough");
            comm.barrier()
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "rank 2: panicked: rank two has had enough");
    // The others were waiting for it, and got an error that names it.
    assert_eq!(error.consequences.len(), 3);
    for (_, cause) in error.consequences {
        assert_eq!(cause.to_string(), "rank 2 failed: panicked: rank two has had enough");
    }
}

#[test]
fn an_error_reaches_the_caller_with_its_rank() {
    let error = World::new(3)
        .run(|comm| match comm.rank() {
            1 => Err(Error::other("the disk is full")),
            _ => comm.barrier(),
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "rank 1: the disk is full");
    assert!(matches!(error.cause, Cause::Returned(Error::Other(_))));
}

#[test]
fn a_rank_that_returns_early_is_named() {
    for ranks in 2..=5 {
        let error = World::new(ranks)
            .run(|comm| if comm.rank() == 1 { Ok(()) } else { comm.barrier_with(Barrier::Central) })
            .unwrap_err();
        assert_eq!(error.rank, 1);
        let text = error.to_string();
        assert!(text.ends_with("but rank 1 has returned"), "{text}");
    }
}

#[test]
fn an_unreceived_message_is_an_error() {
    let error = World::new(2)
        .run(|comm| if comm.rank() == 0 { comm.send(1, &[1_u32, 2]) } else { Ok(()) })
        .unwrap_err();
    assert_eq!(error.to_string(), "rank 0: sent a message that rank 1 never received: message of 2 u32");
}

#[test]
fn a_value_of_every_rank_comes_back_in_order() {
    let base = [10, 20, 30]; // borrowed by all ranks
    let values = World::new(3).run(|comm| Ok(base[comm.rank()] + comm.size())).unwrap();
    assert_eq!(values, [13, 23, 33]);
}

/// A pair of calls that disagree, and what both views say.
fn mismatch(call: impl Fn(&collectives::Communicator) -> Result<()> + Sync) -> String {
    let error: RunError = World::new(2).run(call).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("mismatch"), "{text}");
    // Both ranks got it: neither was left waiting, neither believes that all is well.
    assert_eq!(error.consequences.len(), 1, "{error:?}");
    text
}

#[test]
fn ranks_that_disagree_are_told_so() {
    let lengths = mismatch(|comm| {
        let mut buffer = vec![0.0_f32; 5 + comm.rank()];
        comm.all_reduce_with(AllReduce::Ring, &mut buffer, &Sum)
    });
    assert!(lengths.contains("of 5 f32") && lengths.contains("of 6 f32"), "{lengths}");

    let types = mismatch(|comm| match comm.rank() {
        0 => comm.all_reduce(&mut [0.0_f32; 4], &Sum),
        _ => comm.all_reduce(&mut [0_i32; 4], &Sum),
    });
    assert!(types.contains("f32") && types.contains("i32"), "{types}");

    let reductions = mismatch(|comm| match comm.rank() {
        0 => comm.all_reduce(&mut [0_u8; 4], &Sum),
        _ => comm.all_reduce(&mut [0_u8; 4], &Max),
    });
    assert!(reductions.contains("reduction sum") && reductions.contains("reduction max"), "{reductions}");

    let algorithms = mismatch(|comm| match comm.rank() {
        0 => comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 4], &Sum),
        _ => comm.all_reduce_with(AllReduce::HalvingDoubling, &mut [0_u8; 4], &Sum),
    });
    assert!(algorithms.contains("ring") && algorithms.contains("halving_doubling"), "{algorithms}");

    let operations = mismatch(|comm| match comm.rank() {
        0 => comm.barrier_with(Barrier::Dissemination),
        _ => comm.all_reduce(&mut [0_u8; 4], &Sum),
    });
    assert!(operations.contains("barrier") && operations.contains("all_reduce"), "{operations}");

    let roots = mismatch(|comm| {
        let root = comm.rank();
        comm.broadcast_with(Broadcast::ScatterAllGather, &mut [0_u8; 4], root)
    });
    assert!(roots.contains("root 0") && roots.contains("root 1"), "{roots}");

    let order = mismatch(|comm| {
        if comm.rank() == 0 {
            comm.barrier_with(Barrier::Dissemination)?;
        }
        comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 4], &Sum)?;
        comm.barrier_with(Barrier::Dissemination)
    });
    assert!(order.contains("collective 1 of the communicator"), "{order}");
}

#[test]
fn both_receive_first_is_a_proven_deadlock() {
    let error = World::new(2).run(|comm| comm.recv(1 - comm.rank(), &mut [0_u64; 3])).unwrap_err();
    assert!(is_deadlock(&error), "{error}");
    let text = error.to_string();
    assert!(text.contains("rank 0 waits to receive from rank 1"), "{text}");
    assert!(text.contains("rank 1 waits to receive from rank 0"), "{text}");
}

#[test]
fn a_circle_of_long_sends_is_a_proven_deadlock() {
    for ranks in 1..=5 {
        let error =
            World::new(ranks).run(|comm| comm.send((comm.rank() + 1) % ranks, &[0_u8; 100_000])).unwrap_err();
        assert!(is_deadlock(&error), "{error}");
        assert_eq!(error.to_string().matches("waits to send to").count(), ranks, "{error}");
    }
}

#[test]
fn a_deadlock_across_communicators_is_proven() {
    let error = World::new(4)
        .run(|comm| {
            let half = comm.split(Some(comm.rank() as u32 / 2), 0)?.expect("all have a color");
            // 0 waits for 1 in its half, 1 for 2 in the world, 2 for 3 in its half, 3 for 0 in the world.
            match comm.rank() {
                0 | 2 => half.recv(1, &mut [0_u8]),
                rank => comm.recv((rank + 1) % 4, &mut [0_u8]),
            }
        })
        .unwrap_err();
    assert!(is_deadlock(&error), "{error}");
    assert_eq!(error.to_string().matches("waits to receive from").count(), 4, "{error}");
}

#[test]
fn a_strict_world_exposes_a_program_that_leans_on_buffering() {
    let program = |comm: &collectives::Communicator| {
        let other = 1 - comm.rank();
        comm.send(other, &[comm.rank() as u8])?;
        comm.recv(other, &mut [0_u8])
    };
    World::new(2).run(program).expect("buffered, it happens to work");
    assert!(is_deadlock(&World::new(2).strict(true).run(program).unwrap_err()));
}

#[test]
fn a_failed_world_answers_every_later_call() {
    let error = World::new(2)
        .run(|comm| {
            let first = comm.recv(1 - comm.rank(), &mut [0_u8]).unwrap_err();
            let second = comm.send(comm.rank(), &[0_u8]).unwrap_err();
            assert_eq!(first.to_string(), second.to_string());
            assert!(comm.split(Some(0), 0).is_err());
            Ok(())
        })
        .unwrap_err();
    // The ranks swallowed the error and returned normally; the caller still hears of it.
    assert!(matches!(error.cause, Cause::World(transport::Error::Deadlock { .. })), "{error:?}");
}

#[test]
fn a_panic_in_a_visitor_or_an_overlapped_computation_ends_the_loan() {
    // The reader of a lent buffer panics: the lender must be released, and must not be released too early.
    let panics = collectives::Custom::commutative(&collectives::Name("panics"), |_: u8, _: u8| {
        panic!("while reading")
    });
    let error = World::new(2)
        .run(|comm| match comm.rank() {
            0 => comm.send(1, &vec![1_u8; 1 << 20]),
            _ => comm.recv_reduce(0, &mut vec![1_u8; 1 << 20], &panics),
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "rank 1: panicked: while reading");

    // The lender panics while its buffer is lent.
    let error = World::new(2)
        .run(|comm| {
            let (data, mut into) = (vec![comm.rank() as u8; 1 << 20], vec![9; 1 << 20]);
            let other = 1 - comm.rank();
            comm.send_recv_during(other, &data, other, &mut into, || {
                assert!(comm.rank() == 1, "while lending");
            })
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "rank 0: panicked: while lending");
}

#[test]
fn a_panic_that_the_rank_catches_takes_the_message_back() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let received = World::new(2)
        .strict(true)
        .run(|comm| {
            if comm.rank() == 1 {
                let mut x = [0_u8];
                // Whether the first message was already being read when its sender panicked is up to the
                // schedule.
                comm.recv(0, &mut x)?;
                if x == [1] {
                    comm.recv(0, &mut x)?;
                }
                return Ok(x[0]);
            }
            let sending = || comm.send_recv_during(1, &[1_u8], 0, &mut [0_u8], || panic!("on purpose"));
            assert!(catch_unwind(AssertUnwindSafe(sending)).is_err());
            comm.send(1, &[2_u8])?;
            Ok(0)
        })
        .unwrap();
    assert_eq!(received, [0, 2]);
}

#[test]
fn worlds_come_and_go() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count());
    for _ in 0..200 {
        let failed = World::new(3).run(|comm| comm.recv((comm.rank() + 1) % 3, &mut [0_u8])).is_err();
        assert!(failed);
        World::new(3).run(|comm| comm.barrier()).unwrap();
    }
    // Other tests run at the same time with a handful of ranks each; 200 worlds of 3 that leaked would show.
    assert!(threads() < 300, "{} threads", threads());
}

#[test]
fn a_computation_inside_a_transfer_may_use_other_communicators_only() {
    World::new(2)
        .run(|comm| {
            let other = 1 - comm.rank();
            let spare = comm.split(Some(0), 0)?.expect("all have a color");
            let mut into = [0_u8; 2000];
            let (nested, sum) = comm.send_recv_during(other, &[1; 2000], other, &mut into, || {
                let mut sum = [1_u8];
                (comm.barrier(), spare.all_reduce(&mut sum, &Sum).map(|()| sum[0]))
            })?;
            let refused = nested.unwrap_err().to_string();
            assert!(refused.contains("inside a computation that overlaps"), "{refused}");
            assert_eq!((sum?, into), (2, [1; 2000]));
            Ok(())
        })
        .unwrap();
}
