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
    /// What the last one said, if anything, and where.
    last: Option<(Option<String>, String)>,
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
        rank.last = info.location().map(|at| (words(info.payload()).map(str::to_owned), at.to_string()));
        Some(rank.quiet)
    });
    noted.ok().flatten().unwrap_or(false)
}

/// What a panic that was caught on this thread said and, if it is the one that was noted, where.
///
/// It is another one if a panic was caught and then resumed with a payload of the program's. Only their words can
/// tell: the payload that is caught is a copy at another address than the hook was shown. So the place of a panic
/// without words is never certain, and is told as a guess.
pub(super) fn describe(panic: &(dyn Any + Send)) -> (String, Option<String>) {
    let said = words(panic);
    let noted = RANK.take().and_then(|rank| rank.last).filter(|(noted, _)| noted.as_deref() == said);
    match (said, noted.map(|(_, at)| at)) {
        (Some(said), at) => (said.to_owned(), at),
        (None, Some(at)) => (format!("a panic without a message, maybe the one at {at}"), None),
        (None, None) => ("a panic without a message".to_owned(), None),
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> Option<&str> {
    (panic.downcast_ref::<&str>().copied()).or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}
