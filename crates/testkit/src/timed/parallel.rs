//! Attention across ranks, by turns with one rank that has everything.
//!
//! ```text
//! ranks 0..P-1   │▓▓▓ one thread each ▓▓▓│   asleep  ...                                   │▓▓▓ ...
//! rank 0 alone                           │▓▓▓▓▓▓▓ one thread ▓▓▓▓▓▓▓│▓▓▓ all cores ▓▓▓│
//! ```
//!
//! A machine changes its pace from minute to minute. So the three are timed in turn within one world, whose threads
//! have long been started, and a speed-up is the ratio of neighbours. While rank 0 computes alone the others wait in
//! a barrier, where they use no processor. The queries, keys and values that a rank has are there before, as a layer
//! would have computed them.

pub mod clocked;
pub mod name;
#[cfg(test)]
mod tests;

use super::arithmetic::attention::Attention;
use super::arithmetic::{Pass, Work};
use super::start::{Repeat, StartLine};
use crate::parallel::OnRanks;
use ::attention::{Options, Threads};
use ::parallel::sequence::Saved;
use ::parallel::{Error, Float, Result, SequenceParallelAttention, strategy};
use clocked::{Clock, Clocked};
use collectives::Communicator;
use collectives::transport::Threads as Ranks;
use ndarray::{ArcArray, ArrayView4, Axis, Ix4};
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Wrong elements in one checked call before the timed ones.
    pub wrong: usize,
    /// The time of each iteration: the slowest rank's.
    pub times: Vec<Duration>,
    /// That of one rank on one thread, after each of them.
    pub one_thread: Vec<Duration>,
    /// That of one rank on several threads, after that.
    pub threads: Vec<Duration>,
    /// The part of its time that a rank is in sends and receives, waiting or copying what comes: the mean over ranks
    /// and iterations.
    pub communicating: f64,
    /// Bytes that the busiest rank sends in an iteration.
    pub sent: usize,
}

/// Checks the answer by the textbook's, then times the call: on ranks of one thread each, and, if so many threads are
/// given, on one rank, with one thread and with those.
///
/// # Errors
///
/// If the strategy can't share out the attention.
///
/// # Panics
///
/// If there are more queries than keys, or fewer.
pub fn measure<T: Float>(
    whole: &Attention<T>,
    on: OnRanks,
    alone: Option<Threads>,
    repeat: Repeat,
) -> Result<Measured> {
    on.strategy.cost(&sizes(whole), on.ranks, 0)?; // fits, or says why not
    keep_freed_memory();
    let whole = whole.clone().threads(Threads::ONE);
    let wrong = whole.wrong_by(&on);
    let line = StartLine::new(on.ranks, repeat);
    let laps = Ranks::new(on.ranks).run(|endpoint| {
        let clock = Rc::new(Clock::default());
        let comm = Communicator::new(Box::new(Clocked::new(Box::new(endpoint), Rc::clone(&clock))));
        let alone = alone.filter(|_| comm.rank() == 0).map(|threads| {
            [whole.clone(), whole.clone().threads(threads)] //
        });
        let _leaves = line.enter();
        Ok::<_, collectives::Error>(Rank::new(&comm, on, &whole)?.laps(&comm, &clock, &line, alone)?)
    });
    let laps = laps.map_err(|error| Error::Collective(collectives::Error::other(error)))?;
    Ok(Measured { wrong, ..together(laps, line.warm_up()) })
}

/// Has glibc keep what is freed, for one rank and for many alike. By default it gives blocks of megabytes back to
/// the system, and the next call gets them anew, page by page: some percent of the time of a call of 100 ms, and
/// more or less of it as sizes happen to be. The size of the largest block that came and went, up to 32 MiB, is what
/// glibc takes for usual. Other allocators don't mind.
fn keep_freed_memory() {
    drop(black_box(vec![1_u8; 31 << 20]));
}

/// The sizes of an attention.
fn sizes<T: Float>(whole: &Attention<T>) -> strategy::Sizes {
    let [query, key, ..] = whole.inputs();
    let (batch, heads, tokens, head_dim) = query.dim();
    assert_eq!(tokens, key.dim().2, "every token has a query and a key");
    strategy::Sizes { batch, tokens, heads, kv_heads: key.dim().1, head_dim }
}

