//! A long life: one world runs random programs one after the other, on nested communicators, with ranks that
//! nap and get out of step. Every result equals the oracle's, and memory stays flat.

use collectives::{AllReduce, Communicator, Result, Sum, World};
use peak_alloc::PeakAlloc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use testkit::program::Program;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const RANKS: usize = 8;

/// Heap bytes that a world may hold beyond those it held after the warm-up, however long it runs.
///
/// What a program makes is gone at a checkpoint, and after the warm-up mailboxes, journals and what communicators keep
/// for short calls have their full size. So all checkpoints would be equal, were it not for one thing that depends on
/// the schedule: the table of the sub-worlds that not all members have asked for yet keeps the room it once needed. Each
/// of them waits for a rank of its own, and not all ranks can be waited for: there are at most 7, and a hash table for
/// them has at most 16 slots of 49 bytes.
const SLACK: usize = 1024;

/// Elements of a program's longest buffers.
const LONGEST: usize = 800;

/// Messages from one rank to another that may wait to be received, and the longest of them in bytes: all longer ones are
/// lent.
const MAILBOX: usize = 32;
const COPIED: usize = 8192;

/// More operations than a journal remembers.
const FORGOTTEN: usize = 32;

/// What the process holds while all ranks stand at a barrier.
struct Checkpoint {
    /// Messages, collectives and splits that every rank has called so far.
    operations: usize,
    live: usize,
    /// The resident set in kB, where `/proc` tells it.
    resident: Option<usize>,
    at: Instant,
}

impl Checkpoint {
    /// All ranks call this, and one of them measures. It must not print: what a test prints is kept on the
    /// heap.
    fn take(world: &Communicator, operations: usize) -> Result<Option<Self>> {
        // A journal keeps the members of the communicators that it remembers: out with the program's.
        for _ in 0..FORGOTTEN {
            world.barrier()?;
        }
        let checkpoint = (world.rank() == 0).then(|| {
            // The others are about to fall asleep in the next barrier, where each first looks for a deadlock,
            // which takes some bytes for a moment.
            std::thread::sleep(Duration::from_millis(1));
            let (live, at) = (HEAP.current_usage(), Instant::now());
            Self { operations, live, resident: resident(), at }
        });
        world.barrier()?;
        Ok(checkpoint)
    }
}

fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// One rank's part: programs until every rank has called so many operations, and a checkpoint after the first
/// one and then after every `apart` operations.
fn rank(world: &Communicator, operations: usize, apart: usize) -> Result<Vec<Checkpoint>> {
    let mut own = fastrand::Rng::with_seed(world.rank() as u64);
    let mut called = 0;
    // Room for all of them: measuring must leave nothing on the heap.
    let mut checkpoints = Vec::with_capacity(2 + operations / apart);
    // Every mailbox is filled with the longest messages that it copies, the one to oneself, too.
    for distance in (0..RANKS).flat_map(|distance| [distance; MAILBOX]) {
        let (to, from) = ((world.rank() + distance) % RANKS, (world.rank() + RANKS - distance) % RANKS);
        world.send_recv(to, &[0_u8; COPIED], from, &mut [0_u8; COPIED])?;
    }
    // A communicator keeps room for intermediate results of up to 16 KiB, as much as the longest call had asked for.
    world.all_reduce_with(AllReduce::RecursiveDoubling, &mut [0_u128; 1024], &Sum)?;
    let mut due = 0;
    for seed in 0.. {
        // Short messages, which are copied, and some of up to 12 KiB: those of more than 8 are lent.
        let longest = if seed % 8 == 0 { LONGEST } else { 20 };
        let nap = || {
            called += 1;
            if own.u8(..100) == 0 {
                std::thread::sleep(Duration::from_micros(own.u64(..200)));
            }
            Ok(())
        };
        Program { seed, steps: 100, longest }.run_with(world, nap)?;
        if called >= due {
            checkpoints.extend(Checkpoint::take(world, called)?);
            due += apart;
        }
        if called >= operations {
            break;
        }
    }
    Ok(checkpoints)
}

fn soak(strict: bool, operations: usize, apart: usize) {
    // All threads of the process share a heap, and the tests of this file are threads.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let start = Instant::now();
    let by_rank = World::new(RANKS).strict(strict).run(|world| rank(world, operations, apart)).unwrap();
    let checkpoints = &by_rank[0];
    for Checkpoint { operations, live, resident, at } in checkpoints {
        let seconds = at.duration_since(start).as_secs_f64();
        let resident = resident.map_or_else(String::new, |kb| format!(", {kb} kB resident"));
        println!("{operations:9} operations, {seconds:5.1} s: {live} bytes live{resident}");
    }
    for Checkpoint { operations, live, .. } in checkpoints {
        let grown = live.saturating_sub(checkpoints[0].live);
        assert!(grown <= SLACK, "{grown} bytes more after {operations} operations");
    }
}

#[test]
fn memory_stays_flat() {
    soak(false, 40_000, 1_000);
    soak(true, 20_000, 1_000);
}

/// `cargo test --release -p gears-tests --test soak -- --ignored --nocapture`
#[test]
#[ignore = "half a minute, in a release build"]
fn memory_stays_flat_over_a_million_operations() {
    soak(false, 1_000_000, 50_000);
}
