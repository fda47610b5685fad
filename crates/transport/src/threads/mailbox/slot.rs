//! A slot of the ring: a message, or what is lent, and what is said about it.

use super::{CHECKING, INLINE_BYTES};
use crate::threads::sync::{AtomicU32, UnsafeCell};
use crate::{Envelope, Operation, Origin, Part};
use std::mem::MaybeUninit;

pub(super) const EMPTY: u32 = 0;
/// The receiver looks at what is lent.
pub(super) const READING: u32 = 1;
/// The receiver is done with it.
pub(super) const DONE: u32 = 2;
/// A part is lent: both its slices stand in the slot. This and the states up to COPIED are those of loans.
pub(super) const LENT: u32 = 3;
/// The start of what is lent to read stands there, the length follows from that of the message.
const LENT_TO_READ: u32 = 4;
/// The same for what is lent to be read and written.
const LENT_TO_WRITE: u32 = 5;
/// COPIED + n: a message of n bytes has been copied, into the slot or beside it.
pub(super) const COPIED: u32 = 6;

/// State, stamp, envelope and the first 8 bytes of the payload share the slot's first cache line. The origin
/// is read only when something has gone wrong, so its line stays in the sender's cache.
#[repr(C, align(64))]
pub(super) struct Slot {
    pub(super) state: AtomicU32,
    pub(super) stamp: UnsafeCell<u32>,
    pub(super) envelope: UnsafeCell<MaybeUninit<Envelope>>,
    pub(super) payload: UnsafeCell<Payload>,
    pub(super) origin: UnsafeCell<MaybeUninit<Origin>>,
    /// The sender's room for copies that are too long for the payload.
    room: UnsafeCell<Vec<u8>>,
}

pub(super) union Payload {
    pub(super) inline: [MaybeUninit<u8>; INLINE_BYTES],
    lent: Slices,
    /// Of what is lent, or of the copy in the room.
    start: *mut u8,
}

/// What is lent, and for how long only the state says.
#[derive(Clone, Copy)]
struct Slices {
    read: (*const u8, usize),
    write: (*mut u8, usize),
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Slot>() == 1088 && std::mem::offset_of!(Slot, payload) == 56);

// SAFETY: the `UnsafeCell`s are handed from one thread to the other through `state` as the module's
// documentation describes, and the pointers in `Payload` are only followed during a loan or, into the slot's own
// room, while the state is COPIED.
unsafe impl Sync for Slot {}
// SAFETY: as above; a slot has no tie to the thread that made it.
unsafe impl Send for Slot {}

