//! A panic's place is known from the process's panic hook. A program's own hook is still called. Alone in its
//! file, since a process has one hook.

use collectives::{Cause, RunError, World};
use std::panic::{set_hook, take_hook};
use std::sync::Mutex;

/// What the program's hook was told: in which thread, and where.
static TOLD: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

fn program_hook() {
    set_hook(Box::new(|info| {
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        TOLD.lock().unwrap().push((thread, info.location().map_or(0, |place| place.line())));
    }));
}

fn told() -> Vec<(String, u32)> {
    std::mem::take(&mut TOLD.lock().unwrap())
}

fn panics_on_rank_1() -> (u32, RunError) {
    let line = line!() + 2;
    let world = World::new(3).run(|comm| {
        assert!(comm.rank() != 1, "on purpose");
        comm.barrier()
    });
    (line, world.unwrap_err())
}

fn place(error: &RunError) -> Option<&str> {
    let Cause::Panicked { at, .. } = &error.cause else { panic!("{error}") };
    at.as_deref()
}

#[test]
fn the_programs_own_hook_is_still_called() {
    program_hook();
    for _ in 0..3 {
        let (line, error) = panics_on_rank_1();
        // Once, however many worlds there have been.
        assert_eq!(told(), [("rank 1".to_owned(), line)]);
        assert!(place(&error).unwrap().starts_with(&format!("{}:{line}:", file!())), "{error}");
    }

    // Threads that are no ranks are left to it.
    let line = line!() + 1;
    std::thread::Builder::new().name("other".into()).spawn(|| panic!("other")).unwrap().join().unwrap_err();
    assert_eq!(told(), [("other".to_owned(), line)]);

    // A hook that is set later and forgets the one before it: the place is lost, the rest is not.
    let _ = take_hook();
    program_hook();
    let (line, error) = panics_on_rank_1();
    assert_eq!(told(), [("rank 1".to_owned(), line)]);
    assert_eq!(place(&error), None);
    assert_eq!(error.to_string(), "rank 1: panicked: on purpose");
    assert_eq!(error.consequences.len(), 2);
}
