//! Never hang: what ends a world reaches the caller, names the culprit, and leaves nobody waiting.

use collectives::transport;
use collectives::{Barrier, Cause, Communicator, Error, World};
use std::cell::RefCell;
use std::fmt;
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

/// Two messages that crossed, of different lengths, belong to no common call: they are just unreceived.
#[test]
fn unreceived_messages_that_cross_are_no_disagreement() {
    let send = |comm: &Communicator| comm.send(1 - comm.rank(), &vec![0_u8; 1 + comm.rank()]);
    let error = World::new(2).run(send).unwrap_err();
    assert!(matches!(error.cause, Cause::Unreceived { more: 1, .. }), "{error}");
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
    assert!(matches!(error.cause, Cause::World(transport::Error::Deadlock { .. })), "{error:?}");
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
