//! Ranks that lend each other their buffers, and one of them fails: nobody goes on with a buffer that is half written,
//! and nobody waits for a loan that never comes, or never comes back.

use crate::failures::{Program, explore};
use collectives::{AllReduce, AllToAll, Cause, Communicator, Custom, Name, Reduce, Result, RunError, Sum};
use std::panic::resume_unwind;

/// A sum that must stay below 100.
static CAREFUL: Name = Name("careful");

fn careful(a: i32, b: i32) -> i32 {
    match a + b {
        sum if sum < 100 => sum,
        // Past the hook, which would print the schedule: this one is meant.
        _ => resume_unwind(Box::new("too much")),
    }
}

/// An element for each rank's column. Too much is in column 1 alone.
fn contribution(comm: &Communicator) -> Vec<i32> {
    let mut x = vec![1; comm.size()];
    if comm.rank() + 1 == comm.size() {
        x[1] = 99;
    }
    x
}

/// Rank 1 panicked, and all others were told, none by a panic of its own: they had lent it something, so to none of them
/// could it be a success.
fn all_were_told(error: &RunError, words: &str) -> bool {
    error.rank == 1
        && matches!(&error.cause, Cause::Panicked { message, .. } if message == words)
        && error.consequences.len() + 1 == error.journals.len()
        && !error.consequences.iter().any(|(_, cause)| matches!(cause, Cause::Panicked { .. }))
}

#[test]
fn a_panic_in_the_work_on_a_column_reaches_everybody() {
    let ended = |error: &RunError| all_were_told(error, "too much");
    let run = |comm: &Communicator| {
        let op = Custom::commutative(&CAREFUL, careful);
        comm.all_reduce_with(AllReduce::SharedColumns, &mut contribution(comm), &op)
    };
    explore("a panic on a column to be written", &[2, 3, 8], Program { run, ended });
    let run = |comm: &Communicator| {
        let op = Custom::commutative(&CAREFUL, careful);
        let mut output = vec![0; if comm.rank() == 0 { comm.size() } else { 0 }];
        comm.reduce_with(Reduce::SharedColumns, &contribution(comm), &mut output, &op, 0)
    };
    explore("a panic on a column to be read", &[2, 3, 8], Program { run, ended });
}

/// The others are anywhere in the first share or in the second, for which rank 1 lends nothing.
#[test]
fn a_panic_between_two_shares_reaches_everybody() {
    let run = |comm: &Communicator| {
        let share = || comm.all_reduce_with(AllReduce::SharedColumns, &mut vec![1_u32; comm.size()], &Sum);
        share()?;
        match comm.rank() {
            1 => resume_unwind(Box::new("enough")),
            _ => share(),
        }
    };
    let ended = |error: &RunError| all_were_told(error, "enough");
    explore("a panic between shares", &[2, 3, 8], Program { run, ended });
}

#[test]
fn a_rank_that_leaves_the_others_sharing_is_named() {
    let ended = |error: &RunError| error.rank == 1 && error.to_string().starts_with("rank 1 has returned");
    let run = |comm: &Communicator| {
        let shares = if comm.rank() == 1 { 1 } else { 2 };
        let share = || comm.all_reduce_with(AllReduce::SharedColumns, &mut vec![1_u32; comm.size()], &Sum);
        (0..shares).try_for_each(|_| share())
    };
    explore("a rank that leaves before a share", &[2, 3, 8], Program { run, ended });
}

/// One shares, the others send messages; or all share, but not the same.
#[test]
fn ranks_that_disagree_about_a_share_are_told_so() {
    let ended = |error: &RunError| error.to_string().contains("mismatch");
    let programs: [fn(&Communicator) -> Result<()>; 3] = [
        |comm| match comm.rank() {
            1 => comm.all_reduce_with(AllReduce::SharedColumns, &mut [1_u8; 9], &Sum),
            _ => comm.all_reduce_with(AllReduce::Ring, &mut [1_u8; 9], &Sum),
        },
        |comm| {
            let mut x = vec![1_f32; 9 + comm.rank() % 2];
            comm.all_reduce_with(AllReduce::SharedColumns, &mut x, &Sum)
        },
        |comm| {
            let (input, mut output) = (vec![1_u8; 8], vec![0; 8]);
            match comm.rank() {
                1 => comm.all_reduce_with(AllReduce::SharedColumns, &mut output, &Sum),
                _ => comm.all_to_all_with(AllToAll::SharedColumns, &input, &mut output),
            }
        },
    ];
    for run in programs {
        explore("a disagreement about a share", &[2, 4], Program { run, ended });
    }
}
