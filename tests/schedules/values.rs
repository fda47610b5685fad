//! Results are right, and every program ends, whatever the schedule.

use crate::Budget;
use collectives::World;
use collectives::transport::{Weakness, plant};
use testkit::case::Case;
use testkit::gear::{Gear, catalogue};
use testkit::program::Program;
use testkit::suite;

/// Schedules of each kind, for each algorithm and number of ranks.
const EACH: usize = 400;

fn every_algorithm(strict: bool) {
    let mut budget = Budget::new();
    for algorithm in catalogue() {
        for ranks in [2, 3, 5, 8] {
            // Uneven blocks, and a few elements more than ranks.
            let mut case = Case { ranks, length: ranks + 2, uneven: true, root: ranks / 2 };
            if !algorithm.supports(&case, true) {
                case.uneven = false;
            }
            if !algorithm.supports(&case, true) {
                continue; // butterflies of 3 and 5
            }
            budget.explore(EACH, move || {
                let world = World::new(ranks).strict(strict);
                match suite::one_in(&algorithm, case, 1, world) {
                    Ok(compared) => assert_eq!(compared, 1),
                    Err(rejection) => panic!("{algorithm:?}: {rejection}"),
                }
            });
        }
    }
    println!("every algorithm, strict {strict}: {budget}");
}

#[test]
fn every_algorithm_is_right_in_any_schedule() {
    every_algorithm(false);
}

#[test]
fn every_algorithm_is_right_in_any_schedule_of_a_strict_world() {
    every_algorithm(true);
}

/// Sequences of operations on nested communicators: a rank may be several operations ahead of another.
#[test]
fn programs_on_sub_communicators_are_right_in_any_schedule() {
    let mut budget = Budget::new();
    for seed in 0..400 {
        let ranks = 2 + seed as usize % 7;
        // Some messages are longer than a slot: they are copied beside it, or lent.
        let longest = if seed % 3 == 0 { 200 } else { 12 };
        let program = Program { seed, steps: 16, longest };
        budget.explore(15, move || {
            World::new(ranks).strict(seed % 2 == 0).run(|comm| program.run(comm)).unwrap();
        });
    }
    println!("programs: {budget}");
}

/// Rank 1 waits for 2 first; 2 has sent to 0 and waits until it is read; 0 sends to 1 and receives from 2, at
/// once. All three may be asleep with an unmet need, in a cycle, but 0 is about to read.
#[test]
fn a_rank_that_can_do_half_of_its_transfer_is_never_accused() {
    let mut budget = Budget::new();
    budget.explore(20_000, || {
        let ended = World::new(3).strict(true).run(|comm| match comm.rank() {
            0 => comm.send_recv(1, &[0_u8], 2, &mut [0]),
            1 => comm.recv(2, &mut [0_u8]).and_then(|()| comm.recv(0, &mut [0_u8])),
            _ => comm.send(0, &[2_u8]).and_then(|()| comm.send(1, &[2_u8])),
        });
        ended.unwrap();
    });
    println!("half of a transfer: {budget}");
}

#[test]
#[should_panic(expected = "deadlock: each of these ranks waits")]
fn a_proof_that_counts_half_stuck_ranks_is_found() {
    let _planted = plant(Weakness::HalfStuck);
    a_rank_that_can_do_half_of_its_transfer_is_never_accused();
}

#[test]
#[should_panic(expected = "waits to")]
fn a_proof_from_the_list_alone_is_found() {
    let _planted = plant(Weakness::StaleNeeds);
    every_algorithm(false);
}
