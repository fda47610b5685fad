//! A common start outside the transport that is measured.
//!
//! Each iteration has two meetings of all ranks. The last to come to the first one says when the iteration
//! starts, or that it was the last; the second one lets the slowest rank finish undisturbed. A rank that
//! waits spins, since to be woken takes longer than what is measured; but not for long, since the ranks
//! that it waits for may want its core.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, yield_now};
use std::time::{Duration, Instant};

/// How often to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Iterations that don't count, first.
    pub warm_up: usize,
    /// Then at least so many.
    pub at_least: usize,
    /// And more, as long as there is time ...
    pub budget: Duration,
    /// ... but no more than so many.
    pub at_most: usize,
}

impl Repeat {
    /// So often, after one for warming up.
    pub fn times(times: usize) -> Self {
        Self { warm_up: 1, at_least: times, budget: Duration::ZERO, at_most: times }
    }

    /// Whether there is another iteration after `done`, the first counted one of which began at `began`.
    pub(super) fn goes_on(&self, done: usize, began: Option<Instant>) -> bool {
        let counted = done.saturating_sub(self.warm_up);
        let in_time = || began.is_some_and(|began| began.elapsed() < self.budget);
        done < self.warm_up || counted < self.at_least || (counted < self.at_most && in_time())
    }
}

/// Where the ranks meet.
#[derive(Debug)]
pub struct StartLine {
    ranks: usize,
    repeat: Repeat,
    /// How often a waiting rank looks before it yields.
    patience: usize,
    /// From the moment when the last rank comes until the start: long enough for all to notice.
    lead: Duration,
    /// Instants are told in nanoseconds since this one.
    origin: Instant,
    /// Ranks that have come to the present meeting.
    arrived: AtomicUsize,
    /// Meetings that are over.
    meetings: AtomicUsize,
    /// When the present iteration starts, or [`OVER`].
    start: AtomicU64,
    /// A rank has left: nobody will meet again.
    left: AtomicBool,
    /// Iterations begun, and when the first that counts did: for the rank that comes last.
    progress: Mutex<(usize, Option<Instant>)>,
}

/// Instead of a start: there is no further iteration.
const OVER: u64 = u64::MAX;

/// A rank at the line. When it is dropped, by an error or a panic for instance, those who wait are let go.
#[derive(Debug)]
#[must_use = "the rank leaves when this is dropped"]
pub struct Entered<'a>(&'a StartLine);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Release);
    }
}

impl StartLine {
    /// For so many ranks.
    pub fn new(ranks: usize, repeat: Repeat) -> Self {
        let oversubscribed = available_parallelism().is_ok_and(|cores| ranks > cores.get());
        Self {
            ranks,
            repeat,
            patience: if oversubscribed { 0 } else { 200 },
            lead: if oversubscribed { Duration::ZERO } else { Duration::from_micros(2) },
            origin: Instant::now(),
            arrived: AtomicUsize::new(0),
            meetings: AtomicUsize::new(0),
            start: AtomicU64::new(OVER),
            left: AtomicBool::new(false),
            progress: Mutex::new((0, None)),
        }
    }

    /// Each rank calls this before anything else.
    pub fn enter(&self) -> Entered<'_> {
        Entered(self)
    }

    /// The first iterations, which don't count.
    pub fn warm_up(&self) -> usize {
        self.repeat.warm_up
    }

    /// Waits for all ranks and returns the instant, now past, from which all of them measure. `None` when
    /// there is no further iteration or a rank has left.
    pub fn start(&self) -> Option<Instant> {
        if !self.meet(|| self.start.store(self.next(), Ordering::Relaxed)) {
            return None;
        }
        match self.start.load(Ordering::Relaxed) {
            OVER => None,
            start => {
                let start = self.origin + Duration::from_nanos(start);
                while Instant::now() < start {
                    std::hint::spin_loop();
                }
                Some(start)
            }
        }
    }

    /// Waits until all ranks are done.
    pub fn finish(&self) {
        self.meet(|| {}); // If a rank has left, the next start says so.
    }

    /// When the next iteration starts, in nanoseconds, or [`OVER`].
    fn next(&self) -> u64 {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, began) = &mut *progress;
        if *begun == self.repeat.warm_up {
            *began = Some(Instant::now());
        }
        if !self.repeat.goes_on(*begun, *began) {
            return OVER;
        }
        *begun += 1;
        (self.origin.elapsed() + self.lead).as_nanos() as u64
    }

    /// Waits for all ranks. The last to come runs `last` before any goes on. False if a rank has left.
    fn meet(&self, last: impl FnOnce()) -> bool {
        let meetings = self.meetings.load(Ordering::Relaxed); // Can't be over before this rank has come.
        // Release and acquire: what the ranks did before they came is done when the last one has.
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.ranks {
            self.arrived.store(0, Ordering::Relaxed);
            last();
            self.meetings.store(meetings + 1, Ordering::Release); // To the load below.
            return true;
        }
        let mut looks = 0;
        while self.meetings.load(Ordering::Acquire) == meetings {
            if self.left.load(Ordering::Acquire) {
                // Left after this meeting was over? Then it is over, as the leaver saw.
                return self.meetings.load(Ordering::Acquire) != meetings;
            }
            looks += 1;
            match looks > self.patience {
                true => yield_now(),
                false => std::hint::spin_loop(),
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;

    #[test]
    fn all_ranks_get_the_same_starts() {
        for ranks in [1, 2, 5] {
            let line = StartLine::new(ranks, Repeat::times(10));
            let rank = || {
                let _leaves = line.enter();
                let mut starts = Vec::new();
                while let Some(start) = line.start() {
                    assert!(start <= Instant::now());
                    starts.push(start);
                    line.finish();
                }
                starts
            };
            let all: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..ranks).map(|_| scope.spawn(rank)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(all[0].len(), 11); // with the one for warming up
            assert!(all[0].is_sorted());
            assert!(all.iter().all(|starts| *starts == all[0]));
        }
    }

    #[test]
    fn nobody_starts_before_the_last_has_come_and_finished() {
        let line = StartLine::new(3, Repeat::times(100));
        let (come, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let _leaves = line.enter();
                    for lap in 1.. {
                        come.fetch_add(1, SeqCst);
                        if line.start().is_none() {
                            break;
                        }
                        assert!(come.load(SeqCst) >= 3 * lap);
                        done.fetch_add(1, SeqCst);
                        line.finish();
                        assert!(done.load(SeqCst) >= 3 * lap);
                    }
                });
            }
        });
    }

    #[test]
    fn who_leaves_lets_the_others_go() {
        let line = StartLine::new(2, Repeat::times(10));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _leaves = line.enter();
                assert_eq!(line.start(), None);
            });
            scope.spawn(|| drop(line.enter()));
        });
    }

    #[test]
    fn at_least_at_most_and_in_time() {
        let repeat = |ms| Repeat { warm_up: 2, at_least: 3, budget: Duration::from_millis(ms), at_most: 9 };
        let now = Some(Instant::now());
        let long = 1_000_000;
        assert!(repeat(0).goes_on(1, None));
        assert!(repeat(0).goes_on(4, now));
        assert!(!repeat(0).goes_on(5, now));
        assert!(repeat(long).goes_on(10, now));
        assert!(!repeat(long).goes_on(11, now));
    }
}
