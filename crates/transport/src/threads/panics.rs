//! Where a rank panicked. A payload doesn't say; only the panic hook is told.
//!
//! The hook is set once for the process and calls the one that was there before, so that everything is printed as
//! it was. It notes the place for threads that are ranks, and leaves all others alone.

use std::any::Any;
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

thread_local! {
    /// Of a thread that is a rank.
    static RANK: RefCell<Option<Panics>> = const { RefCell::new(None) };
}

/// What is known of a rank's panics.
struct Panics {
    /// Whether they are kept from being printed.
    quiet: bool,
    /// What the last one said, and where.
    last: Option<(String, String)>,
}

/// Has this thread's panics noted and, if it is to be `quiet`, not printed.
pub(super) fn note(quiet: bool) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_noted_quietly(info) {
                previous(info);
            }
        }));
    });
    RANK.set(Some(Panics { quiet, last: None }));
}

fn is_noted_quietly(info: &PanicHookInfo<'_>) -> bool {
    // A panic while the thread's variables are torn down has none any more.
    let noted = RANK.try_with(|rank| {
        let mut rank = rank.try_borrow_mut().ok()?;
        let rank = rank.as_mut()?;
        rank.last = info.location().map(|at| (message(info.payload()).to_owned(), at.to_string()));
        Some(rank.quiet)
    });
    noted.ok().flatten().unwrap_or(false)
}

/// What a panic that was caught on this thread said and, if it is the one that was noted, where.
pub(super) fn describe(panic: &(dyn Any + Send)) -> (String, Option<String>) {
    let said = message(panic).to_owned();
    // It is another one if a panic was caught and then resumed with a payload of the program's.
    let noted = RANK.take().and_then(|rank| rank.last).filter(|(noted, _)| *noted == said);
    (said, noted.map(|(_, at)| at))
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
