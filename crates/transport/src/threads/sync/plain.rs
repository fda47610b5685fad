//! `std`'s and crossbeam's own.

use super::Weakness;
use std::io;

#[cfg(tsan)]
pub(crate) use super::annotated::{Mutex, MutexGuard, OnceLock};
pub(crate) use super::cell::UnsafeCell;
pub(crate) use crossbeam_utils::sync::{Parker, Unparker};
pub(crate) use std::hint::spin_loop;
pub(crate) use std::panic::catch_unwind;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, fence};
#[cfg(not(tsan))]
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};
pub(crate) use std::thread::{Scope, ScopedJoinHandle, panicking, scope, yield_now};

/// Starts a thread that the scope will wait for.
pub(crate) fn spawn<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    body: impl FnOnce() -> R + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, R>> {
    std::thread::Builder::new().name(name).spawn_scoped(scope, body)
}

/// None, unless the build asks for the one that ThreadSanitizer must find.
pub(crate) const fn planted(weakness: Weakness) -> bool {
    cfg!(weakened) && matches!(weakness, Weakness::RelaxedSlot)
}
