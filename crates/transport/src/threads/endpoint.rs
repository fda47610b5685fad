//! One rank's end of all its mailboxes.

use super::group::Group;
use super::mailbox::{Loan, Message};
use super::sync::Parker;
use super::waiting::{Need, Shared};
use crate::{Envelope, Error, Incoming, Mismatch, Outgoing, Result, Transport, WaitFor};
use std::cell::Cell;
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
    envelope: Envelope,
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
    message: Option<Message<'a>>,
    thread: &'a Rank,
    sender: usize,
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
        Self { sent: zeros(), taken: zeros(), computing: Cell::new(false), thread, group, rank }
    }

    /// Posts the message if there is room.
    fn try_post<'a>(&'a self, outgoing: Outgoing<'a>) -> Sending<'a> {
        let Outgoing { to, bytes, envelope, stamp } = outgoing;
        let channel = self.group.channel(self.rank, to);
        let sent = &self.sent[to];
        if !channel.has_room(sent.get()) {
            return Sending::Waiting(Some(outgoing));
        }
        let buffered = !self.thread.strict;
        // SAFETY: this endpoint is the channel's only sender, there is room at our position, and the loan
        // goes into a `Lent` on the stack of `transfer`, which drops it before `bytes` can end.
        #[allow(unsafe_code, reason = "the one call of the mailbox's loan")]
        let loan = unsafe { channel.post(sent.get(), bytes, envelope, stamp, buffered) };
        sent.set(sent.get() + 1);
        self.thread.world.wake(self.group.members[to]);
        match loan {
            None => Sending::Waiting(None),
            Some(loan) => Sending::Lent(Lent { loan: Some(loan), sent, to, envelope }),
        }
    }

    /// Looks at the awaited message if it is there, and returns its stamp.
    fn try_take(&self, incoming: &mut Incoming<'_>) -> Result<Option<u32>> {
        let channel = self.group.channel(incoming.from, self.rank);
        let taken = &self.taken[incoming.from];
        // SAFETY: this endpoint is the channel's only receiver, it goes on to the next position, and
        // `looking` has kept this from being called while an earlier message is alive.
        #[allow(unsafe_code, reason = "the one call of the mailbox's receiving side")]
        let Some(message) = (unsafe { channel.take(taken.get()) }) else {
            return Ok(None);
        };
        taken.set(taken.get() + 1);
        self.thread.looking.set(true);
        let look =
            Look { message: Some(message), thread: &self.thread, sender: self.group.members[incoming.from] };
        let message = look.message.as_ref().expect("just put there");
        let sent = message.envelope();
        if !sent.matches(&incoming.envelope) {
            let error = Error::Mismatch(Box::new(Mismatch {
                sender: self.group.members[incoming.from],
                sent,
                receiver: self.thread.number,
                expected: incoming.envelope,
                members: self.group.described(),
            }));
            // Before the look ends: the sender must find the world failed when its message is given back.
            self.thread.world.fail(self.thread.number, error.clone());
            return Err(error);
        }
        let stamp = message.stamp();
        (incoming.visit)(message.bytes());
        Ok(Some(stamp))
    }

    fn need(&self, what: WaitFor, peer: usize, position: usize, envelope: Envelope) -> Option<Need> {
        Some(Need { what, rank: self.rank, peer, position, envelope })
    }
}

impl Transport for Endpoint {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.group.members.len()
    }

    fn check(&self) -> Result<()> {
        let rank = self.thread.number;
        self.thread.world.check()?;
        if self.thread.left.get() {
            let message = "it called a communicator after it had returned".to_owned();
            return Err(Error::Failed { rank, message });
        }
        match self.thread.looking.get() || self.computing.get() {
            true => Err(Error::Nested { rank }),
            false => Ok(()),
        }
    }

    fn transfer(
        &self,
        outgoing: Option<Outgoing<'_>>,
        mut incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        self.check()?;
        let world = &self.thread.world;
        let mut sending = match outgoing {
            Some(outgoing) => self.try_post(outgoing),
            None => Sending::Waiting(None),
        };
        if let Some(compute) = during {
            self.computing.set(true);
            let _reset = Computing(&self.computing);
            compute();
        }
        let mut stamp = None;
        loop {
            // Both halves are tried before any wait: that is what keeps a ring of ranks from deadlock.
            if let Sending::Waiting(Some(outgoing)) = sending {
                sending = self.try_post(outgoing);
            }
            if let Some(wanted) = &mut incoming
                && let Some(taken) = self.try_take(wanted)?
            {
                stamp = Some(taken);
                incoming = None;
            }
            let send_need = match &mut sending {
                Sending::Waiting(None) => None,
                Sending::Waiting(Some(o)) => {
                    self.need(WaitFor::Room, o.to, self.sent[o.to].get(), o.envelope)
                }
                Sending::Lent(lent) => {
                    let position = lent.sent.get() - 1;
                    if self.group.channel(self.rank, lent.to).is_done(position) {
                        lent.end();
                        // The reader may have given it back unread, because it was not what it expected.
                        world.check()?;
                        sending = Sending::Waiting(None);
                        continue;
                    }
                    self.need(WaitFor::Reader, lent.to, position, lent.envelope)
                }
            };
            let receive_need = incoming
                .as_ref()
                .and_then(|i| self.need(WaitFor::Message, i.from, self.taken[i.from].get(), i.envelope));
            if send_need.is_none() && receive_need.is_none() {
                return Ok(stamp);
            }
            world.wait(&self.thread.parker, &self.group, self.thread.number, [send_need, receive_need])?;
        }
    }

    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>> {
        self.check()?;
        let rank = members.iter().position(|&member| member == self.rank);
        let rank = rank.expect("the caller is a member of the sub-world");
        let group = self.group.subgroup(members, rank, tag);
        Ok(Box::new(Self::new(Rc::clone(&self.thread), group, rank)))
    }
}
