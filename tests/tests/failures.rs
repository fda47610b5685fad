//! Never hang, never lie: what ends a world reaches the caller, and nobody is left waiting.

use collectives::transport;
use collectives::{
    AllGather, AllReduce, Barrier, Broadcast, Cause, Communicator, Custom, Error, Max, Name, Result,
    RunError, Sum, World,
};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
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
fn mismatch(call: impl Fn(&Communicator) -> Result<()> + Sync) -> String {
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
    let program = |comm: &Communicator| {
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
    let panics = Custom::commutative(&Name("panics"), |_: u8, _: u8| panic!("while reading"));
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
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count()); // 0 if not Linux
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
                // One rank alone makes the mistake; it must not be one operation ahead of the other then.
                let nested = (comm.rank() == 0).then(|| comm.barrier());
                let mut sum = [1_u8];
                (nested, spare.all_reduce(&mut sum, &Sum).map(|()| sum[0]))
            })?;
            if let Some(nested) = nested {
                let refused = nested.unwrap_err().to_string();
                assert!(refused.contains("inside a computation that overlaps"), "{refused}");
            }
            assert_eq!((sum?, into), (2, [1; 2000]));
            comm.barrier()
        })
        .unwrap();
}

/// A reduction runs while a message is being read. If it could receive, it could make the sender write over what
/// it reads; if it could wait, a sender that wants its buffer back would wait for the reader's program.
#[test]
fn a_reduction_cannot_communicate() {
    thread_local!(static HIDDEN: RefCell<Option<Communicator>> = const { RefCell::new(None) });
    let communicates = Custom::commutative(&Name("communicates"), |a: u64, b: u64| {
        let refused = HIDDEN.with_borrow(|comm| comm.as_ref().unwrap().recv(0, &mut [0_u64; 4]));
        a + b + u64::from(refused.is_err_and(|e| e.to_string().contains("inside a reduction")))
    });
    World::new(2)
        .run(|comm| {
            let same = comm.split(Some(0), 0)?;
            HIDDEN.set(same);
            if comm.rank() == 0 {
                return HIDDEN.with_borrow(|comm| comm.as_ref().unwrap().send(1, &[10_u64; 4]));
            }
            let mut x = [0_u64; 4];
            HIDDEN.with_borrow(|comm| comm.as_ref().unwrap().recv_reduce(0, &mut x, &communicates))?;
            assert_eq!(x, [11; 4], "refused, four times");
            Ok(())
        })
        .unwrap();
}

/// What is lent stays lent while it is read, also if the lender panics: its buffer must not be free to change.
#[test]
fn a_loan_is_not_ended_while_its_reader_reads() {
    let reading = AtomicBool::new(false);
    let slow = Custom::commutative(&Name("slow"), |a: u8, b: u8| {
        if !reading.swap(true, SeqCst) {
            std::thread::sleep(Duration::from_millis(30)); // time enough to fail for a loan that ends early
        }
        a + b
    });
    let intact = World::new(2)
        .run(|comm| {
            if comm.rank() == 1 {
                let mut sum = vec![0_u8; 1 << 16];
                comm.recv_reduce(0, &mut sum, &slow)?;
                return Ok(sum.iter().all(|&x| x == 1));
            }
            let mut lent = vec![1_u8; 1 << 16];
            let lending = || {
                comm.send_recv_during(1, &lent, 1, &mut [0_u8], || {
                    while !reading.load(SeqCst) {
                        std::thread::yield_now();
                    }
                    panic!("while it is read")
                })
            };
            assert!(catch_unwind(AssertUnwindSafe(lending)).is_err());
            lent.fill(9);
            Ok(true)
        })
        .unwrap();
    assert_eq!(intact, [true, true]);
}

/// An error whose `Display` panics, and a panic whose payload panics when it is dropped.
#[test]
fn a_rank_whose_end_panics_is_still_gone() {
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("unspeakable")
        }
    }
    impl fmt::Debug for Unspeakable {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Unspeakable")
        }
    }
    impl std::error::Error for Unspeakable {}
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("the payload, too");
            }
        }
    }
    let error = World::new(3)
        .run(|comm| if comm.rank() == 1 { Err(Error::other(Unspeakable)) } else { comm.barrier() })
        .unwrap_err();
    assert_eq!(error.rank, 1);
    let error = World::new(3)
        .run(|comm| if comm.rank() == 1 { std::panic::panic_any(Bomb) } else { comm.barrier() })
        .unwrap_err();
    assert_eq!(error.rank, 1);
}

