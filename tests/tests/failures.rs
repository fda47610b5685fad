//! Never hang: what ends a world reaches the caller, names the culprit and the place, and leaves nobody waiting.

use collectives::transport::Error as TransportError;
use collectives::{Barrier, Cause, Communicator, Error, Result, RunError, Sum, World};
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{catch_unwind, panic_any, resume_unwind};
use testkit::suite::is_deadlock;

fn line_of(mark: &str) -> u32 {
    gears_tests::line_of(include_str!("failures.rs"), mark)
}

/// Checks that a rank's panic on the marked line is the root cause, and returns how others are told of it.
#[track_caller]
fn check_panic(error: &RunError, rank: usize, words: &str, mark: &str) -> String {
    assert_eq!(error.rank, rank, "{error}");
    let Cause::Panicked { message, at: Some(at) } = &error.cause else { panic!("{error}") };
    assert_eq!(message, words);
    let place = format!("{}:{}:", file!(), line_of(mark));
    assert!(at.starts_with(&place), "{at}, not {place}");
    assert_eq!(error.to_string(), format!("rank {rank}: panicked at {at}: {words}"));
    format!("rank {rank} failed: panicked at {at}: {words}")
}

/// Checks that all ranks but one were told this of it, with its last call, which is on the marked line.
#[track_caller]
fn check_others(error: &RunError, ranks: usize, failed: usize, told: &str, last_call: Option<&str>) {
    let others: Vec<usize> = (0..ranks).filter(|&rank| rank != failed).collect();
    let in_consequence: Vec<usize> = error.consequences.iter().map(|(rank, _)| *rank).collect();
    assert_eq!(in_consequence, others, "{error:?}");
    for (_, cause) in &error.consequences {
        let Cause::Returned(Error::Transport(TransportError::Failed { rank, last, .. })) = cause else {
            panic!("{cause}")
        };
        assert_eq!(*rank, failed);
        let line = last.as_ref().map(|record| record.operation.origin.caller.line());
        assert_eq!(line, last_call.map(line_of));
        let last = match last {
            Some(record) => format!("the last call of rank {failed}: {record}"),
            None => format!("rank {failed} had begun no operation"),
        };
        assert_eq!(cause.to_string(), format!("{told}\n  {last}"));
    }
}

#[test]
fn a_panic_reaches_the_caller_with_its_rank_and_place() {
    let world = World::new(4).run(|comm| {
        assert!(comm.rank() != 2, "rank two has had enough"); // at once
        comm.barrier()
    });
    let error = world.unwrap_err();
    let told = check_panic(&error, 2, "rank two has had enough", "at once");
    // The others were waiting for it, and got an error that names it.
    check_others(&error, 4, 2, &told, None);
}

#[test]
fn the_last_call_before_a_panic_is_told() {
    let world = World::new(3).run(|comm| {
        comm.barrier()?;
        comm.all_reduce(&mut [1_u8], &Sum)?; // before the panic
        if comm.rank() == 0 {
            panic!("{} was too much", "this"); // formatted
        }
        comm.barrier()
    });
    let error = world.unwrap_err();
    let told = check_panic(&error, 0, "this was too much", "formatted");
    check_others(&error, 3, 0, &told, Some("before the panic"));
}

/// A payload that is no text has a place, too, but it can't be told from one that the program resumed with.
#[test]
fn a_panic_without_words_has_a_likely_place() {
    let text = |run: fn()| {
        let error = World::new(1).run(|_| -> Result<()> {
            run();
            Ok(())
        });
        let error = error.unwrap_err();
        assert!(matches!(error.cause, Cause::Panicked { at: None, .. }), "{error}");
        error.to_string()
    };
    let maybe = "rank 0: panicked: a panic without a message, maybe the one at ";
    let plain = text(|| panic_any(42)); // any
    assert!(plain.starts_with(&format!("{maybe}{}:{}:", file!(), line_of("any"))), "{plain}");

    let resumed = text(|| {
        drop(catch_unwind(|| panic_any(1))); // caught one
        resume_unwind(Box::new(2))
    });
    assert!(resumed.starts_with(&format!("{maybe}{}:{}:", file!(), line_of("caught one"))), "{resumed}");

    // Certainly another: nothing was noted, or something with words.
    assert_eq!(text(|| resume_unwind(Box::new(2))), "rank 0: panicked: a panic without a message");
    let other = text(|| {
        drop(catch_unwind(|| panic!("words")));
        resume_unwind(Box::new(2))
    });
    assert_eq!(other, "rank 0: panicked: a panic without a message");
}

/// The place is where the panic that ended the rank began. Of a payload that the program made and resumed with,
/// nobody knows that: better none than a wrong one.
#[test]
fn a_panic_that_is_resumed_claims_no_wrong_place() {
    fn caught() -> Box<dyn Any + Send> {
        catch_unwind(|| panic!("the first")).unwrap_err() // caught
    }
    let other = World::new(1).run(|_| -> Result<()> {
        caught();
        resume_unwind(Box::new("the second"))
    });
    let other = other.unwrap_err();
    assert!(
        matches!(&other.cause, Cause::Panicked { at: None, message } if message == "the second"),
        "{other}"
    );
    assert_eq!(other.to_string(), "rank 0: panicked: the second");

    let same = World::new(1).run(|_| -> Result<()> { resume_unwind(caught()) });
    check_panic(&same.unwrap_err(), 0, "the first", "caught");

    let later = World::new(1).run(|_| -> Result<()> {
        caught();
        panic!("the third") // again
    });
    check_panic(&later.unwrap_err(), 0, "the third", "again");

    // A panic of another thread, handed on by the rank: its place was not noted.
    let foreign = World::new(1).run(|_| -> Result<()> {
        let thread = std::thread::spawn(|| panic!("elsewhere"));
        resume_unwind(thread.join().unwrap_err())
    });
    assert_eq!(foreign.unwrap_err().to_string(), "rank 0: panicked: elsewhere");

    // A rank that caught a panic and went on has not failed, and leaves nothing to the next world.
    let caught = |_: &Communicator| {
        drop(caught());
        Ok(())
    };
    World::new(1).run(caught).unwrap();
    let next = World::new(1).run(|_| -> Result<()> { resume_unwind(Box::new("the first")) });
    assert_eq!(next.unwrap_err().to_string(), "rank 0: panicked: the first");
}

