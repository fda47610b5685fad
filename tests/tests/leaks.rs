//! What a failed world leaves behind: not a byte, not a thread. However a rank misbehaves, the heap is
//! afterwards what it was before.

use collectives::transport::{Fault, FaultKind, Threads, Transport};
use collectives::{Communicator, Custom, Error, Name, Result, World};
use peak_alloc::PeakAlloc;
use std::cell::RefCell;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::faults::{Harm, trial};
use testkit::gear::{Algorithm, ladder};
use testkit::program::Program;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What the process holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    bytes: usize,
    /// Where `/proc` tells; else none.
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
        Self { bytes: HEAP.current_usage(), threads }
    }
}

/// Runs a world, after which nothing more may be held than before. It must not print: what a test prints is
/// kept on the heap.
fn leaves_nothing(what: impl FnOnce() -> String, world: impl FnOnce()) {
    let before = Held::now();
    world();
    // A trial's thread hands in its report before it ends.
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let after = Held::now();
        if after == before {
            break;
        }
        assert!(Instant::now() < patience, "{}: {before:?} before, {after:?} after", what());
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// One test, so that nothing runs beside it: all threads of the process share a heap.
#[test]
fn failed_worlds_leave_nothing() {
    // What there is once: the process's panic hook, and this thread's place to wait at channels.
    assert!(World::new(2).quiet(true).run(|_| -> Result<()> { panic!("the first") }).is_err());
    let (_send, receive) = mpsc::channel::<()>();
    assert!(receive.recv_timeout(Duration::from_millis(1)).is_err());
    let (operations, programs) = (harmed_operations(), harmed_programs());
    ends_of_their_own();
    println!("{operations} worlds with a harmed operation, {programs} programs that failed: nothing left");
}

/// One rank does something else than the others in one collective, by the first and by the last algorithm of
/// every ladder. How many worlds that makes.
fn harmed_operations() -> usize {
    let mut worlds = 0;
    for operation in Operation::ALL {
        let ladder = ladder(operation);
        for algorithm in [ladder[0], ladder[ladder.len() - 1]] {
            // Buffers that are copied, that are lent, and that are lent though they are short.
            for (length, strict) in [(3, false), (2100, false), (3, true)] {
                let case = Case::new(4, length);
                if Choice::Algorithm(algorithm).supports(&case, true) {
                    worlds +=
                        (0..case.ranks).map(|victim| harmed(algorithm, case, strict, victim)).sum::<usize>();
                }
            }
        }
    }
    worlds
}

fn harmed(algorithm: Algorithm, case: Case, strict: bool, victim: usize) -> usize {
    let mut harms = Harm::all(algorithm, &case);
    harms.extend([2, 3, 5].map(Harm::kill));
    for &harm in &harms {
        let what = || format!("{algorithm:?}, {case}, strict: {strict}, rank {victim} harmed by {harm}");
        leaves_nothing(what, || {
            let limit = Duration::from_secs(30);
            let report = trial(algorithm, case, victim, harm, strict, limit).expect("no world hangs");
            assert!(report.objections.is_empty(), "{}: {:?}", what(), report.objections);
        });
    }
    harms.len()
}

/// How a rank ends before its time, in the midst of a program.
#[derive(Clone, Copy, Debug)]
enum End {
    Panics,
    GivesUp,
    Returns,
}

/// One rank leaves a random program on nested communicators, or makes a mistake in it. How many worlds
/// failed.
fn harmed_programs() -> usize {
    const RANKS: usize = 5;
    let mut failed = 0;
    for seed in 0..100 {
        let (victim, strict) = (seed as usize % RANKS, seed % 2 == 0);
        let program = Program { seed, steps: 30, longest: 800 };
        let world = World::new(RANKS).strict(strict).quiet(true);
        for end in [End::Panics, End::GivesUp, End::Returns] {
            let what = || format!("{program:?}, strict: {strict}, rank {victim}: {end:?}");
            leaves_nothing(what, || {
                let ended = world.run(|comm| match comm.rank() == victim {
                    true => leave(comm, program, end, 1 + seed as usize % 40),
                    false => program.run(comm).map(|_| ()),
                });
                failed += usize::from(ended.is_err());
            });
        }
        let kill = Fault { rank: victim, kind: FaultKind::Kill { transfer: 1 + seed % 60 } };
        for fault in [kill, Fault::seeded(seed, RANKS, 40)] {
            leaves_nothing(
                || format!("{program:?}, strict: {strict}, {fault}"),
                || failed += usize::from(world.clone().fault(fault).run(|comm| program.run(comm)).is_err()),
            );
        }
    }
    // Some faults do no harm, and some victims outlive the program.
    assert!(failed > 400, "{failed} of 500 worlds failed");
    failed
}

/// The victim's part: it is gone before its n-th operation.
fn leave(comm: &Communicator, program: Program, end: End, operation: usize) -> Result<()> {
    let mut left = operation;
    let ended = program.run_with(comm, || {
        left -= 1;
        match (left, end) {
            (1.., _) => Ok(()),
            (0, End::Panics) => panic!("the victim has had enough"),
            (0, _) => Err(Error::other("the victim gives up")),
        }
    });
    match end {
        End::Returns => Ok(()),
        _ => ended.map(|_| ()),
    }
}

fn half(comm: &Communicator) -> Result<Communicator> {
    Ok(comm.split(Some(comm.rank() as u32 / 2), 0)?.expect("a color was given"))
}

/// What programs don't do.
fn ends_of_their_own() {
    fn fails<R: Send>(what: &str, main: impl Fn(&Communicator) -> Result<R> + Sync) {
        for strict in [false, true] {
            leaves_nothing(
                || format!("{what}, strict: {strict}"),
                || assert!(World::new(4).strict(strict).quiet(true).run(&main).is_err(), "{what}"),
            );
        }
    }
    fails("messages that nobody receives, in two worlds", |comm| {
        let half = half(comm)?;
        half.send(1 - half.rank(), &[1_u8; 3])?;
        comm.send(3 - comm.rank(), &[1_u8; 3])
    });
    fails("a cycle through two worlds", |comm| {
        let half = half(comm)?;
        match half.rank() {
            0 => half.recv(1, &mut [0_u8]),
            _ => comm.recv((comm.rank() + 1) % 4, &mut [0_u8]),
        }
    });
    fails("a communicator that outlives its rank", |comm| {
        thread_local!(static HIDDEN: RefCell<Option<Communicator>> = const { RefCell::new(None) });
        HIDDEN.set(Some(half(comm)?));
        comm.recv((comm.rank() + 1) % 4, &mut [0_u8; 2000])
    });
    fails("a reduction that panics while it looks at a message, whose sender waits", |comm| {
        static PANIC: Name = Name("panic");
        comm.all_reduce(&mut [1_u64; 4000], &Custom::ordered(&PANIC, |_, _| panic!("no reduction")))
    });
    leaves_nothing(
        || "members that never ask for their sub-world".to_owned(),
        || {
            let world = Threads::new(4).quiet(true);
            let ended = world.run(|endpoint| match endpoint.rank() {
                3 => Ok(()),
                _ => endpoint
                    .subworld(&[0, 1, 2, 3], 7)
                    .and_then(|_| endpoint.subworld(&[0, 1, 2, 3], 8))
                    .map(|_| ()),
            });
            assert!(ended.is_err());
        },
    );
}
