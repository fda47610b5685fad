//! A lock and a cell for ThreadSanitizer, where `std` itself is not compiled with it (`--cfg tsan`).
//!
//! ThreadSanitizer follows the order between threads through the code that it has instrumented. Of `std`'s lock
//! and cell it sees the fast paths, which are inlined, and misses the slow ones: it would take what they guard
//! for racing. So the lock tells it the order that `std`'s documents, and the cell is made of an atomic.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::null_mut;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{LockResult, PoisonError};

unsafe extern "C" {
    // Of ThreadSanitizer's runtime: what is released at an address comes before what acquires it.
    safe fn __tsan_acquire(at: *const c_void);
    safe fn __tsan_release(at: *const c_void);
}

fn acquire<T>(at: &T) {
    __tsan_acquire(std::ptr::from_ref(at).cast());
}

fn release<T>(at: &T) {
    __tsan_release(std::ptr::from_ref(at).cast());
}

/// Locking comes after the unlocking before.
#[derive(Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: std::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let with = |guard| {
            acquire(self);
            MutexGuard { mutex: self, guard }
        };
        self.0.lock().map(with).map_err(|poisoned| PoisonError::new(with(poisoned.into_inner())))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        release(self.mutex); // the guard itself goes after this
    }
}

/// A cell whose value comes with a store that is instrumented.
pub(crate) struct OnceLock<T> {
    value: AtomicPtr<T>,
    owns: PhantomData<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { value: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: null, or from `Box::into_raw` in `set`, and freed by drop alone.
        unsafe { self.value.load(Acquire).as_ref() }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let new = Box::into_raw(Box::new(value));
        match self.value.compare_exchange(null_mut(), new, AcqRel, Acquire) {
            Ok(_) => Ok(()),
            // SAFETY: nobody else has seen it.
            Err(_) => Err(*unsafe { Box::from_raw(new) }),
        }
    }

    /// Unlike `std`'s, may call `init` in vain.
    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        if self.get().is_none() {
            let _ = self.set(init());
        }
        self.get().expect("set by us, or before")
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        let value = *self.value.get_mut();
        if !value.is_null() {
            // SAFETY: from `Box::into_raw`, and nobody else is left.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}
