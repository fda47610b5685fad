//! The receiver's side of a message.

use super::release;
use super::slot::{COPIED, DONE, EMPTY, Slot};
use crate::{Envelope, Operation, Origin, Part};

/// A message that the receiver holds. Dropping it gives the slot, or the loan, back.
pub(in crate::threads) struct Message<'a> {
    pub(super) slot: &'a Slot,
    /// What the slot's said.
    pub(super) state: u32,
}

impl Message<'_> {
    /// Whether it is the part of the operation that has so many elements.
    pub(in crate::threads) fn is_of(&self, operation: &Operation, elements: usize) -> bool {
        // SAFETY: as in `envelope`. Compared where it lies: to copy it first would cost more than to compare it.
        self.slot.envelope.with(|envelope| unsafe {
            let envelope = (*envelope).assume_init_ref();
            envelope.elements == elements as u64 && envelope.agrees(&operation.envelope)
        })
    }

    pub(in crate::threads) fn envelope(&self) -> Envelope {
        // SAFETY: the state told that the sender has written it, and it is ours to read until drop.
        self.slot.envelope.with(|envelope| unsafe { (*envelope).assume_init() })
    }

    pub(in crate::threads) fn origin(&self) -> Origin {
        // SAFETY: as in `envelope`.
        self.slot.origin.with(|origin| unsafe { (*origin).assume_init() })
    }

    pub(in crate::threads) fn stamp(&self) -> u32 {
        // SAFETY: as in `envelope`.
        self.slot.stamp.with(|stamp| unsafe { *stamp })
    }

    pub(in crate::threads) fn bytes(&self) -> &[u8] {
        // SAFETY: the state says what the sender wrote, and how long it is. A copy, in the payload or in the room beside
        // it, stays as it is until we give the slot back, and a lent slice lives until we say that we are done; borrows
        // end before either (drop takes `&mut`).
        unsafe {
            let (start, len) = match self.state.checked_sub(COPIED) {
                None => self.slot.lent(self.state).0,
                Some(len) => (self.slot.copied(len as usize), len as usize),
            };
            std::slice::from_raw_parts(start, len)
        }
    }

    /// What is lent. A copy is a part to read.
    pub(in crate::threads) fn part(&mut self, elements: usize) -> Part<'_> {
        let stamp = self.stamp();
        if self.state >= COPIED {
            return Part { read: self.bytes(), write: &mut [], elements, stamp };
        }
        // SAFETY: as in `bytes`; and the sender has given `write` to us alone, until we say that we are done.
        unsafe {
            let (read, write) = self.slot.lent(self.state);
            let read = std::slice::from_raw_parts(read.0, read.1);
            Part { read, write: std::slice::from_raw_parts_mut(write.0, write.1), elements, stamp }
        }
    }

    /// Gives a loan back as if it had not been taken: its sender may take it back, or we take it again.
    pub(in crate::threads) fn put_back(self) {
        if self.state < COPIED {
            // Pairs with the Acquire compare-exchange in `reclaim`: we may have looked at the envelope.
            self.slot.state.store(self.state, release());
        }
        std::mem::forget(self);
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        let next = if self.state >= COPIED { EMPTY } else { DONE };
        // Pairs with the Acquire loads in `has_room` (EMPTY), `is_done` and `reclaim` (DONE).
        self.slot.state.store(next, release());
    }
}
