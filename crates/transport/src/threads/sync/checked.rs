//! What loom and shuttle have in common. Either runs all ranks on one thread of the system, and decides at each
//! of these calls who goes on.

use super::Weakness;
use std::cell::Cell;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, PoisonError};

#[cfg(loom)]
use loom as checker;
#[cfg(shuttle)]
use shuttle as checker;

pub(crate) use checker::hint::spin_loop;
use checker::sync::Condvar;
pub(crate) use checker::sync::atomic::{AtomicBool, AtomicU32, fence};
pub(crate) use checker::sync::{Mutex, MutexGuard};
pub(crate) use checker::thread::yield_now;

/// Not whether a rank unwinds: `std` could only say that some rank does, since all are one thread.
pub(crate) fn panicking() -> bool {
    false
}

/// `std`'s `OnceLock` beside a flag that the checker knows: in it are the scheduling point and the order
/// between who puts the value there and who finds it, which the checker can't see in `std`'s.
///
/// Nothing is scheduled between a change of the flag and the change of the cell that follows it, so that to the
/// ranks they are one, and nobody ever waits for the cell.
pub(crate) struct OnceLock<T> {
    is_set: AtomicBool,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { is_set: AtomicBool::new(false), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.is_set.load(Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        match self.is_set.compare_exchange(false, true, AcqRel, Acquire) {
            Ok(_) => self.value.set(value),
            Err(_) => Err(value),
        }
    }

    /// `init` must not reach a scheduling point.
    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        if !self.is_set.load(Acquire) {
            let _ = self.is_set.compare_exchange(false, true, AcqRel, Acquire);
        }
        self.value.get_or_init(init)
    }
}

/// Crossbeam's `Parker`, as its documentation describes it, on the checker's lock.
///
/// That the lock is poisoned means nothing here: while a rank unwinds, and waits for its turn in a destructor, `std`
/// takes all ranks for panicking, since all are one thread.
pub(crate) struct Parker(Unparker);

/// Gives the parker its token.
#[derive(Clone)]
pub(crate) struct Unparker(Arc<(Mutex<bool>, Condvar)>);

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Unparker(Arc::new((Mutex::new(false), Condvar::new()))))
    }

    pub(crate) fn unparker(&self) -> &Unparker {
        &self.0
    }

    pub(crate) fn park(&self) {
        let (token, given) = &*self.0.0;
        let mut token = token.lock().unwrap_or_else(PoisonError::into_inner);
        while !*token {
            token = given.wait(token).unwrap_or_else(PoisonError::into_inner);
        }
        *token = false;
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        let (token, given) = &*self.0;
        *token.lock().unwrap_or_else(PoisonError::into_inner) = true;
        given.notify_one();
    }
}

// The checker runs all ranks on the test's own thread, so this is the test's.
thread_local!(static PLANTED: Cell<Option<Weakness>> = const { Cell::new(None) });

/// Whether the core is to make this mistake.
pub(crate) fn planted(weakness: Weakness) -> bool {
    PLANTED.get() == Some(weakness)
}

/// Makes the core make this mistake on this thread, until the result is dropped.
#[must_use = "the mistake is planted until this is dropped"]
pub fn plant(weakness: Weakness) -> Planted {
    PLANTED.set(Some(weakness));
    Planted(())
}

/// A planted mistake.
#[derive(Debug)]
pub struct Planted(());

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(None);
    }
}
