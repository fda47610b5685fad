//! Ranks that wait for each other are told so, by proof and without a clock; each wait with what it is for, where
//! in the order of collectives it stands, and the line that called.

use collectives::transport::{Error as TransportError, Wait, WaitFor};
use collectives::{Barrier, Cause, Communicator, Error, Result, RunError, World};
use testkit::suite::is_deadlock;

fn line_of(mark: &str) -> u32 {
    gears_tests::line_of(include_str!("deadlocks.rs"), mark)
}

/// The waits of a deadlock. Checks that they form a cycle, that it is told from its lowest rank on, and that the
/// text is a headline and then the waits.
fn cycle(error: &RunError) -> &[Wait] {
    let Cause::World(TransportError::Deadlock { cycle }) = &error.cause else { panic!("{error}") };
    let next = cycle.iter().cycle().skip(1);
    assert!(cycle.iter().zip(next).all(|(wait, next)| wait.peer == next.rank), "{error}");
    assert_eq!(Some(cycle[0].rank), cycle.iter().map(|wait| wait.rank).min(), "{error}");
    assert_eq!(error.rank, cycle[0].rank);
    let text = error.to_string();
    let waits: String = cycle.iter().map(|wait| format!("\n  {wait}")).collect();
    assert!(text.starts_with("deadlock: ") && text.ends_with(&waits), "{text}");
    cycle
}

/// Checks what a wait says: what for, at which place, called on which line.
#[track_caller]
fn check(wait: &Wait, what: &str, place: &str, line: u32) {
    let text = wait.to_string();
    assert!(text.starts_with(&format!("rank {} waits to {what}", wait.rank)), "{text}");
    let (_, rest) = text.split_once(place).unwrap_or_else(|| panic!("{text}\nshould have: {place}"));
    let called = format!(", called at {}:{line}:", file!());
    assert!(rest.contains(&called), "{text}\nshould have: {called}");
}

#[test]
fn both_receive_first_is_a_proven_deadlock() {
    let line = line!() + 1;
    let error = World::new(2).run(|comm| comm.recv(1 - comm.rank(), &mut [0_u64; 3])).unwrap_err();
    let [zero, one] = cycle(&error) else { panic!("{error}") };
    check(zero, "receive a message of 3 u64 from rank 1", "before any collective of the world", line);
    check(one, "receive a message of 3 u64 from rank 0", "before any collective of the world", line);
    assert_eq!((zero.what, one.what), (WaitFor::Message, WaitFor::Message));
    assert!(is_deadlock(&error));
}

#[test]
fn a_cycle_of_long_sends_is_a_proven_deadlock() {
    for ranks in 1..=5 {
        let send = |comm: &Communicator| {
            comm.barrier()?;
            comm.send((comm.rank() + 1) % ranks, &[0_u8; 100_000]) // long
        };
        let error = World::new(ranks).run(send).unwrap_err();
        assert_eq!(cycle(&error).len(), ranks, "{error}");
        for (rank, wait) in cycle(&error).iter().enumerate() {
            let what = format!("send a message of 100000 u8 to rank {}", (rank + 1) % ranks);
            check(wait, &what, "after collective 1 of the world", line_of("long"));
            assert_eq!(wait.what, WaitFor::Reader);
        }
    }
}

#[test]
fn a_sender_that_waits_for_room_says_so() {
    let send = |comm: &Communicator| comm.send(1 - comm.rank(), &[0_u8]); // short
    let error = World::new(2).run(|comm| (0..100).try_for_each(|_| send(comm))).unwrap_err();
    for wait in cycle(&error) {
        let what = format!("send a message of 1 u8 to rank {}", 1 - wait.rank);
        check(wait, &what, "before any collective of the world", line_of("short"));
        assert_eq!(wait.what, WaitFor::Room);
    }
}

#[test]
fn a_rank_that_waits_for_itself_is_told_so() {
    let error = World::new(3).run(|comm| comm.recv(comm.rank(), &mut [0_u8])).unwrap_err();
    let [wait] = cycle(&error) else { panic!("{error}") };
    assert_eq!(wait.rank, wait.peer);
    assert!(error.to_string().starts_with(&format!("deadlock: rank {} waits for itself\n", wait.rank)));
}

#[test]
fn a_deadlock_across_communicators_is_proven() {
    let world = World::new(4).run(|comm| {
        let half = comm.split(Some(comm.rank() as u32 / 2), 0)?.expect("all have a color");
        half.barrier()?;
        // 0 waits for 1 in its half, 1 for 2 in the world, 2 for 3 in its half, 3 for 0 in the world.
        match comm.rank() {
            0 | 2 => half.recv(1, &mut [0_u8]),             // half
            rank => comm.recv((rank + 1) % 4, &mut [0_u8]), // whole
        }
    });
    let error = world.unwrap_err();
    let [zero, one, two, three] = cycle(&error) else { panic!("{error}") };
    let what = |peer: usize| format!("receive a message of 1 u8 from rank {peer}");
    check(zero, &what(1), "after collective 1 of ranks [0, 1] from split 1 of the world", line_of("half"));
    check(one, &what(2), "after collective 1 of the world", line_of("whole"));
    check(two, &what(3), "after collective 1 of ranks [2, 3] from split 1 of the world", line_of("half"));
    check(three, &what(0), "after collective 1 of the world", line_of("whole"));
}

