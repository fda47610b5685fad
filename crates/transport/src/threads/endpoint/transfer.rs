//! The combined transfer: one message out, one in, both under way at once.
//!
//! ```text
//! post the message      if there is room: from now on it is on its way
//! put on record, compute
//! look at the other's   if it lies there
//! wait                  for room, for the reader of what was lent, for the message: whichever comes first; and again
//! ```

use super::{Endpoint, Lent, Look};
use crate::threads::mailbox::CHECKING;
use crate::threads::waiting::Need;
use crate::{Error, Half, Incoming, Mismatch, Operation, Outgoing, Result, View, WaitFor};
use std::cell::Cell;

/// Resets the flag when the computation ends, also by unwinding.
struct Computing<'a>(&'a Cell<bool>);

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Endpoint {
    /// Whether there is room for a message.
    #[inline]
    pub(super) fn has_room(&self, to: usize) -> bool {
        self.group.channel(self.rank, to).has_room(self.sent[to].get())
    }

    /// Whether a message lies there to be taken.
    #[inline]
    pub(super) fn has_message(&self, from: usize) -> bool {
        self.group.channel(from, self.rank).has_message(self.taken[from].get())
    }

    /// Whether the receiver is done with what it was lent last.
    #[inline]
    pub(super) fn is_done(&self, loan: &Lent<'_>) -> bool {
        self.group.channel(self.rank, loan.to).is_done(loan.position())
    }

    /// Posts the message, for which there is room. A loan is what the receiver may be reading from then on.
    fn post<'a>(&'a self, operation: &Operation, outgoing: Outgoing<'a>) -> Option<Lent<'a>> {
        let Outgoing { to, elements, .. } = outgoing;
        let channel = self.group.channel(self.rank, to);
        let sent = &self.sent[to];
        let buffered = !self.thread.strict;
        // SAFETY: this endpoint is the channel's only sender, there is room at our position, and the loan
        // goes into a `Lent` on the stack of `exchange`, which drops it before `bytes` can end.
        #[allow(unsafe_code, reason = "the one call of the mailbox's loan")]
        let loan = unsafe { channel.post(sent.get(), operation, outgoing, buffered) };
        sent.set(sent.get() + 1);
        self.thread.world.wake(self.group.members[to]);
        loan.map(|loan| Lent { loan: Some(loan), sent, to, elements })
    }

    /// Takes the awaited message if it is there, and if it is what the operation awaits.
    #[inline(always)] // to hand a look from function to function takes longer than to take one
    pub(super) fn try_take(
        &self,
        operation: &Operation,
        from: usize,
        elements: usize,
    ) -> Result<Option<Look<'_>>> {
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
        match !CHECKING || look.message().is_of(operation, elements) {
            true => Ok(Some(look)),
            false => Err(self.mismatch(operation, elements, look)),
        }
    }

    /// Ends the world, since the message that came isn't the one that was awaited.
    #[cold]
    fn mismatch(&self, operation: &Operation, elements: usize, look: Look<'_>) -> Error {
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
        self.thread.world.failure().expect("just failed").1
    }

    /// Shows the awaited message to its visitor if it is there, and returns its stamp.
    fn try_visit(&self, operation: &Operation, incoming: &mut Incoming<'_>) -> Result<Option<u32>> {
        let Some(look) = self.try_take(operation, incoming.from, incoming.elements)? else { return Ok(None) };
        let stamp = look.message().stamp();
        (incoming.visit)(look.message().bytes());
        Ok(Some(stamp))
    }

    pub(super) fn exchange(
        &self,
        operation: &Operation,
        mut outgoing: Option<Outgoing<'_>>,
        mut incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        let halves = halves(operation, &outgoing, &incoming);
        let mut lent = None;
        if let Some(message) = outgoing.take_if(|message| self.has_room(message.to)) {
            lent = self.post(operation, message);
        }
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
            if let Some(message) = outgoing.take_if(|message| self.has_room(message.to)) {
                lent = self.post(operation, message);
            }
            if let Some(wanted) = &mut incoming
                && let Some(taken) = self.try_visit(operation, wanted)?
            {
                stamp = Some(taken);
                incoming = None;
            }
            if let Some(loan) = lent.take_if(|loan| self.is_done(loan)) {
                drop(loan);
                // The reader may have given it back unread, because it was not what it expected.
                world.check()?;
            }
            if outgoing.is_none() && incoming.is_none() && lent.is_none() {
                return Ok(stamp);
            }
            let spun = world.spin(|| {
                incoming.as_ref().is_some_and(|message| self.has_message(message.from))
                    || outgoing.as_ref().is_some_and(|message| self.has_room(message.to))
                    || lent.as_ref().is_some_and(|loan| self.is_done(loan))
            })?;
            if !spun {
                let send_need = match (&outgoing, &lent) {
                    (Some(o), _) => need(WaitFor::Room, o.to, self.sent[o.to].get(), o.elements),
                    (None, Some(lent)) => need(WaitFor::Reader, lent.to, lent.position(), lent.elements),
                    (None, None) => None,
                };
                let receive_need = (incoming.as_ref())
                    .and_then(|i| need(WaitFor::Message, i.from, self.taken[i.from].get(), i.elements));
                let needs = [send_need, receive_need];
                world.wait(&self.thread.parker, &self.group, self.thread.number, operation, needs)?;
            }
        }
    }
}

/// What is put on record of a message between two ranks; of a collective's messages nothing.
pub(super) fn halves(
    operation: &Operation,
    outgoing: &Option<Outgoing<'_>>,
    incoming: &Option<Incoming<'_>>,
) -> [Option<Half>; 2] {
    if operation.envelope.sequence > 0 {
        return [None; 2];
    }
    [
        outgoing.as_ref().map(|o| Half { peer: o.to, elements: o.elements }),
        incoming.as_ref().map(|i| Half { peer: i.from, elements: i.elements }),
    ]
}
