//! `std`'s and crossbeam's own.

use super::Weakness;
use std::io;
use std::sync::atomic::Ordering;
#[cfg(target_arch = "x86_64")]
use std::{hint::black_box, sync::atomic::compiler_fence};

#[cfg(tsan)]
pub(crate) use super::annotated::{Mutex, MutexGuard, OnceLock};
pub(crate) use super::cell::UnsafeCell;
pub(crate) use crossbeam_utils::sync::{Parker, Unparker};
pub(crate) use std::hint::spin_loop;
pub(crate) use std::panic::catch_unwind;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32};
#[cfg(not(tsan))]
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};
pub(crate) use std::thread::{Scope, ScopedJoinHandle, panicking, scope, yield_now};

/// A sequentially consistent fence.
///
/// On x86-64 any locked instruction is one, and it takes a fraction of the time of `mfence`, which `std`'s becomes
/// (crossbeam's epochs do the same).
#[inline]
pub(crate) fn fence(ordering: Ordering) {
    #[cfg(target_arch = "x86_64")]
    {
        compiler_fence(ordering);
        black_box(&AtomicU32::new(0)).swap(1, ordering);
        compiler_fence(ordering);
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(ordering);
}

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
