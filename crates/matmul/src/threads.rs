//! How many threads a computation may use: the caller's choice, since a rank may have been given one core.

use std::num::NonZeroUsize;
use std::sync::Mutex;

/// How many threads a call may use, the calling one among them.
///
/// The others are those of the rayon pool that the call runs in (the global one, unless it is inside a
/// `ThreadPool::install`): if that has fewer, the work takes longer and is the same. With one thread rayon
/// isn't touched. (A product with more than one moves to the pool as a whole: so the `gemm` crate does it.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// The calling thread alone.
    pub const ONE: Threads = Threads(NonZeroUsize::MIN);

    /// So many; of 0 one is made.
    pub fn new(count: usize) -> Threads {
        Threads(NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN))
    }

    /// As many as the rayon pool in use has: by default one for each core. Starts rayon's pool, if there is none
    /// yet.
    pub fn all() -> Threads {
        Threads::new(rayon::current_num_threads())
    }

    /// How many.
    pub fn count(self) -> usize {
        self.0.get()
    }

    /// Does each task once; which thread does which is open. A thread that is done with one takes the next, so
    /// it is best to have the long ones first. Returns when all are done.
    pub fn for_each<I>(self, tasks: I, task: impl Fn(I::Item) + Sync)
    where
        I: IntoIterator<IntoIter: ExactSizeIterator + Send>,
    {
        self.for_each_with(tasks, || (), |(), item| task(item));
    }

    /// As [`for_each`](Self::for_each), with a value for each thread, made when it begins: room to work in.
    ///
    /// ```
    /// use matmul::Threads;
    ///
    /// let mut squares = [0; 100];
    /// Threads::new(2).for_each(squares.iter_mut().enumerate(), |(i, square)| *square = i * i);
    /// assert_eq!(squares[99], 9801);
    /// ```
    pub fn for_each_with<I, S>(
        self,
        tasks: I,
        begin: impl Fn() -> S + Sync,
        task: impl Fn(&mut S, I::Item) + Sync,
    ) where
        I: IntoIterator<IntoIter: ExactSizeIterator + Send>,
    {
        let tasks = tasks.into_iter();
        let threads = self.count().min(tasks.len());
        if threads <= 1 {
            let mut state = begin();
            return tasks.for_each(|item| task(&mut state, item));
        }
        let tasks = Mutex::new(tasks);
        let work = || {
            let mut state = None;
            // The lock is held for `next` alone. It is poisoned only if `next` itself panicked.
            while let Some(item) = tasks.lock().ok().and_then(|mut tasks| tasks.next()) {
                task(state.get_or_insert_with(&begin), item);
            }
        };
        rayon::in_place_scope(|scope| {
            for _ in 1..threads {
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
