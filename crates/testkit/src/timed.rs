//! Timing: what `cargo bench` and `gears bench` share. Here are collectives; what one rank computes is in
//! [`arithmetic`].
//!
//! | module | idea |
//! |---|---|
//! | [`pattern`] | inputs whose results are known without combining whole buffers |
//! | [`size`] | what a size means |
//! | [`dtype`] | the element types, by name |
//! | [`batch`] | how many calls a lap has, and their buffers |
//! | [`start`] | a common start outside the transport that is measured |
//! | [`floors`] | what two cores need for a flag and for a cache line |
//! | [`arithmetic`] | products, softmax and attention |
//! | [`parallel`] | attention across ranks, beside one rank |
//! | [`sorting`] | sorts, by turns |
//!
//! ```text
//! rank 0   rewrite     │ wait │▓ call ▓▓ call ▓▓ call ▓│ wait    │ rewrite ...
//! rank 1   rewrite │ wait     │▓ call ▓▓▓▓ call ▓▓▓▓ call ▓▓▓▓▓▓│ rewrite ...
//!                             │◄─────────── the lap ───────────►│
//!                           start                    end on the slowest rank
//! ```
//!
//! A lap is a batch of K calls back to back, and the time of a call is that of the lap over K. Long calls have laps of
//! their own: K = 1. Each call of a batch has buffers of its own, and a rank rewrites them all before each lap, as the
//! program around a collective would have done: so its data lies in its own core's cache, or in none, and never where
//! the call before happened to leave it.

#[cfg(feature = "arithmetic")]
pub mod arithmetic;
pub mod batch;
#[cfg(feature = "dtypes")]
pub mod dtype;
pub mod floors;
#[cfg(feature = "arithmetic")]
pub mod parallel;
pub mod pattern;
pub mod size;
#[cfg(feature = "sorting")]
pub mod sorting;
pub mod start;

use crate::case::{Case, Operation};
use crate::choice::Choice;
use crate::values::Value;
use batch::Rows;
use collectives::{Communicator, Number, Result, RunError, Sum, World};
use pattern::Pattern;
use start::{Repeat, StartLine};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Wrong elements on all ranks, in one checked call before the timed ones. For a barrier: how often a
    /// rank was let through before all had come.
    pub wrong: usize,
    /// The calls of a lap.
    pub batch: usize,
    /// The time of each lap, with all its calls: the slowest rank's.
    pub times: Vec<Duration>,
}

/// Checks the answer, then times the call, on equal blocks with the sum as reduction.
///
/// # Errors
///
/// Those of the call, for instance that the algorithm doesn't support the number of ranks.
pub fn measure<T: Value + Number>(choice: Choice, case: &Case, repeat: Repeat) -> Result<Measured, RunError> {
    let line = StartLine::new(case.ranks, repeat);
    let pattern = Pattern::<T>::new(choice.operation(), case);
    let arrivals = AtomicUsize::new(0);
    let batch = batch::calls(size::bytes(choice.operation(), case, size_of::<T>()));
    let outcomes = World::new(case.ranks).run(|comm| {
        let _leaves = line.enter();
        comm.barrier()?; // Now all ranks have entered.
        let mut buffers = Buffers::new(choice.operation(), case, comm.rank(), batch);
        let wrong = match choice.operation() {
            Operation::Barrier => early(choice, comm, &arrivals)?,
            _ => {
                pattern.fill(comm.rank(), buffers.source());
                buffers.call(choice, comm, case, 0)?;
                pattern.wrong(comm.rank(), buffers.outputs.row(0))
            }
        };
        let times = laps(&line, &mut buffers, Buffers::rewrite, |b| b.calls(choice, comm, case))?;
        Ok(Measured { wrong, batch, times })
    })?;
    Ok(slowest(outcomes))
}

