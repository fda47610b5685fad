//! Lending parts: who sees what, and what happens when it goes wrong.

use super::{operation, receive, send};
use crate::threads::endpoint::Endpoint;
use crate::{Call, Cause, Error, Part, Result, RunError, Threads, Transport};
use std::sync::Mutex;

/// Each rank lends every rank a byte to read and a byte to write, if `lends(from, to)`, and the work copies what it
/// reads to what it writes, with its own rank added. Returns what the others have written.
fn swap(at: &Endpoint, lends: impl Fn(usize, usize) -> bool) -> Result<Vec<u8>> {
    let (rank, size) = (at.rank(), at.size());
    let read: Vec<u8> = (0..size).map(|to| (16 * rank + to) as u8).collect();
    let mut written = vec![255; size];
    let lent = |(to, byte)| match lends(rank, to) {
        true => Part { read: &read[to..=to], write: std::slice::from_mut(byte), elements: 2, stamp: 0 },
        false => Part::default(),
    };
    let mut row: Vec<Part<'_>> = written.iter_mut().enumerate().map(lent).collect();
    let mut column_seen = Vec::new();
    at.share(&operation(), &mut row, &|from| if lends(from, rank) { 2 } else { 0 }, &mut |column| {
        for (from, part) in column.iter_mut().enumerate() {
            assert_eq!(part.elements, if lends(from, rank) { 2 } else { 0 });
            column_seen.extend_from_slice(part.read);
            if let [byte] = part.write {
                *byte = part.read[0].wrapping_add(100);
            }
        }
    })?;
    let seen = (0..size).filter(|&from| lends(from, rank)).map(|from| (16 * from + rank) as u8);
    assert_eq!(column_seen, seen.collect::<Vec<_>>(), "rank {rank}");
    Ok(written)
}

#[test]
fn every_rank_works_on_its_column_and_sees_its_row_again() {
    type Lends = fn(usize, usize) -> bool;
    let patterns: [Lends; 5] =
        [|_, _| true, |_, _| false, |from, _| from == 0, |_, to| to == 1, |a, b| a < b];
    for (ranks, strict) in (1..=5).chain([9]).flat_map(|ranks| [(ranks, false), (ranks, true)]) {
        for lends in patterns {
            let rows =
                Threads::new(ranks).strict(strict).run(|at| (0..3).map(|_| swap(&at, lends)).collect());
            let rows: Vec<Vec<Vec<u8>>> = rows.expect("all goes well");
            for (rank, times) in rows.into_iter().enumerate() {
                let expected = (0..ranks).map(|to| match lends(rank, to) {
                    true => (16 * rank + to) as u8 + 100,
                    false => 255,
                });
                let expected: Vec<u8> = expected.collect();
                assert!(
                    times.iter().all(|row| *row == expected),
                    "{rank} of {ranks}: {times:?}, {expected:?}"
                );
            }
        }
    }
}

/// Runs a world that fails, and returns its root cause and what each rank was told before it ended.
fn told(ranks: usize, program: fn(&Endpoint) -> Result<()>) -> (RunError<Error>, Vec<Option<Error>>) {
    let told = Mutex::new(vec![None; ranks]);
    let ended = Threads::new(ranks).quiet(true).run(|at| {
        let rank = at.rank();
        program(&at).inspect_err(|error| told.lock().unwrap()[rank] = Some(error.clone()))
    });
    (ended.expect_err("the program is wrong"), told.into_inner().unwrap())
}

/// The others have lent it what it has left half done: none may go on as if all were well.
#[test]
fn nobody_goes_on_after_the_work_of_another_has_panicked() {
    for _ in 0..100 {
        let (ended, told) = told(4, |at| {
            let mut buffer = [0; 4];
            let lent = |byte| Part { read: &[], write: std::slice::from_mut(byte), elements: 1, stamp: 0 };
            let mut row: Vec<Part<'_>> = buffer.iter_mut().map(lent).collect();
            at.share(&operation(), &mut row, &|_| 1, &mut |_| assert_ne!(at.rank(), 2, "as planned"))
        });
        assert!(
            matches!(&ended.cause, Cause::Panicked { message, .. } if message.contains("as planned")),
            "{ended}"
        );
        assert_eq!(ended.rank, 2);
        for rank in [0, 1, 3] {
            assert!(matches!(&told[rank], Some(Error::Failed { rank: 2, .. })), "{told:?}");
        }
    }
}

#[test]
fn the_work_must_not_communicate() {
    let nested = Threads::new(2).run(|at| {
        let mut inner = Ok(());
        let lent = |_| Part { read: &[7], write: &mut [], elements: 1, stamp: 0 };
        let mut row: Vec<Part<'_>> = (0..2).map(lent).collect();
        at.share(&operation(), &mut row, &|_| 1, &mut |_| inner = send(&at, 1 - at.rank(), b"no"))?;
        assert!(matches!(inner, Err(Error::Nested { .. })), "{inner:?}");
        swap(&at, |_, _| true)
    });
    nested.expect("the communicator stays usable");
}

#[test]
fn ranks_that_disagree_are_told() {
    // On what is lent, on how much, and on whether it is a share at all.
    let programs: [fn(&Endpoint) -> Result<()>; 3] = [
        |at| {
            let mut operation = operation();
            static OTHER: Call = Call::new("other");
            if at.rank() == 1 {
                operation.envelope.call = &OTHER;
            }
            let mut row = [(); 3].map(|()| Part { read: &[1], write: &mut [], elements: 1, stamp: 0 });
            at.share(&operation, &mut row, &|_| 1, &mut |_| {})
        },
        |at| {
            let elements = at.rank() + 1;
            let mut row = [(); 3].map(|()| Part { read: &[1], write: &mut [], elements, stamp: 0 });
            at.share(&operation(), &mut row, &|_| elements, &mut |_| {})
        },
        |at| match at.rank() {
            1 => receive(at, 0, 7).map(drop),
            _ => swap(at, |_, _| true).map(drop),
        },
    ];
    for program in programs {
        let (ended, told) = told(3, program);
        assert!(matches!(ended.cause, Cause::World(Error::Mismatch(_))), "{ended}");
        assert!(told.iter().all(|told| matches!(told, Some(Error::Mismatch(_)))), "{told:?}");
    }
}

#[test]
fn ranks_that_wait_for_one_that_doesn_t_come_are_told() {
    let (ended, _) = told(3, |at| if at.rank() == 2 { Ok(()) } else { swap(at, |_, _| true).map(drop) });
    assert!(matches!(ended.cause, Cause::World(Error::Left { rank: 2, .. })), "{ended}");
    let (ended, _) = told(3, |at| match at.rank() {
        2 => receive(at, 0, 1).map(drop),
        _ => swap(at, |_, to| to != 2).map(drop),
    });
    assert!(matches!(ended.cause, Cause::World(Error::Left { .. } | Error::Deadlock { .. })), "{ended}");
}

#[test]
#[should_panic(expected = "a row has a part for each rank")]
fn a_row_of_another_length_is_refused() {
    let ended = Threads::new(2)
        .quiet(true)
        .run(|at| at.share(&operation(), &mut [Part::default()], &|_| 0, &mut |_| {}));
    panic!("{}", ended.unwrap_err());
}
