//! What every gear owes. Each check takes any [`Gear`] and returns the number of cases it passed, or why it
//! was rejected: a new algorithm's tests are one line.

use crate::case::{Case, Operation};
use crate::gear::Gear;
use crate::oracle::oracle;
use crate::values::{Fill, Value, composition, element, mix};
use collectives::{Cause, Communicator, Error, Reduction, Result, RunError, Sum, World, transport};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Why a gear was rejected.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The check that it failed.
    pub check: &'static str,
    /// What was expected and what was found, and where.
    pub detail: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.detail)
    }
}

impl std::error::Error for Rejection {}

/// Cases passed, or the first one that wasn't.
pub type Verdict = Result<usize, Rejection>;

/// A check of the suite.
pub struct Check<G> {
    /// Its name, as in [`Rejection::check`] (or `ends`, for all: no deadlock, mismatch, panic or stray
    /// message).
    pub name: &'static str,
    /// What it does.
    pub run: fn(&G) -> Verdict,
}

/// The whole suite.
pub fn checks<G: Gear>() -> Vec<Check<G>> {
    vec![
        Check { name: "values", run: values },
        Check { name: "counts", run: counts },
        Check { name: "provenance", run: provenance },
        Check { name: "order", run: order },
        Check { name: "bits", run: bits },
        Check { name: "nobody early", run: nobody_early },
    ]
}

/// The whole suite on one gear: cases passed, or the first rejection.
///
/// # Errors
///
/// The first rejection.
pub fn verify<G: Gear>(gear: &G) -> Verdict {
    checks().iter().map(|check| (check.run)(gear)).sum()
}

/// Equal to the naive reference: ranks 1..=8, lengths 0..=3P, equal and uneven blocks, several roots. In a
/// strict world, where every send waits, so that nothing leans on buffering.
///
/// # Errors
///
/// The first result that differs from the reference.
pub fn values<G: Gear>(gear: &G) -> Verdict {
    let fill = if gear.operation().reduces() { Fill::Small } else { Fill::Any };
    (1..=8).map(|ranks| typed_values::<G, f32>(gear, &small_cases(ranks, 3 * ranks), fill, &Sum)).sum()
}

/// [`values`] with an element type and a reduction of the caller's choice, on fewer cases.
///
/// # Errors
///
/// The first result that differs from the reference.
pub fn values_of<G: Gear, T: Value>(gear: &G, fill: Fill, op: &dyn Reduction<T>) -> Verdict {
    [1, 2, 3, 4, 7].iter().map(|&ranks| typed_values(gear, &small_cases(ranks, 5), fill, op)).sum()
}

/// One case, for generated ones.
///
/// # Errors
///
/// If its result differs from the reference.
pub fn one<G: Gear>(gear: &G, case: Case, seed: u64) -> Verdict {
    let input = |rank, index| element::<u64>(Fill::Any, seed, rank, index);
    match gear.supports(&case, false) {
        true => compare(gear, &[case], &input, &composition(), World::new(case.ranks)),
        false => compare(gear, &[case], &input, &Sum, World::new(case.ranks)),
    }
}

/// Messages and bytes of every rank, and rounds, equal the closed form: ranks 1..=16, lengths 0..=3P+1 and
/// a large odd one.
///
/// # Errors
///
/// The first count that differs.
pub fn counts<G: Gear>(gear: &G) -> Verdict {
    (1..=16).map(|ranks| counts_among(gear, ranks)).sum()
}

/// Every output element holds each contribution exactly once: elements are counters, two bits a rank. Ranks
/// 1..=16.
///
/// # Errors
///
/// The first element in which a contribution is missing, or double.
pub fn provenance<G: Gear>(gear: &G) -> Verdict {
    let input = |rank: usize, _| 1_u128 << (2 * rank);
    let at = |ranks| -> Verdict {
        let cases: Vec<_> = small_cases(ranks, 2).into_iter().filter(|case| case.length > 0).collect();
        compare(gear, &cases, &input, &Sum, World::new(ranks)).map_err(|r| r.during("provenance"))
    };
    (1..=16).map(at).sum()
}

