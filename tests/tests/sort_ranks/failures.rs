//! A rank that fails, and ranks that mean different sorts: an error for all, and no hang.

use super::*;
use collectives::{Cause, Fault};
use std::sync::Mutex;

const LENGTHS: [usize; 4] = [30, 0, 41, 12];

fn keys() -> Blocks<u32> {
    blocks(&Input { pattern: Pattern::Random, length: 0, seed: 1 }, &LENGTHS)
}

/// Sorts in a world with a fault; the error, if there is one, and what the blocks hold afterwards.
fn harmed(way: RankSort, fault: Fault) -> (Option<collectives::RunError>, Blocks<u32>) {
    let blocks: Vec<Mutex<Vec<u32>>> = keys().into_iter().map(Mutex::new).collect();
    let run = World::new(4).quiet(true).fault(fault).run(|comm| {
        let mut block = blocks[comm.rank()].lock().expect("only this rank uses it");
        // A panic must not poison the block: it is looked at afterwards.
        let mut own = std::mem::take(&mut *block);
        drop(block);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            way.sort(comm, &mut own, Direction::Ascending)
        }));
        *blocks[comm.rank()].lock().expect("only this rank uses it") = own;
        match result {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    (
        run.err(),
        blocks.into_iter().map(|block| block.into_inner().expect("nobody panicked holding it")).collect(),
    )
}

/// A rank dies at each of its transfers: everybody returns, the error names it, and blocks hold keys of the
/// world.
#[test]
fn a_rank_dies_at_each_of_its_transfers() {
    let all = oracle(&keys().concat(), Direction::Ascending);
    for way in RankSort::ALL {
        for rank in 0..4 {
            let mut transfers = 0;
            loop {
                let (error, blocks) = harmed(way, Fault::kill(rank, transfers + 1));
                assert!(blocks.iter().map(Vec::len).eq(LENGTHS));
                assert!(blocks.iter().flatten().all(|key| all.binary_search(key).is_ok()), "no such key");
                let Some(error) = error else { break assert_eq!(blocks.concat(), all) };
                assert_eq!(error.rank, rank, "{}: {error}", way.name());
                let Cause::Panicked { message, .. } = &error.cause else { panic!("{error}") };
                assert_eq!(*message, format!("a fault killed it instead of transfer {}", transfers + 1));
                if transfers == 0 {
                    // Nobody knows its length.
                    assert_eq!(blocks, keys(), "{}: rank {rank}", way.name());
                }
                transfers += 1;
            }
            assert!(transfers >= 2 + u64::from(rank != 1), "rank {rank} made {transfers} transfers");
        }
    }
}

/// Operations left out, done twice or meant otherwise: an error, or it made no difference.
#[test]
fn any_fault() {
    let expected = oracle(&keys().concat(), Direction::Ascending);
    let mut errors = 0;
    for seed in 0..300 {
        let way = RankSort::ALL[seed as usize % RankSort::ALL.len()];
        let fault = Fault::seeded(seed, 4, 6);
        match harmed(way, fault) {
            (None, blocks) => assert_eq!(blocks.concat(), expected, "{}: {fault}", way.name()),
            (Some(_), _) => errors += 1,
        }
    }
    println!("{errors} errors");
    assert!(errors > 100, "{errors}");
}

/// What the ranks say: all the same. Their blocks are as they were, and they can go on.
fn disagreement(sort: impl Fn(&Communicator, &mut [u32]) -> Result<()> + Sync) -> String {
    let said = World::new(4).run(|comm| {
        let before = keys()[comm.rank()].clone();
        let mut block = before.clone();
        let error = sort(comm, &mut block).expect_err("they disagree");
        assert_eq!(block, before, "nothing has moved");
        ranks::sort(comm, &mut block, Direction::Ascending)?;
        Ok((error.to_string(), block))
    });
    let (said, blocks): (Vec<_>, Vec<_>) = said.unwrap().into_iter().unzip();
    assert_eq!(blocks.concat(), oracle(&keys().concat(), Direction::Ascending));
    assert!(said.iter().all(|other| *other == said[0]), "{said:?}");
    said[0].clone()
}

#[test]
fn another_direction() {
    for way in RankSort::ALL {
        let said = disagreement(|comm, block| way.sort(comm, block, Direction::ALL[comm.rank() / 2]));
        let expected = format!(
            "ranks mean different sorts: rank 0 sorts ascending by {0}, rank 2 sorts descending by {0}",
            way.name()
        );
        assert_eq!(said, expected);
    }
}

#[test]
fn another_way() {
    let said = disagreement(|comm, block| match comm.rank() {
        3 => RankSort::SampleSort.sort(comm, block, Direction::Descending),
        _ => RankSort::Network(Kind::Bitonic).sort(comm, block, Direction::Descending),
    });
    let expected = "ranks mean different sorts: rank 0 sorts descending by bitonic, \
                    rank 3 sorts descending by sample-sort";
    assert_eq!(said, expected);
    let said = disagreement(|comm, block| match comm.rank() {
        1 => RankSort::Network(Kind::OddEvenMerge).sort(comm, block, Direction::Ascending),
        _ => ranks::sort(comm, block, Direction::Ascending),
    });
    let expected = "ranks mean different sorts: rank 0 sorts ascending by any way, \
                    rank 1 sorts ascending by odd-even-merge";
    assert_eq!(said, expected);
}

#[test]
fn another_type() {
    for way in RankSort::ALL {
        let error = World::new(3).run(|comm| match comm.rank() {
            2 => way.sort(comm, &mut [1_i32, 2, 3], Direction::Ascending),
            _ => way.sort(comm, &mut [1_u32, 2, 3], Direction::Ascending),
        });
        let error = error.unwrap_err();
        assert!(error.to_string().contains("i32") && error.to_string().contains("u32"), "{error}");
    }
}

#[test]
fn another_operation() {
    for way in RankSort::ALL {
        let error = World::new(3).run(|comm| match comm.rank() {
            0 => comm.barrier(),
            _ => way.sort(comm, &mut [1_u32, 2, 3], Direction::Ascending),
        });
        let error = error.unwrap_err();
        assert_eq!(error.divergence().expect("they disagree").odd(), [0], "{error}");
    }
}

/// One rank sorts once more than the others.
#[test]
fn once_more() {
    for way in RankSort::ALL {
        let error = World::new(3).run(|comm| {
            for _ in 0..1 + usize::from(comm.rank() == 1) {
                way.sort(comm, &mut [1_u32, 2, 3], Direction::Ascending)?;
            }
            Ok(())
        });
        assert!(error.is_err(), "{}", way.name());
    }
}
