//! What the ranks make of a block, and whether that is what one rank makes of it.

use crate::case::{Case, Inputs, OnOne};
use collectives::{Communicator, Counts, World};
use layers::Parameters;
use ndarray::{Array3, ArrayBase, Axis, Data, Dimension, Slice};
use parallel::Float;
use parallel::tensor::{Block, Ranks};

/// What one of several ranks makes of a block.
pub(crate) struct Outcome<T> {
    pub(crate) y: Array3<T>,
    pub(crate) dx: Array3<T>,
    pub(crate) gradient: Block<T>,
    /// What it sent forward, and backward.
    pub(crate) sent: [Counts; 2],
    /// Bytes kept between.
    pub(crate) saved: usize,
}

/// All ranks' outcomes. In every other world sends wait for their receivers.
pub(crate) fn run<T: Float>(case: &Case, inputs: &Inputs<T>) -> Vec<Outcome<T>> {
    let world = World::new(case.ranks).counting(true).strict(case.seed.is_multiple_of(2));
    let outcomes = world.run(|comm| Ok(on_one(case, inputs, comm)?));
    outcomes.unwrap_or_else(|error| panic!("{case:?}: {error}"))
}

/// One rank's outcome: all ranks of the communicator call this.
pub(crate) fn on_one<T: Float>(
    case: &Case,
    inputs: &Inputs<T>,
    comm: &Communicator,
) -> parallel::Result<Outcome<T>> {
    let (edges, call) = (case.edges(), inputs.call());
    let sent = || comm.traffic().unwrap_or_default().total; // of a world that doesn't count, nothing
    let ranks = Ranks::for_heads(comm, case.sizes.heads, case.sizes.kv_heads)?;
    let block = Block::from_full(&inputs.block, comm.size(), comm.rank())?;
    comm.reset_traffic();
    let (y, saved) = block.forward(&ranks, edges, own(case, &inputs.x, comm.rank()), &call)?;
    let (forward, bytes) = (sent(), saved.bytes());
    comm.reset_traffic();
    let dy = own(case, &inputs.dy, comm.rank());
    let (dx, gradient) = block.backward(&ranks, edges, saved, dy, &call)?;
    Ok(Outcome { y, dx, gradient, sent: [forward, sent()], saved: bytes })
}

/// A rank's tokens of x (B, T, dim).
pub(crate) fn own<T: Clone>(case: &Case, x: &Array3<T>, rank: usize) -> Array3<T> {
    x.slice_axis(Axis(1), Slice::from(case.own(rank))).to_owned()
}

/// That every rank has its part of what one rank makes: output, the input's gradient, and the gradient of
/// every parameter that it has.
pub(crate) fn equal<T: Float>(
    case: &Case,
    outcomes: &[Outcome<T>],
    expected: &OnOne<T>,
    tolerance: f64,
) -> Result<(), String> {
    for (rank, outcome) in outcomes.iter().enumerate() {
        let near = |what: &str, verdict: Result<(), String>| {
            verdict.map_err(|error| format!("{what} of rank {rank} {error}\n{case:?}"))
        };
        near("y", is_near(&outcome.y, &own(case, &expected.y, rank), tolerance))?;
        near("dx", is_near(&outcome.dx, &own(case, &expected.dx, rank), tolerance))?;
        let gradient = Block::from_full(&expected.gradient, case.ranks, rank).expect("it could be cut");
        let (ours, theirs) = (outcome.gradient.parameters(), gradient.parameters());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours.name, theirs.name);
            near(
                &format!("the gradient of {}", ours.name),
                is_near(&ours.values, &theirs.values, tolerance),
            )?;
        }
    }
    Ok(())
}

/// That no element is further off than the tolerance, relative to the greatest that is expected (or to 1).
pub(crate) fn is_near<T, S, R, D>(
    got: &ArrayBase<S, D>,
    right: &ArrayBase<R, D>,
    tolerance: f64,
) -> Result<(), String>
where
    T: Float,
    S: Data<Elem = T>,
    R: Data<Elem = T>,
    D: Dimension,
{
    if got.shape() != right.shape() {
        return Err(format!("is {:?}, and {:?} was expected", got.shape(), right.shape()));
    }
    let greatest = right.iter().fold(1.0_f64, |max, x| max.max(x.as_f64().abs()));
    for ((place, got), right) in got.indexed_iter().zip(right) {
        let error = (got.as_f64() - right.as_f64()).abs();
        // As a match, since of a NaN neither `<=` nor `>` is true.
        match error <= tolerance * greatest {
            true => {}
            false => return Err(format!("at {place:?} is {got}, and {right} was expected")),
        }
    }
    Ok(())
}
