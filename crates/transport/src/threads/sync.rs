//! Everything that the concurrent core shares or blocks on, in one place, so that the same core runs on three
//! things:
//!
//! | build | runs on | which tries |
//! |---|---|---|
//! | plain | `std` and crossbeam, by their own names | |
//! | `--cfg loom` | loom | all interleavings of a few ranks, and all that the memory model allows |
//! | `--cfg shuttle` | shuttle | random interleavings of whole programs, as if all atomics were SeqCst |
//!
//! Neither checker sees what goes past it: waiting for a lock of `std`'s that another rank holds would block
//! the only thread there is. `Arc` alone is `std`'s everywhere. Nothing in the core is ordered by its counters
//! except the look at a communicator's leftovers by the last member to let go of it, and for the communicator
//! of all ranks that is whoever has joined them. So models under loom make no sub-worlds.

#[cfg(tsan)]
#[allow(unsafe_code, reason = "two functions of ThreadSanitizer's runtime")]
mod annotated;
#[cfg(not(loom))]
mod cell;
#[cfg(any(loom, shuttle))]
mod checked;
#[cfg(loom)]
mod loomed;
#[cfg(not(any(loom, shuttle)))]
mod plain;
#[cfg(shuttle)]
mod shuttled;

#[cfg(any(loom, shuttle))]
pub(super) use checked::*;
#[cfg(any(loom, shuttle))]
pub use checked::{Planted, plant};
#[cfg(loom)]
pub use loomed::explore;
#[cfg(loom)]
pub(super) use loomed::*;
#[cfg(not(any(loom, shuttle)))]
pub(super) use plain::*;
#[cfg(shuttle)]
pub(super) use shuttled::*;

/// A mistake in the core. Each can be planted, to show that a checker finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(unreachable_pub, reason = "tests of other crates plant them where a checker runs")]
pub enum Weakness {
    /// Slots are handed over with Relaxed stores.
    RelaxedSlot,
    /// A loan that a reader is looking at ends without waiting for it.
    HastyLoan,
    /// The flag that says that the world has failed is stored Relaxed.
    RelaxedFailure,
    /// Who has changed something looks for sleepers without a fence in between.
    NoFence,
    /// A failure wakes nobody.
    SilentFailure,
    /// The proof goes by the list of who waits, and doesn't look at the mailboxes again.
    StaleNeeds,
    /// A rank counts as stuck as soon as one of its needs is unmet.
    HalfStuck,
    /// A rank that parks doesn't ask who has left.
    ForgottenLeaver,
}
