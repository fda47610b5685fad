//! Faults on demand: each does what it says, and nothing else.

use collectives::transport::{Fault, FaultKind, Field};
use collectives::{Barrier, Broadcast, Cause, Communicator, Gather, Result, RunError, Sum, World};
use std::time::Duration;

/// A broadcast, a gather and a sum among the even ranks, and a sum of all: four operations with the split.
fn program(comm: &Communicator) -> Result<u32> {
    let mut x = [if comm.rank() == 0 { 7 } else { 0 }];
    comm.broadcast_with(Broadcast::Flat, &mut x, 0)?;
    let even = comm.split(Some(comm.rank() as u32 % 2), 0)?.expect("all have a color");
    let mut sum = [x[0] + comm.rank() as u32];
    even.all_reduce(&mut sum, &Sum)?;
    comm.all_reduce(&mut sum, &Sum)?;
    Ok(sum[0])
}

fn harmed(rank: usize, kind: FaultKind) -> Result<Vec<u32>, RunError> {
    World::new(4).quiet(true).fault(Fault { rank, kind }).run(program)
}

/// Each pair sums 7 + r, and all four ranks sum these.
const RIGHT: [u32; 4] = [68; 4];

#[test]
fn a_slow_rank_is_no_fault() {
    for rank in 0..4 {
        let kind = FaultKind::Delay { longest: Duration::from_millis(1), seed: rank as u64 };
        assert_eq!(harmed(rank, kind).unwrap(), RIGHT);
    }
}

#[test]
fn a_rank_dies_at_each_of_its_transfers() {
    for rank in 0..4 {
        let mut transfers = 0;
        loop {
            match harmed(rank, FaultKind::Kill { transfer: transfers + 1 }) {
                Ok(sums) => break assert_eq!(sums, RIGHT),
                Err(error) => {
                    assert_eq!(error.rank, rank);
                    let Cause::Panicked { message, at: Some(_) } = &error.cause else { panic!("{error}") };
                    assert_eq!(*message, format!("a fault killed it instead of transfer {}", transfers + 1));
                }
            }
            transfers += 1;
        }
        assert!(transfers >= 4, "rank {rank} made {transfers} transfers");
    }
}

/// Operations are counted over all communicators: the third is the sum of a pair, the fourth that of all.
#[test]
fn an_operation_is_skipped_done_twice_or_altered() {
    for rank in 0..4 {
        for operation in [1, 3, 4] {
            let alter = |field| FaultKind::Alter { operation, field };
            let mut kinds = vec![
                FaultKind::Skip { operation },
                FaultKind::Repeat { operation },
                alter(Field::Length),
                alter(Field::Element),
            ];
            kinds.push(alter(if operation == 1 { Field::Parameter } else { Field::Reduction }));
            for kind in kinds {
                let text = format!("{:?}", harmed(rank, kind).expect_err("somebody must notice"));
                assert!(text.contains(&format!("rank {rank}")), "{kind:?}: {text}");
                let row = match kind {
                    FaultKind::Alter { field: Field::Length, .. } => "≠ length",
                    FaultKind::Alter { field: Field::Element, .. } => "≠ element type",
                    FaultKind::Alter { field: Field::Parameter, .. } => "≠ root",
                    FaultKind::Alter { field: Field::Reduction, .. } => "≠ reduction",
                    _ => continue,
                };
                assert!(text.contains(row), "{kind:?}: {text}");
            }
        }
    }
}

#[test]
fn what_has_no_effect_has_none() {
    // A barrier has neither a root nor a reduction, and there is no ninth operation.
    let nothing = [
        FaultKind::Alter { operation: 1, field: Field::Parameter },
        FaultKind::Alter { operation: 1, field: Field::Reduction },
        FaultKind::Skip { operation: 9 },
        FaultKind::Repeat { operation: 9 },
        FaultKind::Kill { transfer: 99 },
    ];
    for kind in nothing {
        let fault = Fault { rank: 1, kind };
        World::new(3).fault(fault).run(|comm| comm.barrier_with(Barrier::Dissemination)).unwrap();
    }
}