/// A reduction that doesn't commute is combined in rank order; a gear that can't must refuse it on every
/// rank, before anything is sent, and leave the communicator usable.
///
/// # Errors
///
/// The first result in another order, or a gear that neither keeps the order nor refuses.
pub fn order<G: Gear>(gear: &G) -> Verdict {
    if !gear.operation().reduces() {
        return Ok(0);
    }
    let input = |rank, index| element::<u64>(Fill::Any, 5, rank, index);
    let at = |ranks| -> Verdict {
        let cases = small_cases(ranks, 4);
        match gear.supports(&cases[0], false) {
            true => compare(gear, &cases, &input, &composition(), World::new(ranks)),
            false => refuses(gear, &Case::new(ranks, 4), &input),
        }
        .map_err(|rejection| rejection.during("order"))
    };
    (1..=9).map(at).sum()
}

fn refuses<G: Gear>(gear: &G, case: &Case, input: &(dyn Fn(usize, usize) -> u64 + Sync)) -> Verdict {
    let run = World::new(case.ranks).counting(true).run(|comm| {
        let refused =
            matches!(call(gear, comm, case, &input, &composition()), Err(Error::DoesNotCommute { .. }));
        let sent = comm.traffic().expect("the world counts").total.messages;
        comm.barrier()?;
        match refused && sent == 0 {
            true => Ok(()),
            false => {
                let detail = format!("{case}: refused: {refused}, messages sent: {sent}");
                Err(Error::other(Rejection { check: "order", detail }))
            }
        }
    });
    run.map(|_| 1).map_err(|error| rejection(error, &[*case]))
}

/// Sums that round: close to an `f64` reference, the same bits on every run and, for all-reduce, on every
/// rank.
///
/// # Errors
///
/// The first sum that is off, or that differs between ranks or runs.
pub fn bits<G: Gear>(gear: &G) -> Verdict {
    if !gear.operation().reduces() {
        return Ok(0);
    }
    (1..=9).map(|ranks| bits_among(gear, ranks)).sum()
}

/// If one rank never comes, nobody leaves: the promise of a barrier, tested without a clock. Every rank that
/// gets through waits for a message from itself, so the world is proven deadlocked only when
/// nothing can move any more; then it is known who got through.
///
/// # Errors
///
/// If a rank left before all had come.
pub fn nobody_early<G: Gear>(gear: &G) -> Verdict {
    if gear.operation() != Operation::Barrier {
        return Ok(0);
    }
    let mut cases = 0;
    for ranks in (2..=9).filter(|&ranks| gear.supports(&Case::new(ranks, 0), true)) {
        for absent in 0..ranks {
            let through: Vec<_> = (0..ranks).map(|_| AtomicBool::new(false)).collect();
            let ended = World::new(ranks).run(|comm| {
                if comm.rank() != absent {
                    gear.run::<u8>(comm, &Case::new(ranks, 0), &[], &mut [], &Sum)?;
                    through[comm.rank()].store(true, SeqCst);
                }
                comm.recv(comm.rank(), &mut [0_u8])
            });
            let deadlock = ended.as_ref().is_err_and(is_deadlock);
            let early = through.iter().position(|passed| passed.load(SeqCst));
            let rejected = |detail| Err(Rejection { check: "nobody early", detail });
            match early {
                Some(rank) => {
                    return rejected(format!(
                        "P = {ranks}: rank {rank} left though rank {absent} never came"
                    ));
                }
                None if !deadlock => return rejected(format!("P = {ranks}: ended as {ended:?}")),
                None => cases += 1,
            }
        }
    }
    Ok(cases)
}

/// Whether a world ended in a proven deadlock.
pub fn is_deadlock(error: &RunError) -> bool {
    use transport::Error::Deadlock;
    matches!(error.cause, Cause::Returned(Error::Transport(Deadlock { .. })) | Cause::World(Deadlock { .. }))
}

impl Rejection {
    /// The same, found by another check than values.
    fn during(self, check: &'static str) -> Self {
        let check = if self.check == "values" { check } else { self.check };
        Self { check, ..self }
    }
}

