//! The cells that bytes travel through, from one rank to one other.
//!
//! A [`Channel`] is a ring of [`SLOTS`] slots with one sender and one receiver, each of which remembers
//! its own position, so the two share nothing but the slots. A slot's `state` says whose it is:
//!
//! ```text
//!             sender                                receiver
//!  EMPTY ──── copies the bytes in ───► INLINE+len ── looks, then ──► EMPTY
//!  EMPTY ──── lends its own slice ───► LENT ──────── compare-exchange ──► READING ── looks, then ──► DONE
//!  DONE  ──── goes on ───────────────► EMPTY
//!  LENT  ──── compare-exchange: takes the loan back ──► EMPTY
//! ```
//!
//! A small message is one cache line (8 bytes) or a few, and its sender doesn't wait. A large one is never
//! copied by the transport: the receiver reads the sender's slice where it lies. A [`Part`] is lent in the same way,
//! and may be written to.
//!
//! # Why this is sound
//!
//! * The contents of a slot (`stamp`, `envelope`, `payload`, `origin`) are written only by the channel's one sender
//!   while the state is EMPTY and read only by its one receiver while it is INLINE or READING. Each change of
//!   hands is a Release store that the other side's Acquire load reads.
//! * A lent slice is read, or written to, only in state READING. The sender keeps the loan as a [`Loan`], whose drop waits
//!   until the state is DONE, or takes the loan back with a compare-exchange from LENT, which can't succeed
//!   once the receiver's from LENT to READING has. So the slice outlives every look at it, also when either
//!   side unwinds. `Loan` must not be leaked; that is the one obligation `post` and `lend` leave to their caller.
//! * A part's `write` is a `&mut [u8]` that the sender gives away for the life of the loan, to this receiver alone.

#![allow(unsafe_code, reason = "the shared-memory core: see the module's documentation")]

mod loan;
mod message;
mod slot;

pub(super) use loan::Loan;
pub(super) use message::Message;

use super::sync::{Weakness, planted};
use crate::{Envelope, Operation, Origin, Outgoing, Part};
use slot::{DONE, EMPTY, INLINE, LENT, READING, Slot};
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

/// Messages that a channel holds before its sender has to wait. A root that hands out one short message after the other
/// waits once for so many of them: with 8 instead of 4, broadcasts of 512 bytes on 2 ranks take 0.21 us instead of 0.33,
/// of 8 bytes on 4 ranks that share 2 cores 0.45 instead of 0.59 (AMD EPYC, 2026-11). Exchanges take the same. (A model
/// checker goes through all of them.)
pub(super) const SLOTS: usize = if cfg!(loom) { 4 } else { 8 };

/// Longest message that is copied into the slot, in bytes; it makes a slot 1 KiB. Copying beats waiting for
/// the reader: all-reduce of 512 bytes on 2 ranks takes 0.26 us copied and 0.35 us lent, of 2 KiB 0.36 us
/// and 0.46 us (`gears bench all_reduce --algorithm recursive_doubling`, AMD EPYC, 2026-11). A slot of 4
/// KiB would catch the latter, too, and quadruple what P ranks that all talk to each other keep in
/// mailboxes: P² x SLOTS KiB.
pub(super) const INLINE_BYTES: usize = 952;

/// Whether messages say what they are part of. Always; but for a build of its own (`--cfg unchecked`) that shows
/// what it costs.
pub(super) const CHECKING: bool = !cfg!(unchecked);

/// How a slot is handed over.
fn release() -> Ordering {
    if planted(Weakness::RelaxedSlot) { Relaxed } else { Release }
}

/// What one rank has sent to one other and the other has not yet taken.
pub(super) struct Channel {
    slots: [Slot; SLOTS],
}

