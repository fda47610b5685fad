//! The primitives of the concurrent core. Where loom is asked for (`--cfg loom`) they are loom's, which try
//! every interleaving that the memory model allows; the code above them is the same.

#[cfg(loom)]
pub(super) use checked::*;
#[cfg(not(loom))]
pub(super) use plain::*;

#[cfg(not(loom))]
mod plain {
    pub(crate) use crossbeam_utils::sync::{Parker, Unparker};
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, fence};
    pub(crate) use std::thread::yield_now;

    /// `std`'s, in the form of loom's: access ends with a closure.
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}

#[cfg(loom)]
mod checked {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, fence};
    use loom::sync::{Arc, Condvar, Mutex};
    pub(crate) use loom::thread::yield_now;

    /// Crossbeam's `Parker`, as its documentation describes it, on loom's lock.
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
            let mut token = token.lock().unwrap();
            while !*token {
                token = given.wait(token).unwrap();
            }
            *token = false;
        }
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            let (token, given) = &*self.0;
            *token.lock().unwrap() = true;
            given.notify_one();
        }
    }
}