/// All lengths up to `longest`, with equal and with uneven blocks; every root if there are few ranks.
fn small_cases(ranks: usize, longest: usize) -> Vec<Case> {
    let roots = if ranks <= 4 { (0..ranks).collect() } else { vec![0, 1, ranks / 2, ranks - 1] };
    let mut cases = Vec::new();
    for length in 0..=longest {
        for &root in &roots {
            for uneven in [false, true] {
                cases.push(Case { ranks, length, uneven, root });
            }
        }
    }
    cases
}

/// The cases that the operation distinguishes and the gear claims to handle.
fn relevant<G: Gear>(gear: &G, cases: &[Case], commutes: bool) -> Vec<Case> {
    let operation = gear.operation();
    let distinct = |case: &&Case| {
        (operation.has_root() || case.root == 0)
            && (operation.has_counts() || !case.uneven)
            && (operation != Operation::Barrier || case.length == 0)
    };
    let supported = |case: &&Case| gear.supports(case, commutes);
    cases.iter().filter(distinct).filter(supported).copied().collect()
}

fn typed_values<G: Gear, T: Value>(gear: &G, cases: &[Case], fill: Fill, op: &dyn Reduction<T>) -> Verdict {
    let ranks = cases[0].ranks;
    let input = |rank, index| element(fill, 1, rank, index);
    compare(gear, cases, &input, op, World::new(ranks).strict(true))
}

/// Runs all cases in one world, so that a message left over from one is found by the next, and compares
/// with the oracle bit for bit.
fn compare<G: Gear, T: Value>(
    gear: &G,
    cases: &[Case],
    input: &(dyn Fn(usize, usize) -> T + Sync),
    op: &dyn Reduction<T>,
    world: World,
) -> Verdict {
    let cases = relevant(gear, cases, op.commutes());
    let run = world.run(|comm| {
        for case in &cases {
            let (inputs, output) = call(gear, comm, case, input, op)?;
            let expected = oracle(gear.operation(), case, comm.rank(), &inputs, op);
            if bytemuck::cast_slice::<T, u8>(&output) != bytemuck::cast_slice::<T, u8>(&expected) {
                let detail = format!(
                    "{case}, {} {}: rank {} has {output:?}, {expected:?} was expected",
                    T::TYPE.name,
                    op.name().0,
                    comm.rank()
                );
                return Err(Error::other(Rejection { check: "values", detail }));
            }
        }
        Ok(())
    });
    run.map(|_| cases.len()).map_err(|error| rejection(error, &cases))
}

/// One call. Returns everybody's input and this rank's output.
fn call<G: Gear, T: Value>(
    gear: &G,
    comm: &Communicator,
    case: &Case,
    input: &dyn Fn(usize, usize) -> T,
    op: &dyn Reduction<T>,
) -> Result<(Vec<Vec<T>>, Vec<T>)> {
    let (operation, rank) = (gear.operation(), comm.rank());
    let input_of = |r| (0..case.input_length(operation, r)).map(|i| input(r, i)).collect();
    let inputs: Vec<Vec<T>> = (0..case.ranks).map(input_of).collect();
    // What an algorithm forgets to write shows as elements that no input holds.
    let mut output = vec![T::any(0xDEAD); case.output_length(operation, rank)];
    gear.run(comm, case, &inputs[rank], &mut output, op)?;
    Ok((inputs, output))
}

/// A failed world as a rejection: the gear's own complaint, or the fact that it didn't end well.
fn rejection(error: RunError, cases: &[Case]) -> Rejection {
    match error.cause {
        Cause::Returned(Error::Other(inner)) if inner.is::<Rejection>() => {
            *inner.downcast::<Rejection>().expect("just asked")
        }
        _ => {
            let ranks = cases.first().map_or(0, |case| case.ranks);
            Rejection { check: "ends", detail: format!("P = {ranks}: {error}") }
        }
    }
}

