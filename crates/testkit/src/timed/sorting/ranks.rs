//! Sorts across ranks, by turns with one process that has all keys.
//!
//! ```text
//! ranks 0..P-1   copy │▓▓▓ a block each ▓▓▓│   asleep ...                                    │ copy │▓▓▓ ...
//! rank 0 alone                             │ copy │▓▓▓ P threads ▓▓▓│ copy │▓▓▓▓▓ one ▓▓▓▓▓│
//! ```
//!
//! As `timed::parallel` does it for attention. The keys are those of another array each time.

use super::array_of;
use super::keys::Keys;
use crate::sorting::Pattern;
use crate::sorting::sample::oracle;
use crate::timed::start::{Repeat, StartLine};
use bitonic::ranks::RankSort;
use bitonic::{Direction, parallel, vector};
use collectives::{Communicator, Layout, Result, RunError, World};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What is sorted, by how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnRanks {
    /// How ranks sort.
    pub way: RankSort,
    /// P.
    pub ranks: usize,
    /// How the keys lie.
    pub pattern: Pattern,
    /// Keys of all ranks together: in blocks that differ by one key at most.
    pub length: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Keys that were wrong in a checked sort before the timed ones.
    pub wrong: usize,
    /// The time of each iteration: the slowest rank's.
    pub times: Vec<Duration>,
    /// That of `parallel::sort` on as many threads as ranks, after each of them.
    pub threads: Vec<Duration>,
    /// That of `vector::sort` on one thread, after that.
    pub one_thread: Vec<Duration>,
    /// Bytes that the busiest rank sent in the checked sort.
    pub sent: usize,
}

/// Arrays that take turns.
fn arrays(length: usize) -> usize {
    (1_usize << 20).div_ceil(length.max(1)).clamp(1, 64)
}

/// Checks the answer and counts what is sent, then times the sort.
///
/// # Errors
///
/// Those of the sort.
pub fn measure<K: Keys>(on: &OnRanks, repeat: Repeat) -> std::result::Result<Measured, RunError> {
    let draw = |array| array_of::<K>(on.pattern, on.length, array as u64);
    let inputs: Vec<Vec<K>> = (0..arrays(on.length)).map(draw).collect();
    let layout = Layout::even(on.length, on.ranks);
    let (sorted, sent) = checked(on, &layout, &inputs[0])?;
    let expected = oracle(&inputs[0], Direction::Ascending);
    let wrong = expected.iter().zip(&sorted).filter(|(a, b)| a.bits() != b.bits()).count();
    let pool = ThreadPoolBuilder::new().num_threads(on.ranks).build().expect("the system has threads");
    let line = StartLine::new(on.ranks, repeat);
    let laps = World::new(on.ranks).run(|comm| {
        let _leaves = line.enter();
        laps(comm, on.way, &line, &inputs, &layout, &pool)
    })?;
    let mut measured = Measured { wrong, sent, ..Measured::default() };
    let count = laps.iter().map(Vec::len).min().unwrap_or(0);
    for iteration in line.warm_up()..count {
        measured.times.extend(laps.iter().map(|laps| laps[iteration].time).max());
        for [threads, one_thread] in laps.iter().filter_map(|laps| laps[iteration].alone) {
            measured.threads.push(threads);
            measured.one_thread.push(one_thread);
        }
    }
    Ok(measured)
}

/// The keys sorted, and the bytes that the busiest rank sent.
fn checked<K: Keys>(
    on: &OnRanks,
    layout: &Layout,
    keys: &[K],
) -> std::result::Result<(Vec<K>, usize), RunError> {
    let blocks = World::new(on.ranks).counting(true).run(|comm| {
        let mut block = keys[layout.block(comm.rank())].to_vec();
        on.way.sort(comm, &mut block, Direction::Ascending)?;
        Ok((block, comm.traffic().map_or(0, |traffic| traffic.total.bytes as usize)))
    })?;
    let sent = blocks.iter().map(|&(_, sent)| sent).max().unwrap_or(0);
    Ok((blocks.into_iter().flat_map(|(block, _)| block).collect(), sent))
}

/// One rank's part of an iteration.
#[derive(Clone, Copy, Debug)]
struct Lap {
    time: Duration,
    /// On threads, and on one.
    alone: Option<[Duration; 2]>,
}

fn laps<K: Keys>(
    comm: &Communicator,
    way: RankSort,
    line: &StartLine,
    inputs: &[Vec<K>],
    layout: &Layout,
    pool: &ThreadPool,
) -> Result<Vec<Lap>> {
    let up = Direction::Ascending;
    let own = layout.block(comm.rank());
    let mut block = inputs[0][own.clone()].to_vec();
    let mut whole = if comm.rank() == 0 { inputs[0].clone() } else { Vec::new() };
    let mut alone = |input: &[K], sort: &dyn Fn(&mut [K])| {
        whole.copy_from_slice(input);
        let start = Instant::now();
        sort(&mut whole);
        let time = start.elapsed();
        black_box(&mut whole);
        time
    };
    let mut laps = Vec::new();
    for input in inputs.iter().cycle() {
        block.copy_from_slice(&input[own.clone()]);
        let Some(start) = line.start() else { break };
        way.sort(comm, &mut block, up)?;
        let mut lap = Lap { time: start.elapsed(), alone: None };
        black_box(&mut block);
        line.finish();
        comm.barrier()?; // where ranks without anything to do fall asleep
        if comm.rank() == 0 {
            let threads = alone(input, &|keys| pool.install(|| parallel::sort(keys, up)));
            lap.alone = Some([threads, alone(input, &|keys| vector::sort(keys, up))]);
        }
        comm.barrier()?;
        laps.push(lap);
    }
    Ok(laps)
}
