//! What every gear owes. Each check takes any [`Gear`] and returns the number of cases it passed, or why it
//! was rejected: a new algorithm's tests are one line.

mod bits;
mod counts;
mod nobody_early;
mod order;

pub use bits::bits;
pub use counts::counts;
pub use nobody_early::nobody_early;
pub use order::order;

use crate::case::{Case, Operation};
use crate::gear::Gear;
use crate::oracle::oracle;
use crate::values::{Fill, Value, composition, element};
use collectives::{Cause, Communicator, Error, Mean, Reduction, Result, RunError, Sum, World, transport};
use std::fmt;

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
        Check { name: "mean", run: mean },
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

/// A mean is divided once: the reduction that isn't over when all contributions are combined.
///
/// # Errors
///
/// The first result that differs from the reference.
pub fn mean<G: Gear>(gear: &G) -> Verdict {
    if !gear.operation().reduces() {
        return Ok(0);
    }
    values_of::<_, f64>(gear, Fill::Small, &Mean).map_err(|rejection| rejection.during("mean"))
}

/// One case, for generated ones.
///
/// # Errors
///
/// If its result differs from the reference.
pub fn one<G: Gear>(gear: &G, case: Case, seed: u64) -> Verdict {
    one_in(gear, case, seed, World::new(case.ranks))
}

/// The same in a world of the caller's choice.
///
/// # Errors
///
/// If its result differs from the reference.
pub fn one_in<G: Gear>(gear: &G, case: Case, seed: u64, world: World) -> Verdict {
    // What the operation doesn't distinguish would take the case out of the comparison.
    let operation = gear.operation();
    let case = Case {
        ranks: case.ranks,
        length: if operation == Operation::Barrier { 0 } else { case.length },
        uneven: case.uneven && operation.has_counts(),
        root: if operation.has_root() { case.root } else { 0 },
    };
    let input = |rank, index| element::<u64>(Fill::Any, seed, rank, index);
    match gear.supports(&case, false) {
        true => compare(gear, &[case], &input, &composition(), world),
        false => compare(gear, &[case], &input, &Sum, world),
    }
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

/// Whether a world ended in a proven deadlock.
pub fn is_deadlock(error: &RunError) -> bool {
    use transport::Error::Deadlock;
    matches!(error.cause, Cause::World(Deadlock { .. }))
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
            let output = call(gear, comm, case, input, op)?;
            let inputs: Vec<Vec<T>> = (0..case.ranks).map(|r| input_of(gear, case, r, input)).collect();
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

/// What a rank puts in.
fn input_of<G: Gear, T: Value>(
    gear: &G,
    case: &Case,
    rank: usize,
    input: &dyn Fn(usize, usize) -> T,
) -> Vec<T> {
    (0..case.input_length(gear.operation(), rank)).map(|index| input(rank, index)).collect()
}

/// One call. Returns this rank's output.
fn call<G: Gear, T: Value>(
    gear: &G,
    comm: &Communicator,
    case: &Case,
    input: &dyn Fn(usize, usize) -> T,
    op: &dyn Reduction<T>,
) -> Result<Vec<T>> {
    let (operation, rank) = (gear.operation(), comm.rank());
    // What an algorithm forgets to write shows as elements that no input holds.
    let mut output = vec![T::any(0xDEAD); case.output_length(operation, rank)];
    gear.run(comm, case, &input_of(gear, case, rank, input), &mut output, op)?;
    Ok(output)
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
