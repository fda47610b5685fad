//! One rank's end of all its mailboxes.

mod share;
mod transfer;

use super::group::Group;
use super::journal::Journal;
use super::mailbox::{CHECKING, Loan, Message};
use super::sync::{Parker, panicking};
use super::waiting::Shared;
use crate::{Error, Half, Incoming, Members, Operation, Outgoing, Part, Record, Result, Transport};
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use transfer::halves;

/// What belongs to a rank's thread, whatever the communicator.
pub(super) struct Rank {
    pub(super) world: Arc<Shared>,
    /// In the world.
    pub(super) number: usize,
    pub(super) parker: Parker,
    /// Every send waits for its receiver, however small the message.
    pub(super) strict: bool,
    /// Set while a message is looked at, on whichever communicator.
    pub(super) looking: Cell<bool>,
    /// Set when the rank has returned: a communicator that it hid away is of no use any more.
    pub(super) left: Cell<bool>,
    pub(super) journal: Journal,
}

impl Rank {
    pub(super) fn new(world: Arc<Shared>, number: usize, parker: Parker, strict: bool) -> Self {
        let (looking, left) = (Cell::new(false), Cell::new(false));
        Self { world, number, parker, strict, looking, left, journal: Journal::default() }
    }

    /// Reports a failure of this rank's to the world.
    pub(super) fn fail(&self, message: String) {
        self.world.fail(self.number, Error::Failed { rank: self.number, message, last: self.last() });
    }

    /// The last operation that it has begun.
    fn last(&self) -> Option<Box<Record>> {
        self.journal.records().pop().map(Box::new)
    }
}

/// The in-process [`Transport`]: one rank's end of a communicator whose ranks are threads.
///
/// It belongs to its thread (it is neither `Send` nor `Sync`, nor can it be cloned), which is what makes
/// each mailbox's sender and receiver unique.
///
/// ```compile_fail
/// fn must_be_sync<T: Sync>() {}
/// must_be_sync::<transport::Endpoint>();
/// ```
pub struct Endpoint {
    thread: Rc<Rank>,
    group: Arc<Group>,
    rank: usize,
    /// For the journal, which isn't shared.
    members: Rc<Members>,
    /// Messages sent to, and taken from, each member so far: the positions in their channels.
    sent: Box<[Cell<usize>]>,
    taken: Box<[Cell<usize>]>,
    /// Set while a transfer runs its overlapped computation.
    computing: Cell<bool>,
}

/// A loan that, if it ends before the receiver took it, also takes the message back.
struct Lent<'a> {
    loan: Option<Loan<'a>>,
    sent: &'a Cell<usize>,
    to: usize,
    elements: usize,
}

impl Lent<'_> {
    /// In the channel.
    fn position(&self) -> usize {
        self.sent.get() - 1
    }

    fn end(&mut self) {
        if let Some(loan) = self.loan.take()
            && !loan.end()
        {
            self.sent.set(self.sent.get() - 1);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A message being looked at; its sender is woken when the look ends, also by unwinding.
struct Look<'a> {
    /// Until it is dropped.
    message: Option<Message<'a>>,
    thread: &'a Rank,
    /// In the world.
    sender: usize,
    taken: &'a Cell<usize>,
}

impl<'a> Look<'a> {
    fn message(&self) -> &Message<'a> {
        self.message.as_ref().expect("there until it is dropped")
    }

    /// As if it had not been taken.
    fn put_back(mut self) {
        if let Some(message) = self.message.take() {
            message.put_back();
            self.taken.set(self.taken.get() - 1);
        }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.message = None;
        self.thread.looking.set(false);
        self.thread.world.wake(self.sender);
    }
}

impl Endpoint {
    pub(super) fn new(thread: Rc<Rank>, group: Arc<Group>, rank: usize) -> Self {
        let zeros = || group.members.iter().map(|_| Cell::new(0)).collect();
        let members = Rc::new(group.described());
        Self { sent: zeros(), taken: zeros(), computing: Cell::new(false), members, thread, group, rank }
    }

    /// Whether a call can begin now.
    fn is_free(&self) -> bool {
        let Rank { world, left, looking, .. } = &*self.thread;
        !(world.has_failed() || left.get() || looking.get() || self.computing.get() || panicking())
    }

    /// Why a call of this operation can't begin now. It is put on record if it is the world that has failed: who
    /// would have called what tells where ranks parted ways.
    #[cold]
    fn refusal(&self, operation: &Operation, halves: [Option<Half>; 2]) -> Error {
        let rank = self.thread.number;
        if let Err(error) = self.thread.world.check() {
            self.note(operation, halves);
            return self.told(operation, error);
        }
        let caller = operation.origin.caller;
        if self.thread.left.get() {
            let message = format!("it called a communicator after it had returned, at {caller}");
            return Error::Failed { rank, message, last: self.thread.last() };
        }
        match panicking() {
            true => Error::Unwinding { rank, caller },
            false => Error::Nested { rank, caller },
        }
    }

    /// Puts an operation on record, if it is a new one.
    fn note(&self, operation: &Operation, halves: [Option<Half>; 2]) {
        if CHECKING {
            self.thread.journal.note(operation, &self.members, halves);
        }
    }

    /// Notes that this is where the rank was told that the world has failed.
    #[cold]
    fn told(&self, operation: &Operation, error: Error) -> Error {
        self.thread.journal.fail(operation, &self.members);
        error
    }
}

impl Transport for Endpoint {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.group.members.len()
    }

    fn begin(&self, operation: &Operation) -> Result<()> {
        if !self.is_free() {
            return Err(self.refusal(operation, [None; 2]));
        }
        if self.size() == 1 {
            self.note(operation, [None; 2]); // otherwise the first transfer does
        }
        Ok(())
    }

    fn transfer(
        &self,
        operation: &Operation,
        outgoing: Option<Outgoing<'_>>,
        incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        if !self.is_free() {
            return Err(self.refusal(operation, halves(operation, &outgoing, &incoming)));
        }
        self.exchange(operation, outgoing, incoming, during).map_err(|error| self.told(operation, error))
    }

    fn lends(&self) -> bool {
        true
    }

    fn oversubscribed(&self) -> bool {
        self.thread.world.oversubscribed()
    }

    fn share(
        &self,
        operation: &Operation,
        row: &mut [Part<'_>],
        expected: &dyn Fn(usize) -> usize,
        work: &mut dyn FnMut(&mut [Part<'_>]),
    ) -> Result<()> {
        if !self.is_free() {
            return Err(self.refusal(operation, [None; 2]));
        }
        self.lend_and_borrow(operation, row, expected, work).map_err(|error| self.told(operation, error))
    }

    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>> {
        if !self.is_free() {
            // It belongs to the operation that was begun last, if any was.
            return Err(match self.thread.last() {
                Some(last) => self.refusal(&last.operation, [None; 2]),
                None => {
                    let (rank, caller) = (self.thread.number, Location::caller());
                    self.thread.world.check().err().unwrap_or(Error::Nested { rank, caller })
                }
            });
        }
        let rank = members.iter().position(|&member| member == self.rank);
        let rank = rank.expect("the caller is a member of the sub-world");
        let group = self.group.subgroup(members, rank, tag);
        Ok(Box::new(Self::new(Rc::clone(&self.thread), group, rank)))
    }
}
