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

use super::sync::{AtomicU32, UnsafeCell, Weakness, planted, yield_now};
use crate::{Envelope, Operation, Origin, Outgoing, Part};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

/// Messages that a channel holds before its sender has to wait.
pub(super) const SLOTS: usize = 4;

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

const EMPTY: u32 = 0;
const LENT: u32 = 1;
const READING: u32 = 2;
const DONE: u32 = 3;
/// INLINE + n: a message of n bytes lies in the slot.
const INLINE: u32 = 4;

/// State, stamp, envelope and the first 8 bytes of the payload share the slot's first cache line. The origin
/// is read only when something has gone wrong, so its line stays in the sender's cache.
#[repr(C, align(64))]
struct Slot {
    state: AtomicU32,
    stamp: UnsafeCell<u32>,
    envelope: UnsafeCell<MaybeUninit<Envelope>>,
    payload: UnsafeCell<Payload>,
    origin: UnsafeCell<MaybeUninit<Origin>>,
}

union Payload {
    inline: [MaybeUninit<u8>; INLINE_BYTES],
    lent: Slices,
}

/// What is lent, and for how long only the state says.
#[derive(Clone, Copy)]
struct Slices {
    read: (*const u8, usize),
    write: (*mut u8, usize),
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Slot>() == 1024 && std::mem::offset_of!(Slot, payload) == 56);

// SAFETY: the `UnsafeCell`s are handed from one thread to the other through `state` as the module's
// documentation describes, and the pointer in `Payload` is only followed during a loan.
unsafe impl Sync for Slot {}
// SAFETY: as above; a slot has no tie to the thread that made it.
unsafe impl Send for Slot {}

impl Slot {
    /// Writes whatever a message has beside its bytes.
    ///
    /// # Safety
    ///
    /// The slot's contents are the caller's.
    unsafe fn address(&self, operation: &Operation, elements: usize, stamp: u32) {
        // SAFETY: the contents are ours.
        self.stamp.with_mut(|to| unsafe { *to = stamp });
        if CHECKING {
            // SAFETY: as above.
            self.envelope.with_mut(|to| unsafe { (*to).write(operation.envelope.with_elements(elements)) });
            // SAFETY: as above.
            self.origin.with_mut(|to| unsafe { (*to).write(operation.origin) });
        }
    }
}

/// What one rank has sent to one other and the other has not yet taken.
pub(super) struct Channel {
    slots: [Slot; SLOTS],
}

impl Channel {
    pub(super) fn new() -> Box<Self> {
        let empty = |_| Slot {
            state: AtomicU32::new(EMPTY),
            stamp: UnsafeCell::new(0),
            envelope: UnsafeCell::new(MaybeUninit::uninit()),
            payload: UnsafeCell::new(Payload { inline: [MaybeUninit::uninit(); INLINE_BYTES] }),
            origin: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Box::new(Self { slots: std::array::from_fn(empty) })
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
        matches!(self.slot(position).state.load(Acquire), LENT | INLINE..)
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
            let message = std::mem::ManuallyDrop::new(Message { slot, inline: Some(0) });
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
        let Part { read, write, elements, stamp } = part;
        let slices = Slices { read: (read.as_ptr(), read.len()), write: (write.as_mut_ptr(), write.len()) };
        // SAFETY: as in `post`.
        unsafe { slot.address(operation, elements, stamp) };
        // SAFETY: as in `post`.
        slot.payload.with_mut(|to| unsafe { (*to).lent = slices });
        // Pairs with the Acquire compare-exchange in `take`.
        slot.state.store(LENT, release());
        Loan { slot, bytes: PhantomData }
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
        if state == LENT {
            // From here the sender can no longer take the loan back. It may just have.
            let claimed = slot.state.compare_exchange(LENT, READING, Acquire, Relaxed);
            return claimed.is_ok().then_some(Message { slot, inline: None });
        }
        let inline = Some(state.checked_sub(INLINE)? as usize);
        Some(Message { slot, inline })
    }
}

/// A part that the receiver may be working on. Dropping it ends the loan, waiting for a look that has begun.
#[must_use = "the bytes stay lent until the loan is dropped"]
pub(super) struct Loan<'a> {
    slot: &'a Slot,
    bytes: PhantomData<(&'a [u8], &'a mut [u8])>,
}

