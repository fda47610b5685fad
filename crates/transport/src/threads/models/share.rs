//! Ranks that lend each other parts. Cells whose accesses loom tracks stand for what is lent for writing: the borrower
//! changes one while it works, its owner looks at it afterwards, however that ended.

use super::{envelope, explore};
use crate::threads::Endpoint;
use crate::threads::sync::{UnsafeCell, Weakness, plant};
use crate::{Error, Operation, Origin, Part, Result, Threads, Transport};
use std::sync::Arc;

/// In place `from * P + to` what rank `from` lends rank `to`.
struct Table {
    cells: Vec<UnsafeCell<usize>>,
    ranks: usize,
}

// SAFETY: loom objects if accesses aren't ordered; that is what the models are about.
#[allow(unsafe_code, reason = "a model of what is lent")]
unsafe impl Sync for Table {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "a model of what is lent")]
unsafe impl Send for Table {}

impl Table {
    fn new(ranks: usize) -> Arc<Self> {
        Arc::new(Self { cells: (0..ranks * ranks).map(|_| UnsafeCell::new(0)).collect(), ranks })
    }

    fn change(&self, from: usize, to: usize, value: usize) {
        // SAFETY: lent to the caller, or the caller's own.
        #[allow(unsafe_code, reason = "a model of what is lent")]
        self.cells[from * self.ranks + to].with_mut(|cell| unsafe { *cell = value });
    }

    fn read(&self, from: usize, to: usize) -> usize {
        // SAFETY: as in `change`.
        #[allow(unsafe_code, reason = "a model of what is lent")]
        self.cells[from * self.ranks + to].with(|cell| unsafe { *cell })
    }

    /// Lends a byte to each rank to which this one `lends`, and marks what others lend.
    fn share(&self, at: &Endpoint, lends: impl Fn(usize, usize) -> bool) -> Result<()> {
        let rank = at.rank();
        let row = || (0..at.size()).filter(|&to| lends(rank, to));
        row().for_each(|to| self.change(rank, to, 1));
        let operation = Operation { envelope: envelope(0), origin: Origin::here() };
        let elements = |from, to| if lends(from, to) { 1 } else { 0 };
        let part = |to| Part { read: &[7], write: &mut [], elements: elements(rank, to), stamp: 0 };
        let mut parts: Vec<Part<'_>> = (0..at.size()).map(part).collect();
        let shared = at.share(&operation, &mut parts, &|from| elements(from, rank), &mut |_| {
            let column = (0..at.size()).filter(|&from| lends(from, rank));
            column.for_each(|from| self.change(from, rank, 10 + rank));
        });
        // Whatever came of it, nobody works on the row any more.
        let expected: Vec<usize> = row().map(|to| 10 + to).collect();
        let seen: Vec<usize> = row().map(|to| self.read(rank, to)).collect();
        row().for_each(|to| self.change(rank, to, 2));
        if shared.is_ok() {
            assert_eq!(seen, expected, "all have worked on it");
        }
        shared
    }
}

fn boom(rank: usize) -> Error {
    Error::Failed { rank, message: "boom".to_owned(), last: None }
}

fn all_share(ranks: usize, bound: usize) {
    explore(&format!("{ranks} ranks share"), Some(bound), move || {
        let table = Table::new(ranks);
        let ended = Threads::new(ranks).run(|at| table.share(&at, |_, _| true));
        ended.expect("nobody fails");
    });
}

#[test]
fn two_ranks_share() {
    all_share(2, 3);
}

#[test]
fn three_ranks_share() {
    all_share(3, 1);
}

/// While two share, or before, or after.
#[test]
fn parts_outlive_the_work_though_the_world_fails() {
    explore("a failure during a share", Some(2), || {
        let table = Table::new(3);
        let ended = Threads::new(3).run(|at| match at.rank() {
            2 => Err(boom(2)),
            _ => table.share(&at, |from, to| from < 2 && to < 2),
        });
        assert_eq!(ended.unwrap_err().rank, 2);
    });
}

/// Of three that share one fails instead: loans are taken back.
#[test]
fn parts_are_taken_back_when_one_does_not_come() {
    explore("a share that one leaves", Some(1), || {
        let table = Table::new(3);
        let ended = Threads::new(3).run(|at| match at.rank() {
            2 => Err(boom(2)),
            _ => table.share(&at, |_, _| true),
        });
        assert_eq!(ended.unwrap_err().rank, 2);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn parts_handed_over_relaxed_are_found() {
    let _planted = plant(Weakness::RelaxedSlot);
    all_share(2, 3);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn parts_that_come_back_during_the_work_are_found() {
    let _planted = plant(Weakness::HastyLoan);
    parts_outlive_the_work_though_the_world_fails();
}