/// The last operation has no other after it before which it could be done again.
#[test]
fn the_last_operation_is_done_twice_too() {
    let fault = Fault { rank: 1, kind: FaultKind::Repeat { operation: 1 } };
    let gather = |comm: &Communicator| {
        let mut all = vec![0; if comm.rank() == 0 { 2 } else { 0 }];
        comm.gather_with(Gather::Linear, &[comm.rank() as u8], &mut all, 0)
    };
    let error = World::new(2).fault(fault).run(gather).unwrap_err();
    assert!(error.to_string().starts_with("rank 1: sent a message that rank 0 never received"), "{error}");
}

/// Messages between two ranks are operations, too.
#[test]
fn a_message_is_altered_or_left_out() {
    let exchange = |comm: &Communicator| {
        let mut theirs = [0_u8; 2];
        comm.send_recv(1 - comm.rank(), &[comm.rank() as u8; 2], 1 - comm.rank(), &mut theirs)?;
        comm.barrier()
    };
    for kind in [
        FaultKind::Alter { operation: 1, field: Field::Length },
        FaultKind::Alter { operation: 1, field: Field::Element },
        FaultKind::Skip { operation: 1 },
        FaultKind::Repeat { operation: 1 },
    ] {
        let error = World::new(2).fault(Fault { rank: 0, kind }).run(exchange);
        let text = error.expect_err("rank 1 must notice").to_string();
        assert!(text.starts_with("mismatch: "), "{kind:?}: {text}");
    }
}

#[test]
fn a_seed_draws_the_same_fault_every_time() {
    let draw = |seed| Fault::seeded(seed, 3, 5);
    let faults: Vec<Fault> = (0..400).map(draw).collect();
    assert_eq!(faults, (0..400).map(draw).collect::<Vec<_>>());
    let kinds = |fault: &Fault| match fault.kind {
        FaultKind::Kill { transfer: n }
        | FaultKind::Skip { operation: n }
        | FaultKind::Repeat { operation: n }
        | FaultKind::Alter { operation: n, .. } => assert!((1..=5).contains(&n)),
        FaultKind::Delay { .. } => {}
    };
    faults.iter().for_each(kinds);
    for rank in 0..3 {
        assert!(faults.iter().any(|fault| fault.rank == rank));
    }
    let mut texts: Vec<String> = faults.iter().map(Fault::to_string).collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 80, "3 ranks, 5 operations, 7 kinds and a delay: {}", texts.len());
}

/// Several faults at once: the first to strike is the root cause.
#[test]
fn a_world_may_have_several_faults() {
    let dies = |rank, transfer| Fault { rank, kind: FaultKind::Kill { transfer } };
    let world = World::new(4).quiet(true).fault(dies(0, 1)).fault(dies(3, 1));
    let error = world.run(program).unwrap_err();
    assert!([0, 3].contains(&error.rank), "{error}");
}

/// It is no collective: those that follow keep their numbers.
#[test]
fn a_message_done_twice_is_a_message_more() {
    let fault = Fault { rank: 0, kind: FaultKind::Repeat { operation: 1 } };
    let received = World::new(2).fault(fault).run(|comm| {
        let mut theirs = [[0_u8; 3]; 2];
        match comm.rank() {
            0 => comm.send(1, &[7_u8; 3])?,
            _ => theirs.iter_mut().try_for_each(|theirs| comm.recv(0, theirs))?,
        }
        comm.barrier()?;
        Ok(theirs)
    });
    assert_eq!(received.unwrap()[1], [[7; 3]; 2]);
}

/// A computation that overlaps with a message that is left out still runs, and what it may not do it still may not.
#[test]
fn what_overlaps_with_a_message_that_is_left_out_still_runs() {
    let world = World::new(1)
        .fault(Fault::skip(0, 1))
        .run(|comm| comm.send_recv_during(0, &[1_u8], 0, &mut [0], || comm.split(Some(0), 0).is_ok()));
    assert_eq!(world.unwrap(), [true], "alone, and with no transfer under way, it may");
}
