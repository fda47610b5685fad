//! The last operations of a rank: a flight recorder, always on.
//!
//! It belongs to the rank's thread, so that writing it costs a few plain stores and no other rank ever touches
//! it. A rank that falls asleep leaves word of what it waits for; a rank that ends leaves its journal.

use crate::{Half, Members, Operation, Record};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Operations that are remembered: enough to see what led to a failure.
pub(super) const REMEMBERED: usize = 16;

/// A ring of the last [`REMEMBERED`] operations.
#[derive(Default)]
pub(super) struct Journal {
    /// Operation n, counted from 0, at n % REMEMBERED.
    entries: RefCell<Vec<Entry>>,
    begun: Cell<usize>,
    /// Set when the rank was told that the world had failed.
    failed: Cell<bool>,
}

struct Entry {
    operation: Operation,
    members: Rc<Members>,
    sends: Option<Half>,
    receives: Option<Half>,
    failed: bool,
}

impl Journal {
    /// Notes an operation, unless it is the one that was noted last. What a rank calls after it was told of a
    /// failure would only push out what led to it.
    pub(super) fn note(&self, operation: &Operation, members: &Rc<Members>, halves: [Option<Half>; 2]) {
        let mut entries = self.entries.borrow_mut();
        let begun = self.begun.get();
        let last = entries.get(begun.wrapping_sub(1) % REMEMBERED);
        if last.is_some_and(|last| last.is(operation, members)) || self.failed.get() {
            return;
        }
        let [sends, receives] = halves;
        match entries.get_mut(begun % REMEMBERED) {
            Some(entry) => {
                entry.operation = *operation;
                (entry.sends, entry.receives) = (sends, receives);
                if !Rc::ptr_eq(&entry.members, members) {
                    entry.members = Rc::clone(members);
                }
            }
            None => {
                let (operation, members) = (*operation, Rc::clone(members));
                entries.push(Entry { operation, members, sends, receives, failed: false });
            }
        }
        self.begun.set(begun + 1);
    }

    /// Notes that the rank was told of a failure in this operation.
    pub(super) fn fail(&self, operation: &Operation, members: &Rc<Members>) {
        if !self.failed.replace(true) {
            let mut entries = self.entries.borrow_mut();
            // Not always the last one: a transfer's overlapped computation may have begun others.
            if let Some(entry) = entries.iter_mut().find(|entry| entry.is(operation, members)) {
                entry.failed = true;
            }
        }
    }

    /// What is remembered, oldest first.
    pub(super) fn records(&self) -> Vec<Record> {
        let entries = self.entries.borrow();
        let begun = self.begun.get();
        (begun - entries.len()..begun).map(|number| entries[number % REMEMBERED].record()).collect()
    }
}

impl Entry {
    fn is(&self, operation: &Operation, members: &Rc<Members>) -> bool {
        self.operation.origin.operations == operation.origin.operations && Rc::ptr_eq(&self.members, members)
    }

    /// For other ranks and for people, who know peers by their numbers in the world.
    fn record(&self) -> Record {
        let Self { operation, sends, receives, failed, .. } = *self;
        let named = |half: Half| Half { peer: self.members.ranks[half.peer], ..half };
        let (sends, receives) = (sends.map(named), receives.map(named));
        Record { operation, sends, receives, members: (*self.members).clone(), failed }
    }
}
