//! Nothing is left behind without a word: a message that nobody received is an error, by its place and its sender.

use collectives::{Broadcast, Cause, Communicator, World};

fn line_of(mark: &str) -> u32 {
    gears_tests::line_of(include_str!("unreceived.rs"), mark)
}

#[test]
fn an_unreceived_message_is_an_error() {
    let world = World::new(2).run(|comm| {
        if comm.rank() == 1 {
            return Ok(());
        }
        comm.send(1, &[1_u32, 2]) // unreceived
    });
    let error = world.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("rank 0: sent a message that rank 1 never received: message of 2 u32"),
        "{text}"
    );
    assert!(text.contains("before any collective of the world"), "{text}");
    let place = format!(", called at {}:{}:", file!(), line_of("unreceived"));
    assert!(text.contains(&place), "{text}");
    let Cause::Unreceived { to: 1, sent, more: 0, .. } = &error.cause else { panic!("{error}") };
    assert_eq!((sent.rank, sent.origin.caller.line()), (0, line_of("unreceived")));
}

/// Of a collective it says which one, and on which communicator.
#[test]
fn an_unreceived_part_of_a_collective_is_named() {
    let world = World::new(3).run(|comm| {
        let Some(pair) = comm.split((comm.rank() > 0).then_some(0), 0)? else { return Ok(()) };
        pair.barrier()?;
        match pair.rank() {
            0 => pair.broadcast_with(Broadcast::Flat, &mut [1_u8], 0), // its receiver has gone
            _ => Ok(()),
        }
    });
    let error = world.unwrap_err();
    let text = error.to_string();
    let start = "rank 1: sent a message that rank 2 never received: broadcast/flat of 1 u8, root 0";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("collective 2 of ranks [1, 2] from split 1 of the world"), "{text}");
    let Cause::Unreceived { to: 2, sent, .. } = &error.cause else { panic!("{error}") };
    assert_eq!(sent.origin.caller.line(), line_of("its receiver has gone"));
}

/// Two messages that crossed, of different lengths, belong to no common call: they are just unreceived.
#[test]
fn unreceived_messages_that_cross_are_no_disagreement() {
    let send = |comm: &Communicator| comm.send(1 - comm.rank(), &vec![0_u8; 1 + comm.rank()]);
    let error = World::new(2).run(send).unwrap_err();
    assert!(matches!(error.cause, Cause::Unreceived { more: 1, .. }), "{error}");
}

/// Of several it names the same on every run, and says how many more there are.
#[test]
fn of_several_unreceived_messages_the_same_one_is_named() {
    for _ in 0..20 {
        let world = World::new(3).run(|comm| {
            let pair = comm.split(Some(u32::from(comm.rank() > 0)), 0)?.expect("all have a color");
            pair.send(pair.size() - 1, &[0_u8; 3])?;
            comm.send((comm.rank() + 1) % 3, &[0_u8; 5])
        });
        let error = world.unwrap_err();
        let Cause::Unreceived { to: 0, sent, more: 5, .. } = &error.cause else { panic!("{error}") };
        assert_eq!((error.rank, sent.envelope.elements), (0, 3));
    }
}
