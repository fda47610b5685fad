//! Whole worlds of up to 8 ranks under shuttle, which runs them on one thread and decides at each step who goes
//! on: by a random walk, and by random priorities that change a few times (PCT, which is better at schedules in
//! which one rank is held up for long). Shuttle itself reports a hang.
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --release -p gears-schedules -- --show-output
//! ```
//!
//! Seeds are fixed, so that a failure comes again; SHUTTLE_RANDOM_SEED explores others.

#![cfg(shuttle)]

mod failures;
mod shares;
mod values;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::fmt;
use std::time::Instant;

/// How often PCT changes priorities, at most.
const CHANGES: usize = 3;

/// How many schedules have been explored, and since when.
struct Budget {
    schedules: usize,
    start: Instant,
}

impl Budget {
    fn new() -> Self {
        Self { schedules: 0, start: Instant::now() }
    }

    /// Runs `body` on so many schedules of each kind.
    fn explore(&mut self, schedules: usize, body: impl Fn() + Clone + Send + Sync + 'static) {
        self.run(RandomScheduler::new_from_seed(7, schedules), body.clone());
        self.run(PctScheduler::new_from_seed(7, CHANGES, schedules), body);
    }

    fn run(&mut self, scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
        let mut config = Config::new();
        config.stack_size = 1 << 18; // slots of mailboxes while they are made, and errors being formatted
        config.silence_warnings = true; // that all atomics are taken for SeqCst: loom looks at their orderings
        config.failure_persistence = FailurePersistence::None; // seeds are fixed
        self.schedules += Runner::new(scheduler, config).run(body);
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules in {:.1} s", self.schedules, self.start.elapsed().as_secs_f64())
    }
}
