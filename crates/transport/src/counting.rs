//! A transport around a transport that counts what a rank sends.
//!
//! A world that doesn't count doesn't have this layer, so counting costs nothing when it is off.
//!
//! *Rounds* are counted with a logical clock (Lamport 1978): each transfer, whether it sends, receives or
//! does both, takes one tick, and a message cannot be received before it was sent. A rank that receives
//! sets its clock to the later of its own and the sender's, plus one. The clock of the slowest rank is then
//! the number of steps that a network in which every rank can send one message and receive one message at
//! a time would need: exactly the quantity that the closed forms speak of, whatever the threads' schedule.

use crate::{Call, Envelope, Incoming, Operation, Outgoing, Part, Result, Transport};
use std::cell::RefCell;
use std::rc::Rc;

/// Messages, bytes and rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent.
    pub messages: u64,
    /// Bytes sent, as declared by the element types.
    pub bytes: u64,
    /// Steps of the logical clock.
    pub rounds: u64,
}

/// What one rank has sent, in all and by operation. Sub-worlds count into their parent's.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// All operations together; `rounds` is the logical clock.
    pub total: Counts,
    /// Each operation and algorithm, in the order of first use.
    pub by_call: Vec<(&'static Call, Counts)>,
}

impl Traffic {
    /// The counts of one operation, all algorithms together.
    pub fn of(&self, operation: &str) -> Counts {
        let mut sum = Counts::default();
        for (call, counts) in &self.by_call {
            if call.operation == operation {
                sum.messages += counts.messages;
                sum.bytes += counts.bytes;
                sum.rounds += counts.rounds;
            }
        }
        sum
    }

    fn entry(&mut self, call: &'static Call) -> &mut Counts {
        let known = self.by_call.iter().position(|(c, _)| *c == call);
        let index = known.unwrap_or_else(|| {
            self.by_call.push((call, Counts::default()));
            self.by_call.len() - 1
        });
        &mut self.by_call[index].1
    }
}

/// Counts what passes through it on its way to the transport inside.
pub struct Counting {
    traffic: Rc<RefCell<Traffic>>,
    inner: Box<dyn Transport>,
}

impl Counting {
    /// A counting layer around `inner`.
    pub fn new(inner: Box<dyn Transport>) -> Self {
        Self { inner, traffic: Rc::default() }
    }
}

/// The sender's clock, of which a message carries the lower half: the number nearest to this rank's own
/// that ends in it. Ranks would have to be 2^31 rounds apart for it to be another.
fn full_clock(stamp: u32, own: u64) -> u64 {
    let ahead = stamp.wrapping_sub(own as u32) as i32;
    own.saturating_add_signed(ahead.into())
}

impl Transport for Counting {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn begin(&self, operation: &Operation) -> Result<()> {
        self.inner.begin(operation)
    }

    fn transfer(
        &self,
        operation: &Operation,
        mut outgoing: Option<Outgoing<'_>>,
        incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        if outgoing.is_none() && incoming.is_none() {
            return self.inner.transfer(operation, None, None, during);
        }
        let Envelope { call, .. } = operation.envelope;
        let before = self.traffic.borrow().total.rounds;
        let sent = outgoing.as_mut().map(|outgoing| {
            outgoing.stamp = before as u32;
            operation.envelope.with_elements(outgoing.elements).wire_bytes()
        });
        let stamp = self.inner.transfer(operation, outgoing, incoming, during)?;
        let traffic = &mut *self.traffic.borrow_mut();
        // An overlapped computation may have used other communicators, which share the clock.
        let now = traffic.total.rounds;
        let sender = stamp.map_or(0, |stamp| full_clock(stamp, now));
        let after = now.max(sender) + 1;
        traffic.total.rounds = after;
        traffic.entry(call).rounds += after - now;
        if let Some(bytes) = sent {
            traffic.total.messages += 1;
            traffic.total.bytes += bytes;
            let counts = traffic.entry(call);
            counts.messages += 1;
            counts.bytes += bytes;
        }
        Ok(stamp)
    }

    fn lends(&self) -> bool {
        self.inner.lends()
    }

    fn oversubscribed(&self) -> bool {
        self.inner.oversubscribed()
    }

    /// Counts a message for each part that is lent. As a rank can send one message and receive one at a time, that
    /// takes as many rounds as there are parts to lend, or to borrow.
    fn share(
        &self,
        operation: &Operation,
        row: &mut [Part<'_>],
        expected: &dyn Fn(usize) -> usize,
        work: &mut dyn FnMut(&mut [Part<'_>]),
    ) -> Result<()> {
        let (rank, Envelope { call, .. }) = (self.inner.rank(), operation.envelope);
        let before = self.traffic.borrow().total.rounds;
        let (mut messages, mut bytes) = (0, 0);
        for (to, part) in row.iter_mut().enumerate() {
            part.stamp = before as u32;
            if to != rank && part.elements > 0 {
                messages += 1;
                bytes += operation.envelope.with_elements(part.elements).wire_bytes();
            }
        }
        let lenders = (0..row.len()).filter(|&from| from != rank && expected(from) > 0).count() as u64;
        let mut latest = before;
        self.inner.share(operation, row, expected, &mut |column| {
            let others = column.iter().enumerate().filter(|&(from, part)| from != rank && part.elements > 0);
            latest = others.map(|(_, part)| full_clock(part.stamp, before)).fold(before, Ord::max);
            work(column);
        })?;
        let traffic = &mut *self.traffic.borrow_mut();
        let rounds = latest + Ord::max(messages, lenders) - before;
        traffic.total.rounds += rounds;
        traffic.total.messages += messages;
        traffic.total.bytes += bytes;
        let counts = traffic.entry(call);
        counts.rounds += rounds;
        counts.messages += messages;
        counts.bytes += bytes;
        Ok(())
    }

    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>> {
        Ok(Box::new(Counting {
            inner: self.inner.subworld(members, tag)?,
            traffic: Rc::clone(&self.traffic),
        }))
    }

    fn traffic(&self) -> Option<Traffic> {
        Some(self.traffic.borrow().clone())
    }

    fn reset_traffic(&self) {
        *self.traffic.borrow_mut() = Traffic::default();
    }
}

#[cfg(test)]
mod tests {
    use super::full_clock;

    #[test]
    fn clocks_go_on_beyond_what_a_message_carries() {
        let turn = 1_u64 << 32;
        for own in [0, 5, turn - 1, turn, turn + 5, 7 * turn - 2] {
            for sender in [own.saturating_sub(1000), own, own + 1, own + 1000] {
                assert_eq!(full_clock(sender as u32, own), sender, "own clock {own}");
            }
        }
    }
}