impl Slot {
    pub(super) fn empty() -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            stamp: UnsafeCell::new(0),
            envelope: UnsafeCell::new(MaybeUninit::uninit()),
            payload: UnsafeCell::new(Payload { inline: [MaybeUninit::uninit(); INLINE_BYTES] }),
            origin: UnsafeCell::new(MaybeUninit::uninit()),
            room: UnsafeCell::new(Vec::new()),
        }
    }

    /// Writes whatever a message has beside its bytes.
    ///
    /// # Safety
    ///
    /// The slot's contents are the caller's.
    pub(super) unsafe fn address(&self, operation: &Operation, elements: usize, stamp: u32) {
        // SAFETY: the contents are ours.
        self.stamp.with_mut(|to| unsafe { *to = stamp });
        if CHECKING {
            // SAFETY: as above.
            self.envelope.with_mut(|to| unsafe { (*to).write(operation.envelope.with_elements(elements)) });
            // SAFETY: as above.
            self.origin.with_mut(|to| unsafe { (*to).write(operation.origin) });
        }
    }

    /// Copies a message to where [`copied`](Self::copied) will look for one of its length.
    ///
    /// # Safety
    ///
    /// The slot's contents are the caller's.
    pub(super) unsafe fn copy(&self, bytes: &[u8]) {
        if bytes.len() <= INLINE_BYTES {
            // SAFETY: the contents are ours; the payload has room for INLINE_BYTES, and `bytes` can't overlap it.
            self.payload.with_mut(|to| unsafe {
                let to = (&raw mut (*to).inline).cast::<u8>();
                to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            });
            return;
        }
        // SAFETY: the contents are ours, so nobody reads an earlier copy.
        let start = self.room.with_mut(|room| unsafe {
            let room = &mut *room;
            room.clear();
            // A power of two, as the longest copy is: so it never becomes longer than that, and seldom grows.
            room.reserve_exact(bytes.len().next_power_of_two());
            room.extend_from_slice(bytes);
            room.as_mut_ptr()
        });
        // SAFETY: the contents are ours.
        self.payload.with_mut(|to| unsafe { (*to).start = start });
    }

    /// The start of the copy of so many bytes.
    ///
    /// # Safety
    ///
    /// The sender has copied a message of that length, and the slot's contents are the caller's to read.
    pub(super) unsafe fn copied(&self, length: usize) -> *const u8 {
        // SAFETY: `copy` has written the field that goes with the length.
        self.payload.with(|payload| unsafe {
            if length <= INLINE_BYTES { (&raw const (*payload).inline).cast() } else { (*payload).start }
        })
    }

    /// Writes where a part lies, and returns the state that says how. Mostly its one slice is as long as the number of
    /// elements tells; then nothing but its start is written, and the receiver needn't fetch a second cache line.
    ///
    /// # Safety
    ///
    /// The slot's contents are the caller's, and it has written the envelope.
    pub(super) unsafe fn point_to(&self, part: Part<'_>, element_bytes: usize) -> u32 {
        let Part { read, write, elements, .. } = part;
        let write = (write.as_mut_ptr(), write.len());
        let (state, start) = match (read.len(), write.1) {
            (length, 0) if CHECKING && length == elements * element_bytes => {
                (LENT_TO_READ, read.as_ptr().cast_mut())
            }
            (0, length) if CHECKING && 2 * length == elements * element_bytes => (LENT_TO_WRITE, write.0),
            _ => {
                let slices = Slices { read: (read.as_ptr(), read.len()), write };
                // SAFETY: the contents are ours.
                self.payload.with_mut(|to| unsafe { (*to).lent = slices });
                return LENT;
            }
        };
        // SAFETY: as above.
        self.payload.with_mut(|to| unsafe { (*to).start = start });
        state
    }

    /// Start and length of what is lent to read, and of what is lent to be written.
    ///
    /// # Safety
    ///
    /// The state is that of a loan, and the slot's contents are the caller's to read.
    pub(super) unsafe fn lent(&self, state: u32) -> ((*const u8, usize), (*mut u8, usize)) {
        let nothing = std::ptr::NonNull::dangling().as_ptr();
        if state == LENT {
            // SAFETY: the sender has written this field.
            let Slices { read, write } = self.payload.with(|payload| unsafe { (*payload).lent });
            return (read, write);
        }
        // SAFETY: as above.
        let start = self.payload.with(|payload| unsafe { (*payload).start });
        // SAFETY: written before the state.
        let bytes = self.envelope.with(|envelope| unsafe {
            let envelope = (*envelope).assume_init_ref();
            envelope.elements as usize * envelope.element.memory_bytes
        });
        match state {
            LENT_TO_READ => ((start, bytes), (nothing, 0)),
            _ => ((nothing, 0), (start, bytes / 2)),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::threads::mailbox::longest_copy;

    /// What channels may hold is stated with the longest copy, so a room mustn't outgrow that by doubling.
    #[test]
    fn a_room_is_no_longer_than_the_longest_copy() {
        for slots in [8, 32] {
            let (slot, longest) = (Slot::empty(), longest_copy(slots));
            for length in [INLINE_BYTES + 1, longest / 2 + 1, longest - 1, longest] {
                // SAFETY: nobody else knows the slot.
                #[allow(unsafe_code, reason = "a test of the mailbox")]
                unsafe {
                    slot.copy(&vec![7; length]);
                    assert_eq!(std::slice::from_raw_parts(slot.copied(length), length), vec![7; length]);
                }
                // SAFETY: as above.
                #[allow(unsafe_code, reason = "a test of the mailbox")]
                let capacity = slot.room.with(|room| unsafe { (*room).capacity() });
                assert!((length..=longest).contains(&capacity), "{capacity} for {length} of {longest}");
            }
        }
    }
}