/// One rank, and what it has of the sequence.
struct Rank<T: 'static> {
    attention: SequenceParallelAttention,
    pass: Pass,
    /// T.
    tokens: usize,
    /// Query, key and value.
    inputs: [ArcArray<T, Ix4>; 3],
    /// Of the output.
    gradient: ArcArray<T, Ix4>,
    options: Options<'static, T>,
    /// What a backward pass alone needs.
    saved: Option<Saved<T>>,
}

impl<T: Float> Rank<T> {
    fn new(comm: &Communicator, on: OnRanks, whole: &Attention<T>) -> Result<Rank<T>> {
        let attention = SequenceParallelAttention::new(comm, on.strategy)?.exchange(on.exchange);
        let tokens = sizes(whole).tokens;
        let own = attention.tokens(tokens);
        let part = |whole: ArrayView4<'_, T>| whole.select(Axis(2), &own).into_shared();
        let [query, key, value, gradient] = whole.inputs().map(part);
        let (pass, options) = (whole.pass(), whole.options());
        let inputs = [query, key, value];
        let mut rank = Rank { attention, pass, tokens, inputs, gradient, options, saved: None };
        if pass == Pass::Backward {
            rank.saved = Some(rank.forward()?);
        }
        Ok(rank)
    }

    fn forward(&self) -> Result<Saved<T>> {
        let [query, key, value] = self.inputs.clone();
        let (output, saved) = self.attention.forward(self.tokens, query, key, value, &self.options)?;
        black_box(output);
        Ok(saved)
    }

    fn backward(&self, saved: &Saved<T>) -> Result<()> {
        black_box(self.attention.backward(saved, self.gradient.view(), &self.options)?);
        Ok(())
    }

    fn call(&self) -> Result<()> {
        match (self.pass, &self.saved) {
            (Pass::Forward, _) => self.forward().map(drop),
            (Pass::Backward, Some(saved)) => self.backward(saved),
            (Pass::Training | Pass::Backward, _) => self.backward(&self.forward()?),
        }
    }

    /// All iterations.
    fn laps(
        &self,
        comm: &Communicator,
        clock: &Clock,
        line: &StartLine,
        mut alone: Option<[Attention<T>; 2]>,
    ) -> Result<Vec<Lap>> {
        let mut laps = Vec::new();
        while let Some(start) = line.start() {
            clock.reset();
            self.call()?;
            let mut lap =
                Lap { time: start.elapsed(), transfers: clock.time(), sent: clock.sent(), alone: None };
            line.finish();
            comm.barrier()?; // where ranks without anything to do fall asleep
            if let Some(works) = &mut alone {
                lap.alone = Some(works.each_mut().map(|work| {
                    let start = Instant::now();
                    work.call();
                    start.elapsed()
                }));
            }
            comm.barrier()?;
            laps.push(lap);
        }
        Ok(laps)
    }
}

/// One rank's part of an iteration.
#[derive(Clone, Copy, Debug, Default)]
struct Lap {
    time: Duration,
    /// Of it, in sends and receives.
    transfers: Duration,
    /// Bytes.
    sent: usize,
    /// Alone, on one thread and on several.
    alone: Option<[Duration; 2]>,
}

/// The ranks' laps as iterations, without the first ones.
fn together(ranks: Vec<Vec<Lap>>, warm_up: usize) -> Measured {
    let mut measured = Measured::default();
    let count = ranks.iter().map(Vec::len).min().unwrap_or(0);
    let mut shares = Vec::new();
    for iteration in warm_up..count {
        let laps = || ranks.iter().map(|laps| laps[iteration]);
        measured.times.extend(laps().map(|lap| lap.time).max());
        measured.sent = measured.sent.max(laps().map(|lap| lap.sent).max().unwrap_or(0));
        shares.extend(laps().map(|lap| lap.transfers.as_secs_f64() / lap.time.as_secs_f64()));
        for [one_thread, threads] in laps().filter_map(|lap| lap.alone) {
            measured.one_thread.push(one_thread);
            measured.threads.push(threads);
        }
    }
    measured.communicating = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    measured
}