impl Channel {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self { slots: std::array::from_fn(|_| Slot::empty()) })
    }

    fn slot(&self, position: usize) -> &Slot {
        &self.slots[position % SLOTS]
    }

    /// Whether the sender, at its position, may post.
    pub(super) fn has_room(&self, position: usize) -> bool {
        self.slot(position).state.load(Acquire) == EMPTY
    }

    /// Whether a message lies at the receiver's position.
    pub(super) fn has_message(&self, position: usize) -> bool {
        self.slot(position).state.load(Acquire) >= LENT
    }

    /// Whether the receiver is done with the message that the sender lent at this position.
    pub(super) fn is_done(&self, position: usize) -> bool {
        self.slot(position).state.load(Acquire) == DONE
    }

    /// Messages that were sent and never taken. Only for when both sides are gone.
    pub(super) fn leftovers(&self) -> Vec<(Envelope, Origin)> {
        let left = self.slots.iter().filter(|slot| CHECKING && slot.state.load(Acquire) >= INLINE);
        // INLINE means that the slot was written and that no sender will touch it: a message like any other,
        // except that nobody gives the slot back.
        let look = |slot| {
            let message = std::mem::ManuallyDrop::new(Message { slot, state: INLINE });
            (message.envelope(), message.origin())
        };
        left.map(look).collect()
    }

    /// Puts a message at the sender's position, where there must be room: a copy if it is
    /// small and may be `buffered`, else a loan of the bytes themselves.
    ///
    /// # Safety
    ///
    /// Only the channel's one sender calls this, `has_room(position)` has returned true since its last
    /// post at this position, and a returned `Loan` is dropped, not leaked, before `'a` ends.
    pub(super) unsafe fn post<'a>(
        &'a self,
        position: usize,
        operation: &Operation,
        outgoing: Outgoing<'a>,
        buffered: bool,
    ) -> Option<Loan<'a>> {
        let Outgoing { bytes, elements, stamp, .. } = outgoing;
        if !buffered || bytes.len() > INLINE_BYTES {
            let part = Part { read: bytes, write: &mut [], elements, stamp };
            // SAFETY: what `lend` asks for is what we ask for.
            return Some(unsafe { self.lend(position, operation, part) });
        }
        let slot = self.slot(position);
        // SAFETY: the state is EMPTY and we are the only sender, so the slot's contents are ours;
        // `has_room`'s Acquire load has seen the receiver's last Release store.
        unsafe { slot.address(operation, elements, stamp) };
        // SAFETY: as above; the payload has room for INLINE_BYTES, and `bytes` can't overlap it.
        slot.payload.with_mut(|to| unsafe {
            let to = (&raw mut (*to).inline).cast::<u8>();
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        });
        // Pairs with the Acquire load in `has_message` and `take`.
        slot.state.store(INLINE + bytes.len() as u32, release());
        None
    }

    /// Lends a part to the receiver, at the sender's position, where there must be room.
    ///
    /// # Safety
    ///
    /// As [`post`](Self::post).
    pub(super) unsafe fn lend<'a>(
        &'a self,
        position: usize,
        operation: &Operation,
        part: Part<'a>,
    ) -> Loan<'a> {
        let slot = self.slot(position);
        // SAFETY: as in `post`.
        unsafe { slot.address(operation, part.elements, part.stamp) };
        // SAFETY: as in `post`.
        let state = unsafe { slot.point_to(part, operation.envelope.element.memory_bytes) };
        // Pairs with the Acquire compare-exchange in `take`.
        slot.state.store(state, release());
        Loan { slot, state, bytes: PhantomData }
    }

    /// Takes the message at the receiver's position, if there is one.
    ///
    /// # Safety
    ///
    /// Only the channel's one receiver calls this, it advances its position after a `Some`, and no message
    /// that it took before is alive: of a message still being looked at, the slot would be given away.
    pub(super) unsafe fn take(&self, position: usize) -> Option<Message<'_>> {
        let slot = self.slot(position);
        let state = slot.state.load(Acquire);
        if state < LENT {
            return None;
        }
        if state < INLINE {
            // From here the sender can no longer take the loan back. It may just have.
            slot.state.compare_exchange(state, READING, Acquire, Relaxed).ok()?;
        }
        Some(Message { slot, state })
    }
}
