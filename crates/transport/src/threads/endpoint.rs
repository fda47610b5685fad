//! One rank's end of all its mailboxes.

mod share;

use super::group::Group;
use super::journal::Journal;
use super::mailbox::{CHECKING, Loan, Message};
use super::sync::{Parker, panicking};
use super::waiting::{Need, Shared};
use crate::{
    Error, Half, Incoming, Members, Mismatch, Operation, Outgoing, Part, Record, Result, Transport, View,
    WaitFor,
};
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

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

/// How far the outgoing half of a transfer is.
enum Sending<'a> {
    /// Waiting for room, or not asked for (`None`).
    Waiting(Option<Outgoing<'a>>),
    /// The receiver may be reading.
    Lent(Lent<'a>),
}

/// A loan that, if it ends before the receiver took it, also takes the message back.
struct Lent<'a> {
    loan: Option<Loan<'a>>,
    sent: &'a Cell<usize>,
    to: usize,
    elements: usize,
}

impl Lent<'_> {
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

/// Resets the flag when the computation ends, also by unwinding.
struct Computing<'a>(&'a Cell<bool>);

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Endpoint {
    pub(super) fn new(thread: Rc<Rank>, group: Arc<Group>, rank: usize) -> Self {
        let zeros = || group.members.iter().map(|_| Cell::new(0)).collect();
        let members = Rc::new(group.described());
        Self { sent: zeros(), taken: zeros(), computing: Cell::new(false), members, thread, group, rank }
    }

    /// Posts the message if there is room.
    fn try_post<'a>(&'a self, operation: &Operation, outgoing: Outgoing<'a>) -> Sending<'a> {
        let Outgoing { to, elements, .. } = outgoing;
        let channel = self.group.channel(self.rank, to);
        let sent = &self.sent[to];
        if !channel.has_room(sent.get()) {
            return Sending::Waiting(Some(outgoing));
        }
        let buffered = !self.thread.strict;
        // SAFETY: this endpoint is the channel's only sender, there is room at our position, and the loan
        // goes into a `Lent` on the stack of `exchange`, which drops it before `bytes` can end.
        #[allow(unsafe_code, reason = "the one call of the mailbox's loan")]
        let loan = unsafe { channel.post(sent.get(), operation, outgoing, buffered) };
        sent.set(sent.get() + 1);
        self.thread.world.wake(self.group.members[to]);
        match loan {
            None => Sending::Waiting(None),
            Some(loan) => Sending::Lent(Lent { loan: Some(loan), sent, to, elements }),
        }
    }

    /// Takes the awaited message if it is there, and if it is what the operation awaits.
    fn try_take(&self, operation: &Operation, from: usize, elements: usize) -> Result<Option<Look<'_>>> {
        let channel = self.group.channel(from, self.rank);
        let taken = &self.taken[from];
        // SAFETY: this endpoint is the channel's only receiver, it goes on to the next position, and no earlier
        // message of the channel is alive: `looking` keeps calls out, and a call takes one from each rank.
        #[allow(unsafe_code, reason = "the one call of the mailbox's receiving side")]
        let Some(message) = (unsafe { channel.take(taken.get()) }) else {
            return Ok(None);
        };
        taken.set(taken.get() + 1);
        self.thread.looking.set(true);
        let look =
            Look { message: Some(message), thread: &self.thread, sender: self.group.members[from], taken };
        if !CHECKING || look.message().is_of(operation, elements) {
            return Ok(Some(look));
        }
        let expected = operation.envelope.with_elements(elements);
        let (rank, origin) = (self.thread.number, operation.origin);
        let error = Error::Mismatch(Box::new(Mismatch {
            sent: View {
                rank: look.sender,
                envelope: look.message().envelope(),
                origin: look.message().origin(),
            },
            expected: View { rank, envelope: expected, origin },
            members: self.group.described(),
        }));
        // Before the look ends: the sender must find the world failed when its message is given back.
        self.thread.world.fail(rank, error);
        // Both sides may find a mismatch. The one that came first is everybody's.
        Err(self.thread.world.failure().expect("just failed").1)
    }

    /// Shows the awaited message to its visitor if it is there, and returns its stamp.
    fn try_visit(&self, operation: &Operation, incoming: &mut Incoming<'_>) -> Result<Option<u32>> {
        let Some(look) = self.try_take(operation, incoming.from, incoming.elements)? else { return Ok(None) };
        let stamp = look.message().stamp();
        (incoming.visit)(look.message().bytes());
        Ok(Some(stamp))
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

    fn exchange(
        &self,
        operation: &Operation,
        halves: [Option<Half>; 2],
        outgoing: Option<Outgoing<'_>>,
        mut incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        let mut sending = match outgoing {
            Some(outgoing) => self.try_post(operation, outgoing),
            None => Sending::Waiting(None),
        };
        // Now that the message is on its way: keeping record must not hold it up.
        self.note(operation, halves);
        if let Some(compute) = during {
            self.computing.set(true);
            let _reset = Computing(&self.computing);
            compute();
        }
        let world = &self.thread.world;
        let need =
            |what, peer, position, elements| Some(Need { what, rank: self.rank, peer, position, elements });
        let mut stamp = None;
        loop {
            // Both halves are tried before any wait: that is what keeps a ring of ranks from deadlock.
            if let Sending::Waiting(Some(outgoing)) = sending {
                sending = self.try_post(operation, outgoing);
            }
            if let Some(wanted) = &mut incoming
                && let Some(taken) = self.try_visit(operation, wanted)?
            {
                stamp = Some(taken);
                incoming = None;
            }
            let send_need = match &mut sending {
                Sending::Waiting(None) => None,
                Sending::Waiting(Some(o)) => need(WaitFor::Room, o.to, self.sent[o.to].get(), o.elements),
                Sending::Lent(lent) => {
                    let position = lent.sent.get() - 1;
                    if self.group.channel(self.rank, lent.to).is_done(position) {
                        lent.end();
                        // The reader may have given it back unread, because it was not what it expected.
                        world.check()?;
                        sending = Sending::Waiting(None);
                        continue;
                    }
                    need(WaitFor::Reader, lent.to, position, lent.elements)
                }
            };
            let receive_need = (incoming.as_ref())
                .and_then(|i| need(WaitFor::Message, i.from, self.taken[i.from].get(), i.elements));
            if send_need.is_none() && receive_need.is_none() {
                return Ok(stamp);
            }
            let needs = [send_need, receive_need];
            world.wait(&self.thread.parker, &self.group, self.thread.number, operation, needs)?;
        }
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
        let halves = [
            outgoing.as_ref().map(|o| Half { peer: o.to, elements: o.elements }),
            incoming.as_ref().map(|i| Half { peer: i.from, elements: i.elements }),
        ];
        if !self.is_free() {
            return Err(self.refusal(operation, halves));
        }
        self.exchange(operation, halves, outgoing, incoming, during)
            .map_err(|error| self.told(operation, error))
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