/// The classic: two communicators of the same ranks, and collectives on them in different order. Only the
/// splits that made them tell them apart.
#[test]
fn collectives_in_different_order_are_told_by_communicator() {
    let both = |comm: &Communicator, turned: bool| {
        let [a, b] = [comm.split(Some(0), 0)?.expect("a color"), comm.split(Some(0), 0)?.expect("a color")];
        let [one, other] = if turned { [b, a] } else { [a, b] };
        one.barrier_with(Barrier::Dissemination)?; // turned
        other.barrier_with(Barrier::Dissemination)
    };
    let error = World::new(2).run(|comm| both(comm, comm.rank() == 1)).unwrap_err();
    let [zero, one] = cycle(&error) else { panic!("{error}") };
    let what = |peer: usize| format!("receive from rank {peer} in barrier/dissemination");
    check(zero, &what(1), "collective 1 of ranks [0, 1] from split 1 of the world", line_of("turned"));
    check(one, &what(0), "collective 1 of ranks [0, 1] from split 2 of the world", line_of("turned"));
    assert!(error.divergence().is_none(), "they agree, on either: {error:?}");

    // One collective further on one of them.
    let world = World::new(2).run(|comm| {
        let [a, b] = [comm.split(Some(0), 0)?.expect("a color"), comm.split(Some(0), 0)?.expect("a color")];
        a.barrier()?;
        if comm.rank() == 0 { a.barrier() } else { b.barrier() } // further
    });
    let error = world.unwrap_err();
    let [zero, one] = cycle(&error) else { panic!("{error}") };
    check(
        zero,
        "receive from rank 1",
        "collective 2 of ranks [0, 1] from split 1 of the world",
        line_of("further"),
    );
    check(
        one,
        "receive from rank 0",
        "collective 1 of ranks [0, 1] from split 2 of the world",
        line_of("further"),
    );
}

/// Each split by its number among the collectives of the communicator that it split, from the innermost out.
#[test]
fn nested_splits_are_named() {
    let world = World::new(6).run(|comm| {
        comm.barrier()?;
        // 5 3 1 and 4 2 0: collective 2 of the world.
        let parity = comm.split(Some(comm.rank() as u32 % 2), -(comm.rank() as i64))?.expect("a color");
        parity.barrier()?;
        parity.barrier()?;
        // 3 1 and 2 0: collective 3 of the parity. Number 0 is left out.
        let Some(pair) = parity.split((parity.rank() > 0).then_some(0), 0)? else {
            return Ok(());
        };
        pair.barrier()?;
        pair.recv(1 - pair.rank(), &mut [0_i16; 2]) // pair
    });
    let error = world.unwrap_err();
    let [low, high] = cycle(&error) else { panic!("{error}") };
    assert!((low.rank, high.rank) == (0, 2) || (low.rank, high.rank) == (1, 3), "{error}");
    assert_eq!(*low.members.ranks, [high.rank, low.rank]);
    assert_eq!(*low.members.splits, [2, 3]);
    for wait in [low, high] {
        let place = format!(
            "after collective 1 of ranks [{}, {}] from split 3 of split 2 of the world",
            high.rank, low.rank
        );
        let what = format!("receive a message of 2 i16 from rank {}", wait.peer);
        check(wait, &what, &place, line_of("pair"));
    }
}

#[test]
fn a_strict_world_exposes_a_program_that_leans_on_buffering() {
    let program = |comm: &Communicator| {
        let other = 1 - comm.rank();
        comm.send(other, &[comm.rank() as u8])?; // leans
        comm.recv(other, &mut [0_u8])
    };
    World::new(2).run(program).expect("buffered, it happens to work");
    let error = World::new(2).strict(true).run(program).unwrap_err();
    for wait in cycle(&error) {
        let what = format!("send a message of 1 u8 to rank {}", wait.peer);
        check(wait, &what, "before any collective of the world", line_of("leans"));
    }
}

#[test]
fn a_deadlock_is_proven_while_other_ranks_run() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    let program = |comm: &Communicator| -> Result<()> {
        match comm.rank() {
            // Runs, and waits outside the world, until the others have been told.
            2 => receive.lock().unwrap().recv().map_err(Error::other),
            rank => {
                let told = comm.recv(1 - rank, &mut [0_u8]);
                let _ = send.send(());
                told
            }
        }
    };
    let error = World::new(3).run(program).unwrap_err();
    assert_eq!(cycle(&error).len(), 2);
    // All who got the error, and only they: rank 2 never called again.
    let told: Vec<usize> = error.consequences.iter().map(|(rank, _)| *rank).collect();
    assert_eq!(told, [0, 1], "{error:?}");
}
