//! What can only be seen from inside: sleeping ranks, the slots of a mailbox, the order of messages.

mod share;

use super::endpoint::{Endpoint, Rank};
use super::group::Group;
use super::mailbox::{Channel, INLINE_BYTES, longest_copy, slots};
use super::waiting::Shared;
use crate::{Call, ElementType, Envelope, Error, Incoming, Operation, Origin, Outgoing, Result, Transport};
use std::rc::Rc;
use std::sync::Arc;

const BYTES: &ElementType = &ElementType::of::<u8>("u8");
const TEST: &Call = &Call::new("test");

fn envelope(length: usize) -> Envelope {
    Envelope::new(TEST, BYTES, length)
}

fn outgoing(bytes: &[u8], stamp: u32) -> Outgoing<'_> {
    Outgoing { to: 1, bytes, elements: bytes.len(), stamp }
}

fn operation() -> Operation {
    Operation { envelope: envelope(0), origin: Origin::here() }
}

fn send(from: &dyn Transport, to: usize, bytes: &[u8]) -> Result<()> {
    let outgoing = Outgoing { to, bytes, elements: bytes.len(), stamp: 0 };
    from.transfer(&operation(), Some(outgoing), None, None).map(|_| ())
}

fn receive(at: &dyn Transport, from: usize, length: usize) -> Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut visit = |bytes: &[u8]| received.extend_from_slice(bytes);
    let incoming = Incoming { from, elements: length, visit: &mut visit };
    at.transfer(&operation(), None, Some(incoming), None)?;
    Ok(received)
}

