//! What two cores need for a flag, and for a cache line: no collective of 2 ranks gets below that.
//!
//! ```text
//! ping-pong        A ──flag──► B ──flag──► A        one way: how soon a core sees what the other has stored
//! flag exchange    A ──flag──► B                    a barrier of 2, and nothing else:
//!                  A ◄──flag── B                    each stores its own flag, and waits for the other's
//! hand-over        A: x += what B has just written  how fast lines come out of another core's cache,
//!                  B: y += what A has just written  both ways at once
//! ```
//!
//! A core that loads a line that another has written waits until it has come from there. So an 8-byte
//! all-reduce can't be faster than the exchange of two flags, and of a buffer that fits into caches it isn't
//! memory that sets the pace but the hand-over. (Of one that doesn't, it is [`measure_update`].)
//!
//! Nothing here goes through a transport. Threads aren't bound to cores: on a machine that has other things to do, two
//! may have to share one, and then a flag takes as long as it takes to give way, a microsecond and more.
//!
//! [`measure_update`]: super::measure_update

use super::batch::{self, Rows};
use super::start::{Repeat, StartLine};
use super::{Measured, counted, laps, slowest};
use collectives::{Result, RunError, World};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{available_parallelism, yield_now};
use std::time::Duration;

/// Threads, on as many cores.
pub const THREADS: usize = 2;

/// Turns in a lap of flags.
const TURNS: usize = 256;

/// How often to look before it is likelier that the other one has no core.
const PATIENCE: usize = 2_000;

/// The turn that a thread has come to, in lines that nothing else is in.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Flag(AtomicU64);

impl Flag {
    /// What the thread did before is done for those who see it.
    fn raise(&self, turn: u64) {
        self.0.store(turn, Ordering::Release);
    }

    fn wait(&self, turn: u64, patience: usize) {
        let mut looks = 0;
        while self.0.load(Ordering::Acquire) < turn {
            looks += 1;
            match looks > patience {
                true => yield_now(),
                false => std::hint::spin_loop(),
            }
        }
    }
}

/// A flag's way from one core to the other: half a round trip. A lap has two for each turn, and they are its batch.
///
/// # Errors
///
/// If the threads can't be started.
pub fn ping_pong(repeat: Repeat) -> Result<Measured, RunError> {
    flags(repeat, 2 * TURNS, volley)
}

/// Both raise a flag and wait for the other's: a barrier of two.
///
/// # Errors
///
/// If the threads can't be started.
pub fn flag_exchange(repeat: Repeat) -> Result<Measured, RunError> {
    flags(repeat, TURNS, exchange)
}

/// There and back.
fn volley(rank: usize, [ping, pong]: &[Flag; THREADS], turn: u64, patience: usize) {
    if rank == 0 {
        ping.raise(turn);
        pong.wait(turn, patience);
    } else {
        ping.wait(turn, patience);
        pong.raise(turn);
    }
}

/// Both ways at once.
fn exchange(rank: usize, flags: &[Flag; THREADS], turn: u64, patience: usize) {
    flags[rank].raise(turn);
    flags[1 - rank].wait(turn, patience);
}

/// Laps of [`TURNS`] turns.
fn flags(
    repeat: Repeat,
    batch: usize,
    turn: impl Fn(usize, &[Flag; THREADS], u64, usize) + Sync,
) -> Result<Measured, RunError> {
    let flags = <[Flag; THREADS]>::default();
    let patience =
        if available_parallelism().is_ok_and(|cores| cores.get() < THREADS) { 0 } else { PATIENCE };
    two(repeat, batch, |line, rank| {
        let mut last = 0;
        let lap = |last: &mut u64| {
            (0..TURNS).for_each(|_| {
                *last += 1;
                turn(rank, &flags, *last, patience);
            });
            Ok(())
        };
        Ok((0, laps(line, &mut last, |_| {}, lap)?))
    })
}