/// Times the *update roofline*: P threads, each doing `x += c` on a buffer of `length` elements of its own,
/// rewritten before, from a common start, in batches, as the collectives are timed.
///
/// Every all-reduce must load each rank's buffer and store the result there, 2 P n bytes in all, so it takes
/// t >= 2 P n / BW. The best BW to hope for is that of the simplest loop that loads and stores a buffer once
/// and computes something, which is this one; it moves the same 2 P n bytes, so its time *is* the bound. (A
/// copy would be a poorer yardstick: it reads the lines that it overwrites, and has two streams.)
///
/// # Errors
///
/// If the threads can't be started.
pub fn measure_update(ranks: usize, length: usize, repeat: Repeat) -> Result<Measured, RunError> {
    let line = StartLine::new(ranks, repeat);
    let batch = batch::calls(Some(length * size_of::<f32>()));
    let outcomes = World::new(ranks).run(|comm| {
        let _leaves = line.enter();
        comm.barrier()?;
        let mut buffers = Rows::new(batch, length, 0.0_f32);
        let update = |buffers: &mut Rows<f32>| {
            simd::vectorised(
                #[inline(always)]
                || (0..batch).for_each(|row| add_to_each(buffers.row_mut(row))),
            );
            Ok(())
        };
        let times = laps(&line, &mut buffers, |buffers| buffers.fill(1.0), update)?;
        Ok(Measured { wrong: 0, batch, times })
    })?;
    Ok(slowest(outcomes))
}

/// The loop that can't be beaten.
#[inline(always)]
fn add_to_each(buffer: &mut [f32]) {
    let c = std::hint::black_box(1.5);
    buffer.iter_mut().for_each(|x| *x += c);
    std::hint::black_box(buffer);
}

/// One rank's part in the laps: its own times, without those of the warm-up.
fn laps<S>(
    line: &StartLine,
    state: &mut S,
    prepare: impl Fn(&mut S),
    call: impl Fn(&mut S) -> Result<()>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    loop {
        prepare(state);
        let Some(start) = line.start() else { break };
        call(state)?;
        times.push(start.elapsed());
        line.finish(); // A rank that is done doesn't rewrite its buffers while others still need the memory's bandwidth.
    }
    Ok(counted(line, times))
}

/// Without the laps of the warm-up.
fn counted(line: &StartLine, mut times: Vec<Duration>) -> Vec<Duration> {
    times.split_off(Ord::min(line.warm_up(), times.len()))
}

/// The ranks' results as one: a lap is over when its slowest rank is done.
fn slowest(ranks: Vec<Measured>) -> Measured {
    let later = |a: Measured, b: Measured| Measured {
        wrong: a.wrong + b.wrong,
        batch: a.batch,
        times: a.times.into_iter().zip(b.times).map(|(a, b)| a.max(b)).collect(),
    };
    ranks.into_iter().reduce(later).unwrap_or(Measured { wrong: 0, batch: 1, times: Vec::new() })
}

/// How often this rank was let through a barrier before all ranks had come.
fn early(choice: Choice, comm: &Communicator, arrivals: &AtomicUsize) -> Result<usize> {
    const BARRIERS: usize = 20;
    let mut early = 0;
    for barrier in 1..=BARRIERS {
        if comm.rank() == barrier % comm.size() {
            std::thread::yield_now(); // A late one, each time another.
        }
        arrivals.fetch_add(1, Ordering::SeqCst);
        choice.call::<u8>(comm, &Case::new(comm.size(), 0), &[], &mut [], &Sum)?;
        if arrivals.load(Ordering::SeqCst) < barrier * comm.size() {
            early += 1;
        }
    }
    Ok(early)
}

/// What one rank holds for a batch. An operation that works in place has its inputs in `outputs`.
struct Buffers<T> {
    inputs: Rows<T>,
    outputs: Rows<T>,
    in_place: bool,
    batch: usize,
}

impl<T: Value + Number> Buffers<T> {
    fn new(operation: Operation, case: &Case, rank: usize, batch: usize) -> Self {
        let in_place = operation.in_place();
        let input = if in_place { 0 } else { case.input_length(operation, rank) };
        let output = case.output_length(operation, rank);
        let rows = |length| Rows::new(batch, length, T::ZERO);
        Self { inputs: rows(input), outputs: rows(output), in_place, batch }
    }