/// Runs both ranks of a world of two, and gives rank 0 a view of what they share.
fn two(first: impl Fn(&Endpoint, &Shared) + Sync, second: impl Fn(&Endpoint) + Sync) {
    let (world, parkers) = Shared::new(2);
    let group = Group::of_world(&world);
    std::thread::scope(|scope| {
        let start = |(number, parker)| {
            let (world, group, first, second) = (&world, Arc::clone(&group), &first, &second);
            scope.spawn(move || {
                let rank = Rank::new(Arc::clone(world), number, parker, false);
                let endpoint = Endpoint::new(Rc::new(rank), group, number);
                if number == 0 {
                    first(&endpoint, world)
                } else {
                    second(&endpoint)
                }
                drop(endpoint);
                world.leave(number, Vec::new());
            })
        };
        let threads: Vec<_> = parkers.into_iter().enumerate().map(start).collect();
        // The scope would wait, too, but in a way that ThreadSanitizer can't follow.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A waiting rank uses no processor: it gives up spinning and sleeps, and a message wakes it.
#[test]
fn a_waiting_rank_parks_and_is_woken() {
    two(
        |endpoint, world| {
            while !world.is_parked(1) {
                std::thread::yield_now(); // if ranks never parked, this test would never end
            }
            send(endpoint, 1, b"wake up").unwrap();
        },
        |endpoint| assert_eq!(receive(endpoint, 0, 7).unwrap(), b"wake up"),
    );
}

/// The same for a sender: of a full mailbox, and of a long message.
#[test]
fn a_waiting_sender_parks_and_is_woken() {
    let long = vec![7; longest_copy(slots(2)) + 1];
    two(
        |endpoint, world| {
            while !world.is_parked(1) {
                std::thread::yield_now();
            }
            for i in 0..slots(2) + 2 {
                assert_eq!(receive(endpoint, 1, 1).unwrap(), [i as u8]);
            }
            while !world.is_parked(1) {
                std::thread::yield_now();
            }
            assert_eq!(receive(endpoint, 1, long.len()).unwrap(), long);
        },
        |endpoint| {
            for i in 0..slots(2) + 2 {
                send(endpoint, 0, &[i as u8]).unwrap();
            }
            send(endpoint, 0, &long).unwrap();
        },
    );
}

/// A slot takes what fits into it, longer messages are copied beside it, and the rest is lent; the boundaries are
/// exact, and strict sends are always lent.
#[test]
fn short_messages_are_copied_and_long_ones_lent() {
    let longest = longest_copy(8);
    for (length, buffered, lent) in [
        (0, true, false),
        (INLINE_BYTES, true, false),
        (INLINE_BYTES + 1, true, false),
        (longest, true, false),
        (longest + 1, true, true),
        (0, false, true),
        (1, false, true),
    ] {
        let channel = Channel::new(8);
        let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
        assert!(channel.has_room(0) && !channel.has_message(0));
        // SAFETY: this thread is the channel's only sender, there is room, and the loan is ended below.
        #[allow(unsafe_code, reason = "a test of the mailbox")]
        let loan = unsafe { channel.post(0, &operation(), outgoing(&bytes, 5), buffered) };
        assert_eq!(loan.is_some(), lent, "{length} bytes");
        assert!(!channel.has_room(0) && channel.has_message(0) && !channel.is_done(0));
        // SAFETY: this thread is the channel's only receiver, and takes this position once.
        #[allow(unsafe_code, reason = "a test of the mailbox")]
        let message = unsafe { channel.take(0) }.expect("just posted");
        assert_eq!((message.bytes(), message.stamp()), (&bytes[..], 5));
        assert!(message.is_of(&operation(), length) && !message.is_of(&operation(), length + 1));
        drop(message);
        assert_eq!(channel.is_done(0), lent);
        assert!(loan.is_none_or(|loan| loan.end()), "the message was read");
        assert!(channel.has_room(0) && channel.leftovers().is_empty());
    }
}

/// A loan that ends before its message is read takes the message back.
#[test]
fn an_unread_loan_is_taken_back() {
    let channel = Channel::new(2);
    // SAFETY: the only sender, with room, and the loan is ended below.
    #[allow(unsafe_code, reason = "a test of the mailbox")]
    let loan = unsafe { channel.post(0, &operation(), outgoing(&[1; 2000], 0), false) }.expect("lent");
    assert!(!loan.end());
    // SAFETY: the only receiver.
    #[allow(unsafe_code, reason = "a test of the mailbox")]
    let message = unsafe { channel.take(0) };
    assert!(message.is_none() && channel.has_room(0));
}

/// Both halves of a transfer are under way at once, also when the mailboxes are full.
#[test]
fn full_mailboxes_do_not_block_the_other_half() {
    let fill = |endpoint: &Endpoint, other| {
        for i in 0..slots(2) {
            send(endpoint, other, &[i as u8]).unwrap(); // none of these is received yet
        }
        let mut taken = Vec::new();
        for i in 0..slots(2) {
            let mut visit = |bytes: &[u8]| taken.extend_from_slice(bytes);
            let outgoing = Outgoing { to: other, bytes: &[i as u8], elements: 1, stamp: 0 };
            let incoming = Incoming { from: other, elements: 1, visit: &mut visit };
            endpoint.transfer(&operation(), Some(outgoing), Some(incoming), None).unwrap();
        }
        for _ in 0..slots(2) {
            taken.extend(receive(endpoint, other, 1).unwrap());
        }
        let expected: Vec<u8> = (0..slots(2)).chain(0..slots(2)).map(|i| i as u8).collect();
        assert_eq!(taken, expected, "messages keep their order");
    };
    two(|endpoint, _| fill(endpoint, 1), |endpoint| fill(endpoint, 0));
}

/// A message from a rank to itself waits in its own mailbox.
#[test]
fn a_rank_can_send_to_itself() {
    const LONG: usize = longest_copy(slots(1)) + 1;
    let values = super::Threads::new(1).run(|endpoint| {
        send(&endpoint, 0, b"me")?;
        let short = receive(&endpoint, 0, 2)?;
        let mut long = Vec::new();
        let mut visit = |bytes: &[u8]| long = bytes.to_vec();
        let bytes = &[3; LONG];
        let outgoing = Outgoing { to: 0, bytes, elements: LONG, stamp: 0 };
        let incoming = Incoming { from: 0, elements: LONG, visit: &mut visit };
        endpoint.transfer(&operation(), Some(outgoing), Some(incoming), None)?;
        Ok::<_, Error>((short, long))
    });
    assert_eq!(values.unwrap(), [(b"me".to_vec(), vec![3; LONG])]);
}

/// On a bare transport it is the program that tells its operations apart, by their numbers.
#[test]
fn operations_with_numbers_of_their_own_are_all_on_record() {
    let records = |number: fn(u32) -> Origin| {
        let error = super::Threads::new(1).run(|endpoint| {
            for operations in 1..=3 {
                let operation = Operation { envelope: envelope(0), origin: number(operations) };
                let outgoing = Outgoing { to: 0, bytes: &[7], elements: 1, stamp: 0 };
                endpoint.transfer(&operation, Some(outgoing), None, None).unwrap();
            }
            Err::<(), _>("on purpose")
        });
        error.unwrap_err().journals[0].len()
    };
    assert_eq!(records(|number| Origin::here().numbered(number)), 3);
    assert_eq!(records(|_| Origin::here()), 1, "parts of one operation");
}
