//! The sender's side of a loan.

use super::slot::{DONE, EMPTY, Slot};
use crate::threads::sync::{Weakness, planted, yield_now};
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// A part that the receiver may be working on. Dropping it ends the loan, waiting for a look that has begun.
#[must_use = "the bytes stay lent until the loan is dropped"]
pub(in crate::threads) struct Loan<'a> {
    pub(super) slot: &'a Slot,
    /// Until the receiver looks at it.
    pub(super) state: u32,
    pub(super) bytes: PhantomData<(&'a [u8], &'a mut [u8])>,
}

impl Loan<'_> {
    /// Ends the loan. True if the receiver has read the message, false if the sender got in first, in
    /// which case it is as if the message had never been posted.
    pub(in crate::threads) fn end(self) -> bool {
        let delivered = self.reclaim();
        std::mem::forget(self);
        delivered
    }

    fn reclaim(&self) -> bool {
        // Mostly it ends because it is done, and then there is nobody to be quicker than.
        while self.slot.state.load(Acquire) != DONE {
            // Acquire pairs with the Release stores of DONE, since when the receiver's looks at the slice are over, and in
            // `put_back`.
            match self.slot.state.compare_exchange(self.state, EMPTY, Acquire, Acquire) {
                Ok(_) => return false,
                Err(DONE) => break,
                Err(_) if planted(Weakness::HastyLoan) => break,
                // READING. A look can't communicate (the endpoint refuses), and who holds several at once took them when
                // all were there; if one was not, it puts the others back. So this isn't a wait for any rank's progress
                // in the program.
                Err(_) => yield_now(),
            }
        }
        // Only this sender acts on DONE, so no ordering is needed towards the receiver.
        self.slot.state.store(EMPTY, Relaxed);
        true
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.reclaim();
    }
}