/// How long each of two threads takes to add, into a buffer of its own, so many bytes that the other has just
/// written. `wrong` counts sums that aren't right.
///
/// # Errors
///
/// If the threads can't be started.
pub fn hand_over(bytes: usize, repeat: Repeat) -> Result<Measured, RunError> {
    let length = bytes.div_ceil(size_of::<f32>());
    let batch = batch::calls(Some(length * size_of::<f32>()));
    let rows = || Rows::new(batch, length, 0.0_f32);
    // Never waited for while it is timed: a thread holds its own while it writes, and the other's while it reads.
    let written = [(); THREADS].map(|()| Mutex::new(rows()));
    two(repeat, batch, |line, rank| {
        let (mut own, mut times) = (rows(), Vec::new());
        loop {
            own.fill(1.0);
            lock(&written[rank]).fill(2.0);
            line.finish(); // Both have written.
            let others = lock(&written[1 - rank]);
            let Some(start) = line.start() else { break };
            add_all(&mut own, &others, batch);
            times.push(start.elapsed());
            drop(others);
            line.finish(); // Both have read.
        }
        // All were rewritten before the end was told.
        let others = lock(&written[1 - rank]);
        add_all(&mut own, &others, batch);
        let wrong = |row| own.row(row).iter().filter(|&&sum| sum != 3.0).count();
        Ok(((0..batch).map(wrong).sum(), counted(line, times)))
    })
}

/// Adds to each row of `own` the same one of `others`.
fn add_all(own: &mut Rows<f32>, others: &Rows<f32>, batch: usize) {
    simd::vectorised(
        #[inline(always)]
        || {
            for row in 0..batch {
                own.row_mut(row).iter_mut().zip(others.row(row)).for_each(|(x, y)| *x += y);
            }
        },
    );
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs both threads' parts, each of which gives what was wrong and its times, and makes one of them.
fn two(
    repeat: Repeat,
    batch: usize,
    part: impl Fn(&StartLine, usize) -> Result<(usize, Vec<Duration>)> + Sync,
) -> Result<Measured, RunError> {
    let line = StartLine::new(THREADS, repeat);
    let outcomes = World::new(THREADS).run(|comm| {
        let _leaves = line.enter();
        comm.barrier()?; // Now both have entered.
        let (wrong, times) = part(&line, comm.rank())?;
        Ok(Measured { wrong, batch, times })
    })?;
    Ok(slowest(outcomes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_timed_by_the_turn() {
        for (measure, batch) in [(ping_pong as fn(Repeat) -> _, 2 * TURNS), (flag_exchange, TURNS)] {
            let Measured { wrong, batch: of, times } = measure(Repeat::times(3)).expect("it runs");
            assert_eq!((wrong, of, times.len()), (0, batch, 3));
        }
    }

    #[test]
    fn nobody_is_let_through_before_the_other_has_come() {
        for turn in [volley, exchange] {
            let (come, early) = (<[Flag; THREADS]>::default(), AtomicU64::new(0));
            let checked = |rank: usize, flags: &[Flag; THREADS], number: u64, patience: usize| {
                come[rank].raise(number);
                turn(rank, flags, number, patience);
                let is_early = come[1 - rank].0.load(Ordering::Relaxed) < number;
                early.fetch_add(u64::from(is_early), Ordering::Relaxed); // A panic would let the other wait forever.
            };
            flags(Repeat::times(20), TURNS, checked).expect("nobody panics");
            assert_eq!(early.into_inner(), 0);
        }
    }

    #[test]
    fn what_is_handed_over_is_what_the_other_wrote() {
        for (bytes, batch) in [(0, 64), (4, 64), (100, 64), (10_000, 26), (1 << 20, 1)] {
            let Measured { wrong, batch: of, times } = hand_over(bytes, Repeat::times(2)).expect("it runs");
            assert_eq!((wrong, of, times.len()), (0, batch, 2), "{bytes} bytes");
        }
    }
}
