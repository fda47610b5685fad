//! Threads under shuttle, which has scopes, and no notion of a data race: its `UnsafeCell` is `std`'s.

use std::io;

pub(crate) use super::cell::UnsafeCell;
pub(crate) use shuttle::thread::{Scope, ScopedJoinHandle, scope};
pub(crate) use std::panic::catch_unwind;

/// Starts a thread that the scope will wait for. Shuttle's scoped threads have no names.
pub(crate) fn spawn<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    _name: String,
    body: impl FnOnce() -> R + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, R>> {
    Ok(scope.spawn(body))
}
