//! One channel, a sender and a receiver: every interleaving, unbounded.

use super::{explore, operation, outgoing};
use crate::threads::mailbox::{Channel, INLINE_BYTES, longest_copy};
use crate::threads::sync::{UnsafeCell, Weakness, plant, yield_now};
use loom::sync::Arc;

const SLOTS: usize = 4;

/// More short messages of a length than slots: each arrives, whole and in order, and its slot is used again.
fn arrive_in_order(length: usize) {
    explore("short messages", None, move || {
        let channel = Arc::new(Channel::new(SLOTS));
        let sender = {
            let channel = Arc::clone(&channel);
            loom::thread::spawn(move || {
                for position in 0..SLOTS + 1 {
                    while !channel.has_room(position) {
                        yield_now();
                    }
                    let bytes = vec![position as u8; length];
                    // SAFETY: the only sender, with room, and a short message is not lent.
                    #[allow(unsafe_code, reason = "a model of the mailbox")]
                    let loan = unsafe { channel.post(position, &operation(), outgoing(&bytes, 7), true) };
                    assert!(loan.is_none());
                }
            })
        };
        for position in 0..SLOTS + 1 {
            let message = loop {
                // SAFETY: the only receiver; earlier messages are dropped.
                #[allow(unsafe_code, reason = "a model of the mailbox")]
                match unsafe { channel.take(position) } {
                    Some(message) => break message,
                    None => yield_now(),
                }
            };
            yield_now(); // whoever wrote too early would do so now
            assert_eq!((message.bytes(), message.stamp()), (&vec![position as u8; length][..], 7));
        }
        sender.join().unwrap();
    });
}

#[test]
fn short_messages_arrive_in_order() {
    arrive_in_order(1);
}

/// These lie in the room beside the slot, which points there.
#[test]
fn longer_copies_arrive_in_order() {
    assert!(INLINE_BYTES < longest_copy(SLOTS));
    arrive_in_order(INLINE_BYTES + 1);
}

/// A buffer whose accesses loom tracks stands for what is lent: the receiver reads it while it looks, the
/// sender writes it once the loan is over. Whether the sender waits for the reader, or takes the loan back.
fn lend(sender_waits: bool) {
    explore("a loan", None, move || {
        let channel = Arc::new(Channel::new(SLOTS));
        let buffer = Arc::new(UnsafeCell::new(1));
        let sender = {
            let (channel, buffer) = (Arc::clone(&channel), Arc::clone(&buffer));
            loom::thread::spawn(move || {
                // SAFETY: nobody else knows the buffer yet.
                #[allow(unsafe_code, reason = "a model of the mailbox")]
                buffer.with_mut(|value| unsafe { *value = 2 });
                // SAFETY: the only sender, with room, and the loan is ended below.
                #[allow(unsafe_code, reason = "a model of the mailbox")]
                let loan =
                    unsafe { channel.post(0, &operation(), outgoing(&[0; 8], 0), false) }.expect("lent");
                while sender_waits && !channel.is_done(0) {
                    yield_now();
                }
                let delivered = loan.end();
                assert!(delivered || !sender_waits);
                // SAFETY: the loan is over.
                #[allow(unsafe_code, reason = "a model of the mailbox")]
                buffer.with_mut(|value| unsafe { *value = 3 });
                delivered
            })
        };
        let mut seen = None;
        // A sender that doesn't wait may never be seen: look a few times then.
        for _ in 0..if sender_waits { usize::MAX } else { 2 } {
            // SAFETY: the only receiver.
            #[allow(unsafe_code, reason = "a model of the mailbox")]
            if let Some(message) = unsafe { channel.take(0) } {
                assert_eq!(message.bytes().len(), 8);
                // SAFETY: lent until the message is dropped.
                #[allow(unsafe_code, reason = "a model of the mailbox")]
                let value = buffer.with(|value| unsafe { *value });
                seen = Some(value);
                break;
            }
            yield_now();
        }
        let delivered = sender.join().unwrap();
        assert_eq!(seen, delivered.then_some(2), "read once, or taken back");
    });
}

#[test]
fn a_loan_is_read_before_its_sender_goes_on() {
    lend(true);
}

#[test]
fn a_loan_is_taken_back_or_read_never_both() {
    lend(false);
}

/// The receiver takes a loan and puts it back, since another one that it needs has gone, and never looks again.
#[test]
fn a_loan_that_is_put_back_can_be_taken_back() {
    explore("a loan that is put back", None, || {
        let channel = Arc::new(Channel::new(SLOTS));
        let sender = {
            let channel = Arc::clone(&channel);
            loom::thread::spawn(move || {
                // SAFETY: the only sender, with room, and the loan is ended below.
                #[allow(unsafe_code, reason = "a model of the mailbox")]
                let loan = unsafe { channel.post(0, &operation(), outgoing(&[0; 8], 0), false) };
                assert!(!loan.expect("lent").end(), "nobody has read it");
            })
        };
        // SAFETY: the only receiver.
        #[allow(unsafe_code, reason = "a model of the mailbox")]
        if let Some(message) = unsafe { channel.take(0) } {
            assert_eq!(message.envelope().elements, 8);
            message.put_back();
        }
        sender.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_short_message_handed_over_relaxed_is_found() {
    let _planted = plant(Weakness::RelaxedSlot);
    short_messages_arrive_in_order();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_loan_handed_over_relaxed_is_found() {
    let _planted = plant(Weakness::RelaxedSlot);
    lend(true);
}
