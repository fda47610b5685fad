//! Where one rank sleeps, and how it is woken.
//!
//! The danger is the lost wake-up: a rank looks, finds nothing, and falls asleep; in between the other has
//! done what it waits for, seen nobody asleep, and gone on. Both therefore write first and look afterwards,
//! with a sequentially consistent fence in between (Dekker's pattern):
//!
//! ```text
//!   sleeper                        waker
//!   parked = true                  the change that is waited for
//!   ── fence ──                    ── fence ──
//!   look for the change            look at parked
//! ```
//!
//! Of the two fences one comes first in the order of all of them, and what was written before it is seen by
//! whoever looks after the other. So the sleeper sees the change, or the waker sees the sleeper.

use super::sync::{AtomicBool, Parker, Unparker, Weakness, fence, planted};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// A rank's place to sleep, as others see it.
pub(super) struct Seat {
    /// Set while its rank may be asleep.
    parked: AtomicBool,
    unparker: Unparker,
}

impl Seat {
    pub(super) fn new(parker: &Parker) -> Self {
        Self { parked: AtomicBool::new(false), unparker: parker.unparker().clone() }
    }

    /// Says that the rank is about to sleep. It must look once more for what it waits for, then
    /// [`sleep`](Self::sleep).
    pub(super) fn announce(&self) {
        self.parked.store(true, Relaxed);
        // Pairs with the fence in `wake`.
        fence(SeqCst);
    }

    /// Sleeps until `may_go_on` says so. It is asked first, and after every wake-up, of which there may be
    /// more than needed.
    pub(super) fn sleep(&self, parker: &Parker, may_go_on: impl Fn() -> bool) {
        while !may_go_on() {
            parker.park();
        }
        self.parked.store(false, Relaxed);
    }

    /// Wakes the rank if it sleeps. To be called after the change that it may be waiting for.
    pub(super) fn wake(&self) {
        if !planted(Weakness::NoFence) {
            // Pairs with the fence in `announce`.
            fence(SeqCst);
        }
        if self.parked.load(Relaxed) {
            self.unparker.unpark();
        }
    }

    /// Whether the rank sleeps, or is about to.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn is_parked(&self) -> bool {
        self.parked.load(SeqCst)
    }
}