impl Loan<'_> {
    /// Ends the loan. True if the receiver has read the message, false if the sender got in first, in
    /// which case it is as if the message had never been posted.
    pub(super) fn end(self) -> bool {
        let delivered = self.reclaim();
        std::mem::forget(self);
        delivered
    }

    fn reclaim(&self) -> bool {
        // Pairs with the Release store of DONE: the receiver's reads of the slice are over.
        if self.slot.state.load(Acquire) != DONE {
            // Acquire pairs with the Release store in `put_back`.
            if (self.slot.state.compare_exchange(LENT, EMPTY, Acquire, Relaxed)).is_ok() {
                return false;
            }
            // READING: a look can't communicate (the endpoint refuses), and who holds several at once began when all
            // were there. So this isn't a wait for any rank's progress in the program.
            while self.slot.state.load(Acquire) != DONE && !planted(Weakness::HastyLoan) {
                yield_now();
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

/// A message that the receiver holds. Dropping it gives the slot, or the loan, back.
pub(super) struct Message<'a> {
    slot: &'a Slot,
    /// The length, if the bytes lie in the slot.
    inline: Option<usize>,
}

impl Message<'_> {
    /// Whether it is the part of the operation that has so many elements.
    pub(super) fn is_of(&self, operation: &Operation, elements: usize) -> bool {
        // SAFETY: as in `envelope`. Compared where it lies: to copy it first would cost more than to compare it.
        self.slot.envelope.with(|envelope| unsafe {
            let envelope = (*envelope).assume_init_ref();
            envelope.elements == elements as u64 && envelope.agrees(&operation.envelope)
        })
    }

    pub(super) fn envelope(&self) -> Envelope {
        // SAFETY: the state is INLINE or READING: written by the sender, and ours to read until drop.
        self.slot.envelope.with(|envelope| unsafe { (*envelope).assume_init() })
    }

    pub(super) fn origin(&self) -> Origin {
        // SAFETY: as in `envelope`.
        self.slot.origin.with(|origin| unsafe { (*origin).assume_init() })
    }

    pub(super) fn stamp(&self) -> u32 {
        // SAFETY: as in `envelope`.
        self.slot.stamp.with(|stamp| unsafe { *stamp })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the state says which field of the payload the sender wrote, and the first `len` bytes
        // of it. A lent slice lives until we store DONE, which borrows end before (drop takes `&mut`).
        self.slot.payload.with(|payload| unsafe {
            let (start, len) = match self.inline {
                Some(len) => ((&raw const (*payload).inline).cast::<u8>(), len),
                None => (*payload).lent.read,
            };
            std::slice::from_raw_parts(start, len)
        })
    }

    /// What is lent. A copy in the slot is a part to read.
    pub(super) fn part(&mut self, elements: usize) -> Part<'_> {
        let (start, len) = match self.inline {
            Some(_) => return Part { read: self.bytes(), write: &mut [], elements, stamp: self.stamp() },
            // SAFETY: the state is READING, so the sender wrote this field.
            None => self.slot.payload.with(|payload| unsafe { (*payload).lent.write }),
        };
        // SAFETY: as in `bytes`; and the sender has given this slice to us alone, until we store DONE.
        let write = unsafe { std::slice::from_raw_parts_mut(start, len) };
        Part { read: self.bytes(), write, elements, stamp: self.stamp() }
    }

    /// Gives a loan back as if it had not been taken: its sender may take it back, or we take it again.
    pub(super) fn put_back(self) {
        if self.inline.is_none() {
            // Pairs with the Acquire compare-exchange in `reclaim`: we may have looked at the envelope.
            self.slot.state.store(LENT, release());
        }
        std::mem::forget(self);
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        let next = if self.inline.is_some() { EMPTY } else { DONE };
        // Pairs with the Acquire loads in `has_room` (EMPTY), `is_done` and `reclaim` (DONE).
        self.slot.state.store(next, release());
    }
}