#[test]
fn ranks_that_disagree_about_more_than_the_call_are_told_so() {
    let groups = disagreement(4, |comm| {
        let group = if comm.rank() == 0 { 2 } else { 4 };
        comm.all_reduce_with(AllReduce::TwoLevel { group }, &mut [1_u32], &Sum)
    });
    assert!(groups.contains("group 2") && groups.contains("group 4"), "{groups}");

    let counts = disagreement(4, |comm| {
        let counts = if comm.rank() == 1 { [1, 2, 2, 3] } else { [2; 4] };
        comm.all_gather_v_with(AllGather::Bruck, &vec![0_u8; counts[comm.rank()]], &counts, &mut [0; 8])
    });
    assert!(counts.contains("all_gather_v/bruck") && counts.contains("counts"), "{counts}");

    let split = disagreement(2, |comm| match comm.rank() {
        0 => comm.split(Some(0), 0).map(|_| ()),
        _ => comm.all_gather_with(AllGather::Bruck, &[0_i64; 2], &mut [0; 4]),
    });
    assert!(split.contains("split") && split.contains("all_gather"), "{split}");

    let ghosts = disagreement(2, |comm| match comm.rank() {
        0 => comm.send(1, &[std::marker::PhantomData::<f32>; 3]),
        _ => comm.recv_reduce(0, &mut [0_f32; 3], &Sum),
    });
    assert!(ghosts.contains("mismatch"), "{ghosts}");
}

fn disagreement(ranks: usize, call: impl Fn(&Communicator) -> Result<()> + Sync) -> String {
    let text = World::new(ranks).run(call).unwrap_err().to_string();
    assert!(text.contains("mismatch"), "{text}");
    text
}

#[test]
fn the_root_cause_is_not_what_a_rank_made_of_it() {
    let error = World::new(2)
        .run(|comm| {
            comm.recv(1 - comm.rank(), &mut [0_u8]).unwrap();
            Ok(())
        })
        .unwrap_err();
    assert!(is_deadlock(&error), "{error}");
    assert_eq!(error.consequences.len(), 2, "both panicked on it");
}

#[test]
fn a_deadlock_is_proven_while_other_ranks_run() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    let error = World::new(3)
        .run(|comm| match comm.rank() {
            // Runs, and waits outside the world, until the others have been told.
            2 => receive.lock().unwrap().recv().map_err(Error::other),
            rank => {
                let told = comm.recv(1 - rank, &mut [0_u8]);
                let _ = send.send(());
                told
            }
        })
        .unwrap_err();
    assert!(is_deadlock(&error), "{error}");
}

#[test]
fn a_member_that_never_asks_for_its_sub_world_is_missed() {
    use collectives::transport::Threads;
    for _ in 0..3 {
        let error = Threads::new(3)
            .run(|endpoint| {
                use collectives::transport::Transport;
                match endpoint.rank() {
                    2 => Ok(()),
                    _ => endpoint.subworld(&[0, 1, 2], 7).map(|_| ()),
                }
            })
            .unwrap_err();
        let text = "rank 2: never asked for the sub-world of ranks [0, 1, 2] that others of them made";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_communicator_that_outlives_its_rank_is_refused() {
    struct Hidden(Communicator);
    impl Drop for Hidden {
        fn drop(&mut self) {
            let refused = self.0.barrier().unwrap_err().to_string();
            REFUSALS.lock().unwrap().push(refused);
        }
    }
    thread_local!(static HIDDEN: RefCell<Option<Hidden>> = const { RefCell::new(None) });
    static REFUSALS: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    let world = World::new(2).run(|comm| {
        HIDDEN.set(comm.split(Some(0), 0)?.map(Hidden));
        Ok(())
    });
    world.unwrap();
    let refusals = REFUSALS.lock().unwrap();
    assert!(refusals.iter().all(|text| text.contains("after it had returned")), "{refusals:?}");
}

#[test]
fn the_clock_does_not_run_backwards() {
    World::new(2)
        .counting(true)
        .run(|comm| {
            let other = 1 - comm.rank();
            let spare = comm.split(Some(0), 0)?.expect("all have a color");
            comm.reset_traffic();
            let nested = comm.send_recv_during(other, &[1_u8], other, &mut [0_u8], || {
                (0..10).try_for_each(|_| spare.barrier_with(Barrier::Dissemination))
            })?;
            nested?;
            let traffic = comm.traffic().unwrap();
            let sum: u64 = traffic.by_call.iter().map(|(_, counts)| counts.rounds).sum();
            assert_eq!((traffic.total.rounds, sum), (11, 11));
            Ok(())
        })
        .unwrap();
}
