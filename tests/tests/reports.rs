//! The report of a world that failed: what every rank did last, and in which order it is told.

use collectives::transport::{Half, Record};
use collectives::{AllReduce, Barrier, Communicator, Error, Result, RunError, Sum, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn line_of(mark: &str) -> u32 {
    gears_tests::line_of(include_str!("reports.rs"), mark)
}

fn line(record: &Record) -> u32 {
    assert_eq!(record.operation.origin.caller.file(), file!());
    record.operation.origin.caller.line()
}

/// The lines that a rank's last operations were called on.
fn lines(error: &RunError, rank: usize) -> Vec<u32> {
    error.journals[rank].iter().map(line).collect()
}

/// The rank's operations in which it was told of the failure, by their places in its journal.
fn failed(error: &RunError, rank: usize) -> Vec<usize> {
    let journal = error.journals[rank].iter().enumerate();
    journal.filter(|(_, record)| record.failed).map(|(place, _)| place).collect()
}

/// So many rounds of a barrier and a message of that number to the right, then rank 1 fails.
fn rounds(counting: bool, rounds: usize) -> RunError {
    let together = std::sync::Barrier::new(3);
    let world = World::new(3).counting(counting).run(|comm| {
        let (right, left) = ((comm.rank() + 1) % 3, (comm.rank() + 2) % 3);
        for round in 0..rounds {
            comm.barrier()?; // a barrier
            comm.send_recv(right, &vec![0_u8; round], left, &mut vec![0_u8; round])?; // a message
        }
        together.wait();
        if comm.rank() == 1 {
            return Err(Error::other("on purpose"));
        }
        comm.all_reduce(&mut [0_u8], &Sum) // too late
    });
    world.unwrap_err()
}

#[test]
fn the_last_operations_are_remembered_in_order() {
    for (counting, count) in
        [(false, 0), (false, 1), (true, 5), (false, 7), (false, 8), (true, 9), (false, 100)]
    {
        let error = rounds(counting, count);
        assert_eq!(error.journals.len(), 3);
        for (rank, journal) in error.journals.iter().enumerate() {
            let begun = 2 * count + usize::from(rank != 1);
            assert_eq!(journal.len(), begun.min(16), "rank {rank} of {count} rounds");
            for (record, number) in journal.iter().zip(begun - journal.len() + 1..) {
                let origin = record.operation.origin;
                assert_eq!(origin.operations as usize, number);
                // Two operations a round, the first of them a collective.
                let collectives = number.div_ceil(2);
                assert_eq!(origin.collectives as usize, collectives);
                let (sequence, mark) = match number {
                    _ if number > 2 * count => (count + 1, "too late"),
                    _ if number % 2 == 1 => (collectives, "a barrier"),
                    _ => (0, "a message"),
                };
                assert_eq!(record.operation.envelope.sequence as usize, sequence);
                assert_eq!(line(record), line_of(mark));
                let half = |peer| (sequence == 0).then_some(Half { peer, elements: collectives - 1 });
                assert_eq!((record.sends, record.receives), (half((rank + 1) % 3), half((rank + 2) % 3)));
                assert!(record.members.is_world());
            }
            // The rank that failed by itself was told nothing; the others where they were.
            let told: Vec<usize> = if rank == 1 { Vec::new() } else { vec![journal.len() - 1] };
            assert_eq!(failed(&error, rank), told);
        }
    }
}

/// What a rank calls after it was told would push out what led to it.
#[test]
fn nothing_is_remembered_after_the_failure() {
    let world = World::new(2).run(|comm| {
        comm.barrier()?; // before
        let told = comm.recv(1 - comm.rank(), &mut [0_u8]); // told
        for _ in 0..20 {
            assert!(comm.barrier().is_err() && comm.send(0, &[0_u8]).is_err());
        }
        told
    });
    let error = world.unwrap_err();
    for rank in 0..2 {
        assert_eq!(lines(&error, rank), ["before", "told"].map(line_of));
        assert_eq!(failed(&error, rank), [1]);
    }
}

/// A rank that was busy elsewhere when the world failed is told at its next call, which is the last on record.
#[test]
fn a_rank_that_comes_late_is_told_at_its_next_call() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    let world = World::new(2).run(|comm| {
        if comm.rank() == 0 {
            let told = comm.recv(0, &mut [0_u8]); // waits for itself
            send.send(()).unwrap();
            return told;
        }
        receive.lock().unwrap().recv().unwrap();
        comm.split(Some(0), 0).map(|_| ()) // late
    });
    let error = world.unwrap_err();
    assert_eq!(lines(&error, 0), [line_of("waits for itself")]);
    assert_eq!(lines(&error, 1), [line_of("late")]);
    assert_eq!((failed(&error, 0), failed(&error, 1)), (vec![0], vec![0]));
}