fn counts_among<G: Gear>(gear: &G, ranks: usize) -> Verdict {
    const LARGE: usize = 1009;
    let mut cases = small_cases(ranks, 3 * ranks + 1);
    cases.extend([false, true].map(|uneven| Case { ranks, length: LARGE, uneven, root: ranks - 1 }));
    let roots_that_matter = |case: &Case| case.root <= 1 || case.length.is_multiple_of(5);
    cases.retain(roots_that_matter);
    let mut passed = 0;
    for commutes in [true, false] {
        let cases = relevant(gear, &cases, commutes);
        if !commutes && !gear.operation().reduces() {
            break;
        }
        let run = World::new(ranks).counting(true).run(|comm| {
            let mut counted = Vec::with_capacity(cases.len());
            for case in &cases {
                comm.reset_traffic();
                let input = |rank, index| element::<u64>(Fill::Small, 2, rank, index);
                match commutes {
                    true => call(gear, comm, case, &input, &Sum)?,
                    false => call(gear, comm, case, &input, &composition())?,
                };
                counted.push(comm.traffic().expect("the world counts").total);
            }
            Ok(counted)
        });
        let counted = run.map_err(|error| rejection(error, &cases))?;
        for (index, case) in cases.iter().enumerate() {
            let rounds = counted.iter().map(|of_rank| of_rank[index].rounds).max();
            for (rank, of_rank) in counted.iter().enumerate() {
                let cost = gear.cost(case, rank, commutes);
                let bytes = 8 * cost.elements as u64;
                let expected = (cost.messages as u64, bytes, Some(cost.rounds as u64));
                let found = (of_rank[index].messages, of_rank[index].bytes, rounds);
                if found != expected {
                    let detail = format!(
                        "{case}, commutes: {commutes}: rank {rank} sent (messages, bytes, rounds) {found:?}, the \
                         closed form says {expected:?}"
                    );
                    return Err(Rejection { check: "counts", detail });
                }
            }
        }
        passed += cases.len();
    }
    Ok(passed)
}

fn bits_among<G: Gear>(gear: &G, ranks: usize) -> Verdict {
    let rough = |rank, index| (mix(3, rank, index) as i32) as f32 * 1e-7 + 0.1;
    let cases = relevant(gear, &[Case::new(ranks, 1), Case::new(ranks, 37), Case::new(ranks, 64)], true);
    let run = || {
        World::new(ranks).run(|comm| {
            let results = cases.iter().map(|case| Ok(call(gear, comm, case, &rough, &Sum)?.1));
            results.collect::<Result<Vec<Vec<f32>>>>()
        })
    };
    let first = run().map_err(|error| rejection(error, &cases))?;
    let second = run().map_err(|error| rejection(error, &cases))?;
    let rejected = |detail| Err(Rejection { check: "bits", detail });
    let to_bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (index, case) in cases.iter().enumerate() {
        let precise = |rank, i| f64::from(rough(rank, i));
        let inputs: Vec<Vec<f64>> = (0..ranks)
            .map(|r| (0..case.input_length(gear.operation(), r)).map(|i| precise(r, i)).collect())
            .collect();
        for rank in 0..ranks {
            let result = &first[rank][index];
            if to_bits(result) != to_bits(&second[rank][index]) {
                return rejected(format!("{case}: rank {rank} got other bits on another run"));
            }
            if gear.operation() == Operation::AllReduce && to_bits(result) != to_bits(&first[0][index]) {
                return rejected(format!("{case}: rank {rank} got other bits than rank 0"));
            }
            // Each of at most P-1 additions rounds by half a unit in the last place of a partial sum.
            let magnitudes: Vec<Vec<f64>> =
                inputs.iter().map(|x| x.iter().map(|v| v.abs()).collect()).collect();
            let expected = oracle(gear.operation(), case, rank, &inputs, &Sum);
            let size = oracle(gear.operation(), case, rank, &magnitudes, &Sum);
            for ((&got, want), size) in result.iter().zip(expected).zip(size) {
                let bound = ranks as f64 * f64::from(f32::EPSILON) * size;
                if (f64::from(got) - want).abs() > bound {
                    return rejected(format!(
                        "{case}: rank {rank} got {got}, {want} within {bound:e} was expected"
                    ));
                }
            }
        }
    }
    Ok(cases.len())
}
