//! A world that fails tells everybody, and the caller the root cause, whatever the schedule.

use crate::Budget;
use collectives::transport::{Weakness, plant};
use collectives::{
    AllReduce, Barrier, Broadcast, Cause, Communicator, Error, Max, Reduce, Result, RunError, Sum, World,
};
use testkit::suite::is_deadlock;

/// Schedules of each kind, for each program and number of ranks.
const EACH: usize = 1_000;

/// What ranks do, and what must come of it.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) run: fn(&Communicator) -> Result<()>,
    pub(crate) ended: fn(&RunError) -> bool,
}

/// Explores it in buffered and strict worlds.
pub(crate) fn explore(name: &str, ranks: &[usize], program: Program) {
    let mut budget = Budget::new();
    for &ranks in ranks {
        for strict in [false, true] {
            budget.explore(EACH, move || {
                let error = World::new(ranks).strict(strict).run(program.run).unwrap_err();
                assert!((program.ended)(&error), "{error}: {error:?}");
            });
        }
    }
    println!("{name}: {budget}");
}

#[test]
fn a_cycle_is_proven() {
    let run = |comm: &Communicator| comm.recv((comm.rank() + 1) % comm.size(), &mut [0_u8]);
    explore("a cycle", &[2, 3, 8], Program { run, ended: is_deadlock });
}

/// Ranks from 2 on are busy with each other all the time, and end well.
#[test]
fn a_cycle_among_busy_ranks_is_proven() {
    let run = |comm: &Communicator| {
        let part = comm.split(Some(u32::from(comm.rank() > 1)), 0)?.expect("all have a color");
        match comm.rank() {
            0 | 1 => comm.recv(1 - comm.rank(), &mut [0_u8]),
            _ => (0..3).try_for_each(|_| part.all_reduce(&mut [1_u64; 3], &Sum)),
        }
    };
    explore("a cycle among busy ranks", &[4, 7], Program { run, ended: is_deadlock });
}

#[test]
fn a_cycle_across_communicators_is_proven() {
    let run = |comm: &Communicator| {
        let half = comm.split(Some(comm.rank() as u32 / 2), 0)?.expect("all have a color");
        match comm.rank() {
            0 | 2 => half.recv(1, &mut [0_u8]),
            rank => comm.recv((rank + 1) % 4, &mut [0_u8]),
        }
    };
    explore("a cycle across communicators", &[4], Program { run, ended: is_deadlock });
}

#[test]
fn a_panic_reaches_everybody() {
    let run = |comm: &Communicator| match comm.rank() {
        1 => {
            comm.all_reduce_with(AllReduce::Ring, &mut [1_u32], &Sum)?;
            // Past the hook, which would print the schedule: this one is meant.
            std::panic::resume_unwind(Box::new("enough"))
        }
        _ => (0..2).try_for_each(|_| comm.all_reduce_with(AllReduce::Ring, &mut [1_u32], &Sum)),
    };
    let ended = |error: &RunError| {
        error.rank == 1 && matches!(&error.cause, Cause::Panicked { message, .. } if message == "enough")
    };
    explore("a panic", &[2, 5, 8], Program { run, ended });
}

#[test]
fn an_error_reaches_everybody() {
    let run = |comm: &Communicator| match comm.rank() {
        1 => Err(Error::other("the disk is full")),
        _ => comm.barrier(),
    };
    let ended = |error: &RunError| matches!(error.cause, Cause::Returned(Error::Other(_))) && error.rank == 1;
    explore("an error", &[2, 5, 8], Program { run, ended });
}

#[test]
fn a_rank_that_returns_early_is_named() {
    let run = |comm: &Communicator| match comm.rank() {
        1 => Ok(()),
        _ => comm.barrier_with(Barrier::Central),
    };
    let ended = |error: &RunError| error.rank == 1 && error.to_string().starts_with("rank 1 has returned");
    explore("an early return", &[2, 5, 8], Program { run, ended });
}

/// Different operations, lengths, reductions and orders.
#[test]
fn ranks_that_disagree_are_told_so() {
    let programs: [fn(&Communicator) -> Result<()>; 5] = [
        |comm| match comm.rank() {
            1 => comm.barrier_with(Barrier::Dissemination),
            _ => comm.all_reduce_with(AllReduce::Ring, &mut [1_u8; 4], &Sum),
        },
        |comm| comm.all_reduce_with(AllReduce::Ring, &mut vec![1_f32; 5 + comm.rank() % 2], &Sum),
        |comm| match comm.rank() {
            1 => comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 9], &Max),
            _ => comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 9], &Sum),
        },
        |comm| match comm.rank() {
            1 => comm.reduce_with(Reduce::Flat, &[0_u8; 9], &mut [0; 9], &Sum, 1),
            _ => comm.broadcast_with(Broadcast::ScatterAllGather, &mut [0_u8; 9], 0),
        },
        |comm| {
            if comm.rank() == 1 {
                comm.barrier_with(Barrier::Dissemination)?;
            }
            comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 4], &Sum)?;
            comm.barrier_with(Barrier::Dissemination)
        },
    ];
    let ended = |error: &RunError| error.to_string().contains("mismatch");
    for run in programs {
        explore("a disagreement", &[2, 4], Program { run, ended });
    }
}

#[test]
#[should_panic(expected = "deadlock!")]
fn a_failure_that_wakes_nobody_is_found() {
    let _planted = plant(Weakness::SilentFailure);
    an_error_reaches_everybody();
}

#[test]
#[should_panic(expected = "deadlock!")]
fn a_leaver_that_nobody_asks_about_is_found() {
    let _planted = plant(Weakness::ForgottenLeaver);
    a_rank_that_returns_early_is_named();
}
