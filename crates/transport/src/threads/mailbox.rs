//! The cells that bytes travel through, from one rank to one other.
//!
//! A [`Channel`] is a ring of [`slots`] with one sender and one receiver, each of which remembers
//! its own position, so the two share nothing but the slots. A slot's `state` says whose it is:
//!
//! ```text
//!             sender                                receiver
//!  EMPTY ──── copies the bytes in ───► COPIED+len ── looks, then ──► EMPTY
//!  EMPTY ──── lends its own slice ───► LENT ──────── compare-exchange ──► READING ── looks, then ──► DONE
//!  DONE  ──── goes on ───────────────► EMPTY
//!  LENT  ──── compare-exchange: takes the loan back ──► EMPTY
//! ```
//!
//! A short message is copied, and its sender doesn't wait: into the slot, where it takes one cache line (8 bytes) or a
//! few, or, if it is too long for that, beside it.
//! A long one is never copied by the transport: the receiver reads the sender's slice where it lies. A [`Part`] is lent in
//! the same way, and may be written to. (Other libraries speak of *eager* messages and of *rendezvous*.)
//!
//! # Why this is sound
//!
//! * The contents of a slot (`stamp`, `envelope`, `payload`, `origin`, and the room beside it) are written only by the
//!   channel's one sender while the state is EMPTY and read only by its one receiver while it is COPIED or READING. Each
//!   change of hands is a Release store that the other side's Acquire load reads.
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
use slot::{COPIED, DONE, EMPTY, LENT, READING, Slot};
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

/// How many messages a channel between two of so many ranks holds before its sender has to wait: a power of two.
///
/// A root that hands out one short message after the other waits once for so many of them, and where ranks share cores
/// waiting is a turn of each: broadcasts of 8 bytes take 0.28 us instead of 0.49 on 4 ranks with 32 slots instead of 8, and
/// on 8 ranks 0.65 instead of 0.95 (2 cores of an AMD EPYC, 2026-11). Exchanges take the same. But a slot is 17 cache
/// lines, and a communicator of P ranks may use P² channels: 8.5 MiB for 16 ranks; 64 ranks, with 8 slots, take 34 MiB.
pub(super) const fn slots(ranks: usize) -> usize {
    match ranks {
        _ if cfg!(loom) => 4,          // it goes through all of them
        ..=16 if !cfg!(shuttle) => 32, // there fewer, so that some fill up, and more is lent
        _ => 8,
    }
}

/// Longest message that goes into the slot itself, in bytes. It makes a slot 17 cache lines long: were it 16, the first
/// lines of all slots would fall into the same few sets of a cache (512 bytes both ways: 0.57 us, and 0.54 with 17).
pub(super) const INLINE_BYTES: usize = 992;

/// Longest message that is copied at all, in bytes, in a channel of so many slots: 8 KiB in communicators of up to 16
/// ranks. Beyond [`INLINE_BYTES`], the slot has room elsewhere, made when it is first needed.
///
/// A copy costs time for each byte, a loan two more journeys of a cache line (the receiver claims it, and says that it is
/// done), for which the sender waits. On 2 ranks, between near and far cores (AMD EPYC, 2026-11):
///
/// ```text
///                          copied          lent
/// all-reduce, 2 KiB    0.23, 0.85 us    0.29, 1.11 us       by recursive doubling
/// all-reduce, 8 KiB    0.43, 1.18       0.86, 1.61
/// broadcast, 8 KiB     0.17, 0.61       0.30, 0.82          its root waits for nobody then
/// all-gather, 16 KiB   0.46, 1.18       0.42, 1.26          messages of 8 KiB; longer ones are better lent
/// ```
///
/// In large ones it is less, so that the channels of a communicator can't hold more than about P² x slots x (1 + slots / 4)
/// KiB: with 16 ranks 73 MiB, with 64 ranks 98 MiB, if all send such messages to all.
pub(super) const fn longest_copy(slots: usize) -> usize {
    256 * slots
}

/// Whether messages say what they are part of. Always; but for a build of its own (`--cfg unchecked`) that shows
/// what it costs.
pub(super) const CHECKING: bool = !cfg!(unchecked);

/// How a slot is handed over.
fn release() -> Ordering {
    if planted(Weakness::RelaxedSlot) { Relaxed } else { Release }
}

/// What one rank has sent to one other and the other has not yet taken.
pub(super) struct Channel {
    slots: Box<[Slot]>,
}

impl Channel {
    /// A channel with so many slots, a power of two.
    pub(super) fn new(slots: usize) -> Self {
        assert!(slots.is_power_of_two());
        Self { slots: (0..slots).map(|_| Slot::empty()).collect() }
    }

    fn slot(&self, position: usize) -> &Slot {
        &self.slots[position & (self.slots.len() - 1)]
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
        let left = self.slots.iter().filter(|slot| CHECKING && slot.state.load(Acquire) >= COPIED);
        // COPIED means that the slot was written and that no sender will touch it: a message like any other,
        // except that nobody gives the slot back.
        let look = |slot| {
            let message = std::mem::ManuallyDrop::new(Message { slot, state: COPIED });
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
        if !buffered || bytes.len() > longest_copy(self.slots.len()) {
            let part = Part { read: bytes, write: &mut [], elements, stamp };
            // SAFETY: what `lend` asks for is what we ask for.
            return Some(unsafe { self.lend(position, operation, part) });
        }
        let slot = self.slot(position);
        // SAFETY: the state is EMPTY and we are the only sender, so the slot's contents are ours;
        // `has_room`'s Acquire load has seen the receiver's last Release store.
        unsafe { slot.address(operation, elements, stamp) };
        // SAFETY: as above.
        unsafe { slot.copy(bytes) };
        // Pairs with the Acquire load in `has_message` and `take`.
        slot.state.store(COPIED + bytes.len() as u32, release());
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
        if state < COPIED {
            // From here the sender can no longer take the loan back. It may just have.
            slot.state.compare_exchange(state, READING, Acquire, Relaxed).ok()?;
        }
        Some(Message { slot, state })
    }
}