/// A guard that wants to part in good order, or to wait for a last message, from a rank that panics.
#[test]
fn a_panic_remains_the_root_cause_though_a_destructor_communicates() {
    struct Guard<'a>(&'a Communicator, fn(&Communicator) -> Result<()>);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            let _ = (self.1)(self.0);
        }
    }
    let farewells: [fn(&Communicator) -> Result<()>; 3] =
        [|comm| comm.barrier(), |comm| comm.recv(0, &mut [0_u8]), |comm| comm.split(Some(0), 0).map(drop)];
    for farewell in farewells {
        let world = World::new(3).quiet(true).run(|comm| {
            let _guard = Guard(comm, farewell);
            assert!(comm.rank() != 1, "the real cause");
            comm.all_reduce(&mut [1_u32], &Sum)
        });
        let error = world.unwrap_err();
        let Cause::Panicked { message, at: Some(_) } = &error.cause else { panic!("{error}") };
        assert_eq!((error.rank, message.as_str()), (1, "the real cause"));
    }
    // What such a call answers.
    let refusals = std::sync::Mutex::new(Vec::new());
    struct Asks<'a>(&'a Communicator, &'a std::sync::Mutex<Vec<String>>);
    impl Drop for Asks<'_> {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0.barrier().unwrap_err().to_string());
        }
    }
    let world = World::new(1).quiet(true).run(|comm| -> Result<()> {
        let _asks = Asks(comm, &refusals);
        panic!("the real cause")
    });
    assert!(matches!(world.unwrap_err().cause, Cause::Panicked { .. }));
    let refusals = refusals.into_inner().unwrap();
    assert!(
        refusals[0].starts_with("rank 0 called a communicator while it unwound from a panic, at "),
        "{refusals:?}"
    );
}

#[test]
fn an_error_reaches_the_caller_with_its_rank() {
    let world = World::new(3).run(|comm| {
        comm.barrier()?; // before the error
        match comm.rank() {
            1 => Err(Error::other("the disk is full")),
            _ => comm.barrier(),
        }
    });
    let error = world.unwrap_err();
    assert_eq!(error.to_string(), "rank 1: the disk is full");
    assert!(matches!(error.cause, Cause::Returned(Error::Other(_))));
    check_others(&error, 3, 1, "rank 1 failed: the disk is full", Some("before the error"));
}

#[test]
fn a_rank_that_returns_early_is_named_with_its_last_call() {
    for ranks in 2..=5 {
        let early = |comm: &Communicator, calls_first: bool| {
            if calls_first {
                comm.barrier()?;
                comm.all_reduce(&mut [1_u8], &Sum)?; // before it left
            }
            match comm.rank() {
                1 => Ok(()),
                _ => comm.barrier_with(Barrier::Central), // still waits
            }
        };
        for calls_first in [false, true] {
            let error = World::new(ranks).run(|comm| early(comm, calls_first)).unwrap_err();
            let Cause::World(TransportError::Left { rank, last, wait }) = &error.cause else {
                panic!("{error}")
            };
            assert_eq!((error.rank, *rank, wait.peer), (1, 1, 1));
            assert_eq!(wait.origin.caller.line(), line_of("still waits"));
            let last_line = last.as_ref().map(|record| record.operation.origin.caller.line());
            assert_eq!(last_line, calls_first.then(|| line_of("before it left")));
            let text = error.to_string();
            let headline = format!("rank 1 has returned, rank {} still waits for it\n", wait.rank);
            assert!(text.starts_with(&headline) && text.contains(&wait.to_string()), "{text}");
            let end = match last {
                Some(record) => format!("the last call of rank 1: {record}"),
                None => "rank 1 had begun no operation".to_owned(),
            };
            assert!(text.ends_with(&end), "{text}");
            // Whoever waited for it, or for one who did, was told the same.
            assert!(error.consequences.iter().all(|(rank, cause)| *rank != 1 && cause.to_string() == text));
            assert_eq!(error.consequences.len(), ranks - 1, "{error:?}");
        }
    }
}

#[test]
fn a_value_of_every_rank_comes_back_in_order() {
    let base = [10, 20, 30]; // borrowed by all ranks
    let values = World::new(3).run(|comm| Ok(base[comm.rank()] + comm.size())).unwrap();
    assert_eq!(values, [13, 23, 33]);
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
    assert!(matches!(error.cause, Cause::World(TransportError::Deadlock { .. })), "{error:?}");
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
        .run(|comm| if comm.rank() == 1 { panic_any(Bomb) } else { comm.barrier() })
        .unwrap_err();
    assert_eq!(error.rank, 1);
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
