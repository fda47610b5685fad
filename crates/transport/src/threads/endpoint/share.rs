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
//! is about to leave), so ranks that share never wait for each other in a cycle. And nothing is held while waiting: a
//! rank takes what it is lent when all of it is there, and if one loan turns out to have been taken back in between,
//! because its lender fails, it puts the others back and waits again. So a rank that unwinds waits, for its loans to end,
//! no longer than the work of those who hold them.
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
        let mut awaited: Each<usize> = Each::new();
        for from in 0..row.len() {
            awaited.push(expected(from));
        }
        let mut loans = Each::new();
        self.lend_all(operation, row, &mut loans)?;
        self.note(operation, [None; 2]);
        let mut looks = Each::new();
        self.take_all(operation, &awaited, &mut looks)?;

        let mut column: Each<Part<'_>> = Each::new();
        for look in &mut looks {
            let from = column.len();
            column.push(match look {
                Some(look) => look.message.as_mut().expect("there until it is dropped").part(awaited[from]),
                None if from == self.rank => std::mem::take(&mut row[from]),
                None => Part::default(),
            });
        }
        let mut working = Working::new(self);
        work(&mut column);
        working.is_over = true;
        drop(working);
        drop(column);
        drop(looks);

        for loan in &mut loans {
            while !self.is_done(loan) {
                if !self.thread.world.spin(|| self.is_done(loan))? {
                    self.wait_for(operation, WaitFor::Reader, loan.to, loan.position(), loan.elements)?;
                }
            }
            loan.end();
        }
        // A loan may have been given back unread, or half written.
        self.thread.world.check()
    }

    /// Lends the others their parts. (Many loans are not moved about: they are collected where they stay.)
    fn lend_all<'a, 'row: 'a>(
        &'a self,
        operation: &Operation,
        row: &mut [Part<'row>],
        loans: &mut Each<Lent<'a>>,
    ) -> Result<()> {
        // Each rank begins with the next one, so that not all lend to the same at once.
        for to in (self.rank + 1..row.len()).chain(0..self.rank) {
            let elements = row[to].elements;
            if elements == 0 {
                continue;
            }
            let (channel, sent) = (self.group.channel(self.rank, to), &self.sent[to]);
            while !self.has_room(to) {
                self.note(operation, [None; 2]); // it may be told that the world has failed
                if !self.thread.world.spin(|| self.has_room(to))? {
                    self.wait_for(operation, WaitFor::Room, to, sent.get(), elements)?;
                }
            }
            // SAFETY: this endpoint is the channel's only sender, there is room at our position, and the loan goes
            // into a `Lent` on the stack of `lend_and_borrow`, which drops it before what the row borrows can end.
            #[allow(unsafe_code, reason = "the one call of the mailbox's loan of parts")]
            let loan = unsafe { channel.lend(sent.get(), operation, std::mem::take(&mut row[to])) };
            sent.set(sent.get() + 1);
            loans.push(Lent { loan: Some(loan), sent, to, elements });
            self.thread.world.wake(self.group.members[to]);
        }
        Ok(())
    }

    /// What the others lend this rank, once all of it is there: in place q what rank q does.
    fn take_all<'a>(
        &'a self,
        operation: &Operation,
        awaited: &[usize],
        looks: &mut Each<Option<Look<'a>>>,
    ) -> Result<()> {
        let lends = |from: usize| from != self.rank && awaited[from] > 0;
        'all: loop {
            for from in (0..awaited.len()).filter(|&from| lends(from)) {
                while !self.has_message(from) {
                    if !self.thread.world.spin(|| self.has_message(from))? {
                        self.wait_for(
                            operation,
                            WaitFor::Message,
                            from,
                            self.taken[from].get(),
                            awaited[from],
                        )?;
                    }
                }
            }
            for (from, &elements) in awaited.iter().enumerate() {
                let look = if lends(from) { self.try_take(operation, from, elements)? } else { None };
                if look.is_none() && lends(from) {
                    looks.drain(..).flatten().for_each(Look::put_back);
                    continue 'all;
                }
                looks.push(look);
            }
            return Ok(());
        }
    }

    /// Waits until this one need is met, or the world has failed, after it has spun in vain.
    #[cold]
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