/// Not always the latest one: a computation that overlaps with a transfer may have begun others since.
#[test]
fn a_transfer_that_others_overlapped_is_where_it_failed() {
    let world = World::new(2).run(|comm| {
        let spare = comm.split(Some(0), 0)?.expect("a color"); // a split
        if comm.rank() == 1 {
            spare.barrier()?;
            return Err(Error::other("on purpose"));
        }
        comm.send_recv_during(1, &[0_u8], 1, &mut [0_u8], || spare.barrier())? // the outer
    });
    let error = world.unwrap_err();
    let [split, outer, inner] = &error.journals[0][..] else { panic!("{error:?}") };
    assert_eq!([split, outer].map(line), ["a split", "the outer"].map(line_of));
    assert_eq!(inner.members.splits.len(), 1);
    assert_eq!(failed(&error, 0), [1], "{error:?}");
}

#[test]
fn peers_are_named_by_their_numbers_in_the_world() {
    let world = World::new(5).run(|comm| {
        // Ranks 4, 2, 0 and 3, 1.
        let part = comm.split(Some(comm.rank() as u32 % 2), -(comm.rank() as i64))?.expect("a color");
        let [right, left] = [1, part.size() - 1].map(|distance| (part.rank() + distance) % part.size());
        part.send_recv(right, &[0_u16; 3], left, &mut [0_u16; 3])?; // a ring
        comm.barrier()?;
        assert!(comm.rank() != 2, "on purpose");
        part.recv(right, &mut [0_u8])
    });
    let error = world.unwrap_err();
    for (rank, right, left) in [(4, 2, 0), (2, 0, 4), (0, 4, 2), (3, 1, 1), (1, 3, 3)] {
        let ring = error.journals[rank].iter().find(|record| line(record) == line_of("a ring")).unwrap();
        assert_eq!(ring.sends, Some(Half { peer: right, elements: 3 }));
        assert_eq!(ring.receives, Some(Half { peer: left, elements: 3 }));
        let ranks: &[usize] = if rank % 2 == 0 { &[4, 2, 0] } else { &[3, 1] };
        assert_eq!((&*ring.members.ranks, &*ring.members.splits), (ranks, &[1][..]));
        let text = ring.to_string();
        assert!(text.contains(&format!("message of 3 u16 to rank {right}")), "{text}");
        assert!(text.contains(&format!("message of 3 u16 from rank {left}")), "{text}");
        assert!(text.contains(&format!("of ranks {ranks:?} from split 1 of the world")), "{text}");
    }
}

/// A call that was refused for its arguments, or for coming from inside another, has not begun: it is not on record,
/// and the next one gets its number.
#[test]
fn refused_calls_leave_numbers_alone() {
    let world = World::new(2).run(|comm| {
        assert!(comm.broadcast(&mut [0_u8], 2).is_err());
        assert!(comm.send(2, &[0_u8]).is_err());
        let other = 1 - comm.rank();
        let nested = comm.send_recv_during(other, &[0_u8], other, &mut [0_u8], || comm.barrier())?; // outer
        assert!(nested.is_err());
        comm.all_reduce(&mut [0_u8], &Sum)?; // first collective
        if comm.rank() == 0 { Err(Error::other("on purpose")) } else { comm.barrier() }
    });
    let error = world.unwrap_err();
    for journal in &error.journals {
        assert_eq!(line(&journal[0]), line_of("outer"));
        assert!(journal.iter().all(|record| line(record) != line_of("outer") || record.sends.is_some()));
        let first = journal.iter().find(|record| line(record) == line_of("first collective")).unwrap();
        assert_eq!(first.operation.envelope.sequence, 1);
    }
    assert!(error.divergence().is_none(), "{error:?}");
}

/// Alone, a rank makes no transfers. Its calls are on record all the same.
#[test]
fn a_rank_alone_has_a_journal() {
    let world = World::new(1).run(|comm| {
        comm.barrier()?; // alone
        comm.all_reduce(&mut [0_u8], &Sum)?; // alone, too
        Err::<(), _>(Error::other("on purpose"))
    });
    assert_eq!(lines(&world.unwrap_err(), 0), ["alone", "alone, too"].map(line_of));
}

/// Where a text begins in another. It is there once.
#[track_caller]
fn place(text: &str, part: &str) -> usize {
    let places: Vec<usize> = text.match_indices(part).map(|(place, _)| place).collect();
    let [place] = places[..] else { panic!("{places:?} are the places of:\n{part}\n\nin:\n{text}") };
    place
}

