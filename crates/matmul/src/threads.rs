//! How many threads a computation may use: the caller's choice, since a rank may have been given one core.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads a call may use, the calling one among them.
///
/// The others are those of the rayon pool that the call runs in (the global one, unless it is inside a
/// `ThreadPool::install`): if that has fewer, the work takes longer and is the same. With one thread rayon isn't touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// The calling thread alone.
    pub const ONE: Threads = Threads(NonZeroUsize::MIN);

    /// So many; of 0 one is made.
    pub fn new(count: usize) -> Threads {
        Threads(NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN))
    }

    /// As many as the rayon pool in use has: by default one for each core.
    pub fn all() -> Threads {
        Threads::new(rayon::current_num_threads())
    }

    /// How many.
    pub fn count(self) -> usize {
        self.0.get()
    }

    /// Runs tasks 0, ..., `tasks`-1, each once; which thread runs which is open. A thread that is done with one takes the next, so
    /// it is best to have the long ones first. Returns when all are done.
    pub fn for_each(self, tasks: usize, task: impl Fn(usize) + Sync) {
        self.for_each_with(tasks, || (), |(), index| task(index));
    }

    /// As [`for_each`](Self::for_each), with a value for each thread, made when it begins: room to work in.
    pub fn for_each_with<S>(
        self,
        tasks: usize,
        begin: impl Fn() -> S + Sync,
        task: impl Fn(&mut S, usize) + Sync,
    ) {
        // Only a number is shared; what the tasks wrote is published when the scope joins.
        let next = AtomicUsize::new(0);
        let work = || {
            let mut state = None;
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= tasks {
                    break;
                }
                task(state.get_or_insert_with(&begin), index);
            }
        };
        let helpers = self.count().min(tasks).saturating_sub(1);
        if helpers == 0 {
            return work();
        }
        rayon::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| work());
            }
            work();
        });
    }
}

impl Default for Threads {
    /// [`Threads::all`].
    fn default() -> Threads {
        Threads::all()
    }
}
