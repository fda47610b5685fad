//! The program of which one rank's copy is wrong: three collectives, the second of which is the one in question.

use super::{Harm, other};
use crate::case::{Case, Operation};
use crate::choice::Choice;
use crate::gear::{Algorithm, Gear};
use crate::oracle::oracle;
use crate::values::{Fill, Value, element};
use collectives::{Communicator, Error, Max, Reduction, Result, Sum};

/// One rank's part; `harm` is what it does wrong itself. Whether its results are right.
pub(super) fn program(
    comm: &Communicator,
    algorithm: Algorithm,
    case: &Case,
    harm: Option<Harm>,
) -> Result<bool> {
    let mut ranks = [1_u32; 3];
    comm.all_reduce(&mut ranks, &Sum)?;
    let right = match harm {
        Some(harm) => wrong(comm, algorithm, case, harm)?,
        None => Some(call::<f32>(comm, algorithm, case, &Sum)?),
    };
    let Some(right) = right else { return Ok(true) };
    comm.barrier()?;
    Ok(right && ranks == [comm.size() as u32; 3])
}

/// What the victim does instead; none if it returns.
fn wrong(comm: &Communicator, algorithm: Algorithm, case: &Case, harm: Harm) -> Result<Option<bool>> {
    let as_usual = |case: &Case| call::<f32>(comm, algorithm, case, &Sum);
    match harm {
        Harm::Panics => panic!("the victim has had enough"),
        Harm::GivesUp => return Err(Error::other("the victim gives up")),
        Harm::Returns => return Ok(None),
        Harm::Skips => Ok(true),
        Harm::Repeats => as_usual(case).and_then(|_| as_usual(case)),
        Harm::Length => as_usual(&Case { length: case.length + 1, ..*case }),
        Harm::Root => as_usual(&Case { root: (case.root + 1) % case.ranks, ..*case }),
        Harm::Type => call::<i32>(comm, algorithm, case, &Sum),
        Harm::Reduction => call::<f32>(comm, algorithm, case, &Max),
        Harm::Algorithm => {
            let other = other(algorithm, case).expect("asked for where there is one");
            call::<f32>(comm, other, case, &Sum)
        }
        Harm::Operation => match algorithm.operation() {
            Operation::Scan => comm.exclusive_scan(&mut vec![0_f32; case.length], &Sum),
            _ => comm.scan(&mut vec![0_f32; case.length], &Sum),
        }
        .map(|()| true),
        Harm::Injected(_) => as_usual(case),
    }
    .map(Some)
}

/// The call, and whether its result is what it should be.
fn call<T: Value>(
    comm: &Communicator,
    algorithm: Algorithm,
    case: &Case,
    op: &dyn Reduction<T>,
) -> Result<bool> {
    let (operation, rank) = (algorithm.operation(), comm.rank());
    let input = |r| (0..case.input_length(operation, r)).map(|i| element(Fill::Small, 7, r, i)).collect();
    let inputs: Vec<Vec<T>> = (0..case.ranks).map(input).collect();
    let mut output = vec![T::any(0xDEAD); case.output_length(operation, rank)];
    Choice::Algorithm(algorithm).run(comm, case, &inputs[rank], &mut output, op)?;
    Ok(output == oracle(operation, case, rank, &inputs, op))
}