/// The root cause first, then where ranks parted ways, then what came of it, then what everybody did last.
#[test]
fn the_report_tells_the_root_cause_first() {
    let together = std::sync::Barrier::new(4);
    let world = World::new(4).run(|comm| {
        comm.barrier()?; // all alike
        together.wait();
        let mut x = vec![0_u8; if comm.rank() == 2 { 5 } else { 6 }];
        let told = comm.all_reduce_with(AllReduce::Ring, &mut x, &Sum); // not alike
        // What a rank makes of it is no root cause.
        if comm.rank() == 3 { told.map_err(|_| Error::other("rank 3 gave up")) } else { told }
    });
    let error = world.unwrap_err();
    let report = error.report();
    assert_eq!(report, format!("{error:?}"));
    let short = error.to_string();
    assert!(report.starts_with(&format!("{short}\n\n")), "{report}");
    let divergence = error.divergence().unwrap().to_string();
    assert!(short.starts_with(&error.cause.to_string()) && short.ends_with(&divergence), "{short}");

    let consequence = place(&report, "rank 3: rank 3 gave up");
    let journals = place(&report, "the last operations of every rank");
    assert!(short.len() < consequence && consequence < journals, "{report}");

    // Ranks with equal histories are told together, oldest call first.
    let (_, journals) = report.split_at(journals);
    let (most, one) = (place(journals, "\n  ranks 0, 1 and 3\n"), place(journals, "\n  rank 2\n"));
    assert!(most < one, "{journals}");
    for part in [&journals[most..one], &journals[one..]] {
        let places = ["all alike", "not alike"]
            .map(|mark| place(part, &format!("called at {}:{}:", file!(), line_of(mark))));
        assert!(places[0] < places[1], "{part}");
    }
}

/// What an `unwrap` in a test prints.
#[test]
fn unwrapping_prints_the_report() {
    let panic = catch_unwind(AssertUnwindSafe(|| {
        World::new(2).run(|comm| comm.recv(1 - comm.rank(), &mut [0_u8])).unwrap(); // waits
    }));
    let panic = panic.unwrap_err();
    let text = panic.downcast_ref::<String>().expect("formatted by unwrap");
    place(text, "deadlock: ");
    let call = format!(", called at {}:{}:", file!(), line_of("waits"));
    // Of each rank once as its wait and once as its last operation.
    assert_eq!(text.matches(&call).count(), 4, "{text}");
    place(text, "the last operations of every rank");
}

/// Ranks that are told of another's failure repeat it; the report doesn't, for each of them.
#[test]
fn consequences_that_are_the_same_are_told_once() {
    let world = World::new(4).run(|comm| match comm.rank() {
        1 => Err(Error::other("the disk is full")),
        _ => comm.barrier_with(Barrier::Dissemination),
    });
    let error = world.unwrap_err();
    assert_eq!(error.consequences.len(), 3);
    let report = error.report();
    assert_eq!(report, format!("{error:?}"));
    assert!(report.starts_with("rank 1: the disk is full\n\n"), "{report}");
    assert!(report.matches("the disk is full").count() <= 2, "{report}");
    // Once as those who were told, once as those who did the same.
    assert_eq!(report.matches("ranks 0, 2 and 3").count(), 2, "{report}");
    place(&report, "rank 1: none");
}

/// Only who got the world's own error was told. What a rank says by itself is not left out, whatever it quotes.
#[test]
fn who_was_told_is_not_guessed_from_words() {
    let together = std::sync::Barrier::new(6);
    let world = World::new(6).run(|comm| {
        comm.barrier_with(Barrier::Dissemination)?; // rank 1's last call, which the others are told, too
        together.wait(); // else some would fail in that barrier
        if comm.rank() == 1 {
            return Err(Error::other("no"));
        }
        let told = comm.barrier_with(Barrier::Dissemination);
        match comm.rank() {
            2 => Err(Error::other("no space left, nothing written")), // begins with what rank 1 said
            3 => told.map_err(|error| Error::other(format!("while saving: {error}"))),
            4 | 5 => Err(Error::other("no")), // makes the same mistake
            _ => told,
        }
    });
    let error = world.unwrap_err();
    let report = error.report();
    assert_eq!(report, format!("{error:?}"));
    assert!(report.starts_with("rank 1: no\n\n"), "{report}");
    place(&report, "\n\ntold of it: rank 0\n");
    place(&report, "\n\nin consequence, rank 2: no space left, nothing written\n");
    place(&report, "\n\nin consequence, rank 3: while saving: rank 1 failed: no\n");
    place(&report, "\n\nsaid the same: ranks 4 and 5\n");
}

/// Which rank it is that fails, and how, doesn't change where the report begins.
#[test]
fn every_report_begins_with_its_cause() {
    let programs: [fn(&Communicator) -> Result<()>; 5] = [
        |comm| comm.recv(comm.rank(), &mut [0_u8]),
        |comm| comm.all_reduce(&mut vec![0_u8; comm.rank()], &Sum),
        |comm| if comm.rank() == 0 { Ok(()) } else { comm.barrier() },
        |comm| if comm.rank() == 0 { panic!("on purpose") } else { comm.barrier() },
        |comm| comm.send((comm.rank() + 1) % 3, &[0_u8]),
    ];
    for program in programs {
        let error = World::new(3).run(program).unwrap_err();
        let report = error.report();
        assert_eq!(report, format!("{error:?}"));
        assert!(report.starts_with(&error.to_string()), "{report}");
        assert!(place(&report, "the last operations of every rank") > error.to_string().len(), "{report}");
    }
}
