//! Ranks that wait for each other are told so, by proof and without a clock.

use collectives::{Communicator, Error, World};
use testkit::suite::is_deadlock;

#[test]
fn both_receive_first_is_a_proven_deadlock() {
    let error = World::new(2).run(|comm| comm.recv(1 - comm.rank(), &mut [0_u64; 3])).unwrap_err();
    assert!(is_deadlock(&error), "{error}");
    let text = error.to_string();
    assert!(text.contains("rank 0 waits to receive a message of 3 u64 from rank 1"), "{text}");
    assert!(text.contains("rank 1 waits to receive a message of 3 u64 from rank 0"), "{text}");
}

#[test]
fn a_cycle_of_long_sends_is_a_proven_deadlock() {
    for ranks in 1..=5 {
        let error =
            World::new(ranks).run(|comm| comm.send((comm.rank() + 1) % ranks, &[0_u8; 100_000])).unwrap_err();
        assert!(is_deadlock(&error), "{error}");
        assert_eq!(error.to_string().matches("waits to send a message").count(), ranks, "{error}");
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
    let text = error.to_string();
    assert_eq!(text.matches("waits to receive a message").count(), 4, "{text}");
    assert!(text.contains("from rank 1, on the communicator of ranks [0, 1]; rank 1 waits"), "{text}");
    assert!(text.contains("from rank 3, on the communicator of ranks [2, 3]; rank 3 waits"), "{text}");
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
