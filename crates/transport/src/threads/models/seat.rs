//! One seat, a sleeper and a waker: every interleaving, unbounded.

use super::explore;
use crate::threads::seat::Seat;
use crate::threads::sync::{AtomicU32, Parker, Weakness, plant};
use loom::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

/// A sleeper and a waker: no schedule loses the wake-up. (Loom reports a model in which all threads sleep.)
#[test]
fn no_wake_up_is_lost() {
    explore("a sleeper and a waker", None, || {
        let parker = Parker::new();
        let seat = Arc::new(Seat::new(&parker));
        let change = Arc::new(AtomicU32::new(0));
        let waker = {
            let (seat, change) = (Arc::clone(&seat), Arc::clone(&change));
            loom::thread::spawn(move || {
                for value in 1..=2 {
                    change.store(value, Release);
                    seat.wake();
                }
            })
        };
        for value in 1..=2 {
            seat.announce();
            seat.sleep(&parker, || change.load(Acquire) >= value);
        }
        waker.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_wake_up_lost_for_want_of_a_fence_is_found() {
    let _planted = plant(Weakness::NoFence);
    no_wake_up_is_lost();
}
