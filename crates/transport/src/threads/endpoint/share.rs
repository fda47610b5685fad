//! Lending parts to all ranks at once, and working on what they lend.
//!
//! ```text
//! lend to each          a loan in each channel; nobody waits for a reader yet
//! wait for each         until what every other rank lends lies there
//! take all              from here on nobody can take a loan back: all of them, or none
//! work                  on the whole column
//! give all back         the others see that their loans are done
//! wait for own loans    until the others have done with this rank's row
//! ```
//!
//! **Why nobody hangs.** All is lent before anybody is waited for (but for room in a mailbox, which what was sent before
//! is about to leave), so ranks that share never wait for each other in a cycle. And nothing is held while waiting: a rank takes what it is lent when all of it is there, and if one loan turns
//! out to have been taken back in between, because its lender fails, it puts the others back and waits again. So a
//! rank that unwinds waits, for its loans to end, no longer than the work of those who hold them.
//!
//! **Why nobody is lied to.** If the work panics, what was lent for writing is half written. The world fails before it
//! is given back, so that its owner is told instead of going on with it.

use super::{Endpoint, Lent, Look};
use crate::threads::waiting::Need;
use crate::{Operation, Part, Result, WaitFor};
use smallvec::SmallVec;

/// One for each of the other ranks, without an allocation in small worlds.
type Each<T> = SmallVec<[T; 8]>;

/// Work under way, also of a rank that has borrowed nothing: it must not communicate. If it unwinds, the world fails.
struct Working<'a> {
    at: &'a Endpoint,
    is_over: bool,
}

impl<'a> Working<'a> {
    fn new(at: &'a Endpoint) -> Self {
        at.thread.looking.set(true);
        Self { at, is_over: false }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.at.thread.looking.set(false);
        if !self.is_over {
            self.at.thread.fail("it panicked while it worked on what other ranks had lent it".to_owned());
        }
    }
}

impl Endpoint {
    pub(super) fn lend_and_borrow(
        &self,
        operation: &Operation,
        row: &mut [Part<'_>],
        expected: &dyn Fn(usize) -> usize,
        work: &mut dyn FnMut(&mut [Part<'_>]),
    ) -> Result<()> {
        assert_eq!(row.len(), self.group.members.len(), "a row has a part for each rank");
        // Once, and before anything is lent or held: it is the caller's code.
        let expected: Each<usize> = (0..row.len()).map(expected).collect();
        let loans = self.lend_all(operation, row)?;
        self.note(operation, [None; 2]);
        let mut looks = self.take_all(operation, &expected)?;

        let mut column: Each<Part<'_>> = row.iter().map(|_| Part::default()).collect();
        column[self.rank] = std::mem::take(&mut row[self.rank]);
        for (from, look) in &mut looks {
            let message = look.message.as_mut().expect("there until it is dropped");
            column[*from] = message.part(expected[*from]);
        }
        let mut working = Working::new(self);
        work(&mut column);
        working.is_over = true;
        drop(working);
        drop(column);
        drop(looks);

        for mut loan in loans {
            let (channel, position) = (self.group.channel(self.rank, loan.to), loan.sent.get() - 1);
            while !channel.is_done(position) {
                self.wait_for(operation, WaitFor::Reader, loan.to, position, loan.elements)?;
            }
            loan.end();
        }
        // A loan may have been given back unread, or half written.
        self.thread.world.check()
    }

    /// Lends the others their parts.
    fn lend_all<'a, 'row: 'a>(
        &'a self,
        operation: &Operation,
        row: &mut [Part<'row>],
    ) -> Result<Each<Lent<'a>>> {
        let mut loans = Each::new();
        for distance in 1..row.len() {
            let to = (self.rank + distance) % row.len();
            let elements = row[to].elements;
            if elements == 0 {
                continue;
            }
            let (channel, sent) = (self.group.channel(self.rank, to), &self.sent[to]);
            while !channel.has_room(sent.get()) {
                self.note(operation, [None; 2]); // it may be told that the world has failed
                self.wait_for(operation, WaitFor::Room, to, sent.get(), elements)?;
            }
            // SAFETY: this endpoint is the channel's only sender, there is room at our position, and the loan goes
            // into a `Lent` on the stack of `lend_and_borrow`, which drops it before what the row borrows can end.
            #[allow(unsafe_code, reason = "the one call of the mailbox's loan of parts")]
            let loan = unsafe { channel.lend(sent.get(), operation, std::mem::take(&mut row[to])) };
            sent.set(sent.get() + 1);
            loans.push(Lent { loan: Some(loan), sent, to, elements });
            self.thread.world.wake(self.group.members[to]);
        }
        Ok(loans)
    }

    /// What the others lend this rank, once all of it is there.
    fn take_all(&self, operation: &Operation, expected: &[usize]) -> Result<Each<(usize, Look<'_>)>> {
        let size = expected.len();
        let others = || (1..size).map(|distance| (self.rank + size - distance) % size);
        let lenders = || others().map(|from| (from, expected[from])).filter(|&(_, elements)| elements > 0);
        'all: loop {
            for (from, elements) in lenders() {
                let (channel, position) = (self.group.channel(from, self.rank), self.taken[from].get());
                while !channel.has_message(position) {
                    self.wait_for(operation, WaitFor::Message, from, position, elements)?;
                }
            }
            let mut looks: Each<(usize, Look<'_>)> = Each::new();
            for (from, elements) in lenders() {
                match self.try_take(operation, from, elements)? {
                    Some(look) => looks.push((from, look)),
                    None => {
                        looks.into_iter().for_each(|(_, look)| look.put_back());
                        continue 'all;
                    }
                }
            }
            return Ok(looks);
        }
    }

    /// Waits until this one need is met, or the world has failed.
    fn wait_for(
        &self,
        operation: &Operation,
        what: WaitFor,
        peer: usize,
        position: usize,
        elements: usize,
    ) -> Result<()> {
        let need = Need { what, rank: self.rank, peer, position, elements };
        let rank = &self.thread;
        rank.world.wait(&rank.parker, &self.group, rank.number, operation, [Some(need), None])
    }
}