    /// Where the input of the first call lies.
    fn source(&mut self) -> &mut [T] {
        if self.in_place { self.outputs.row_mut(0) } else { self.inputs.row_mut(0) }
    }

    /// One call of a batch.
    fn call(&mut self, choice: Choice, comm: &Communicator, case: &Case, call: usize) -> Result<()> {
        choice.call(comm, case, self.inputs.row(call), self.outputs.row_mut(call), &Sum)
    }

    /// A batch.
    fn calls(&mut self, choice: Choice, comm: &Communicator, case: &Case) -> Result<()> {
        (0..self.batch).try_for_each(|call| self.call(choice, comm, case, call))
    }

    /// The inputs last, since they are what a program has just computed.
    fn rewrite(&mut self) {
        self.outputs.fill(T::ONE);
        self.inputs.fill(T::ONE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gear::{Gear, catalogue};

    #[test]
    fn every_algorithm_is_right_and_is_timed() {
        for ranks in [1, 2, 3] {
            for length in [0, 10] {
                let case = Case::new(ranks, length);
                let named =
                    catalogue().into_iter().filter(|a| a.supports(&case, true)).map(Choice::Algorithm);
                for choice in named.chain(Operation::ALL.map(Choice::Plain)) {
                    let measured = measure::<f32>(choice, &case, Repeat::times(3)).expect("it runs");
                    assert_eq!((measured.wrong, measured.times.len()), (0, 3), "{choice:?}, {case}");
                    assert_eq!(measured.batch, 64, "{choice:?}, {case}");
                }
            }
        }
    }

    #[test]
    fn a_batch_is_one_call_on_each_of_its_buffers() {
        let case = Case::new(3, 5);
        World::new(3)
            .run(|comm| {
                let all_reduce = Choice::Plain(Operation::AllReduce);
                let mut buffers = Buffers::<f32>::new(Operation::AllReduce, &case, comm.rank(), 7);
                for lap in 0..2 {
                    buffers.rewrite();
                    buffers.calls(all_reduce, comm, &case)?;
                    // Not 9: rewritten in between, and none was called for twice.
                    assert!((0..7).all(|call| buffers.outputs.row(call) == [3.0; 5]), "lap {lap}");
                }
                let gather = Choice::Plain(Operation::AllGather);
                let mut buffers = Buffers::<f32>::new(Operation::AllGather, &case, comm.rank(), 7);
                for call in 0..7 {
                    buffers.inputs.row_mut(call).fill((10 * call + comm.rank()) as f32);
                }
                buffers.calls(gather, comm, &case)?;
                for call in 0..7 {
                    let gathered = [0, 1, 2].map(|rank| [(10 * call + rank) as f32; 5]).concat();
                    assert_eq!(buffers.outputs.row(call), gathered);
                }
                Ok(())
            })
            .expect("it runs");
    }

    #[test]
    fn long_calls_have_laps_of_their_own() {
        let case = Case::new(2, 20_000);
        let measured = |operation| {
            measure::<f32>(Choice::Plain(operation), &case, Repeat::times(1)).expect("it runs").batch
        };
        assert_eq!([Operation::AllReduce, Operation::AllToAll].map(measured), [3, 1]); // 80 and 160 kB
    }

    #[test]
    fn the_slowest_rank_counts() {
        let ms = Duration::from_millis;
        let a = Measured { wrong: 1, batch: 4, times: vec![ms(1), ms(5)] };
        let b = Measured { wrong: 2, batch: 4, times: vec![ms(2), ms(4)] };
        assert_eq!(slowest(vec![a, b]), Measured { wrong: 3, batch: 4, times: vec![ms(2), ms(5)] });
    }

    #[test]
    fn an_error_reaches_the_caller() {
        let butterfly = Choice::Algorithm(collectives::Barrier::Butterfly.into());
        assert!(measure::<f32>(butterfly, &Case::new(3, 0), Repeat::times(1)).is_err());
    }

    #[test]
    fn the_update_is_timed() {
        let measured = measure_update(3, 100, Repeat::times(4)).expect("it runs");
        assert_eq!((measured.times.len(), measured.batch), (4, 64));
    }
}
