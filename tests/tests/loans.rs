//! What is lent while a transfer runs, and what may happen meanwhile.

use collectives::{Barrier, Cause, Communicator, Custom, Name, RunError, Sum, World};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// Checks that a rank's panic on the marked line is the root cause.
#[track_caller]
fn check_panic(error: &RunError, rank: usize, words: &str, mark: &str) {
    assert_eq!(error.rank, rank, "{error}");
    let Cause::Panicked { message, at: Some(at) } = &error.cause else { panic!("{error}") };
    assert_eq!(message, words);
    let line = gears_tests::line_of(include_str!("loans.rs"), mark);
    assert!(at.starts_with(&format!("{}:{line}:", file!())), "{error}");
}

#[test]
fn a_panic_in_a_visitor_or_an_overlapped_computation_ends_the_loan() {
    // The reader of a lent buffer panics: the lender must be released, and must not be released too early.
    let panics = Custom::commutative(&Name("panics"), |_: u8, _: u8| panic!("while reading")); // reads
    let error = World::new(2)
        .run(|comm| match comm.rank() {
            0 => comm.send(1, &vec![1_u8; 1 << 20]),
            _ => comm.recv_reduce(0, &mut vec![1_u8; 1 << 20], &panics),
        })
        .unwrap_err();
    check_panic(&error, 1, "while reading", "reads");

    // The lender panics while its buffer is lent.
    let error = World::new(2)
        .run(|comm| {
            let (data, mut into) = (vec![comm.rank() as u8; 1 << 20], vec![9; 1 << 20]);
            let other = 1 - comm.rank();
            comm.send_recv_during(other, &data, other, &mut into, || {
                assert!(comm.rank() == 1, "while lending"); // lends
            })
        })
        .unwrap_err();
    check_panic(&error, 0, "while lending", "lends");
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
fn a_computation_inside_a_transfer_may_use_other_communicators_only() {
    World::new(2)
        .run(|comm| {
            let other = 1 - comm.rank();
            let spare = comm.split(Some(0), 0)?.expect("all have a color");
            let mut into = [0_u8; 10_000];
            let (nested, sum) = comm.send_recv_during(other, &[1; 10_000], other, &mut into, || {
                // One rank alone makes the mistake; it must not be one operation ahead of the other then.
                let nested = (comm.rank() == 0).then(|| comm.barrier());
                let mut sum = [1_u8];
                (nested, spare.all_reduce(&mut sum, &Sum).map(|()| sum[0]))
            })?;
            if let Some(nested) = nested {
                let refused = nested.unwrap_err().to_string();
                assert!(refused.contains("inside a computation that overlaps"), "{refused}");
            }
            assert_eq!((sum?, into), (2, [1; 10_000]));
            comm.barrier()
        })
        .unwrap();
}

/// A reduction runs while a message is being read. If it could receive, it could make the sender write over
/// what it reads; if it could wait, a sender that wants its buffer back would wait for the reader's
/// program.
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

/// What is lent stays lent while it is read, also if the lender panics: its buffer must not be free to
/// change.
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
