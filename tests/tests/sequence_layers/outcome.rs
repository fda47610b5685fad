//! What the ranks make of a layer, and whether that is what one rank makes of it.

use crate::case::{Case, Inputs};
use collectives::{Communicator, Counts, World};
use layers::{Algorithm, Block, MultiHeadAttention, Parameters};
use ndarray::{Array3, ArrayBase, Axis, Data, Dimension};
use parallel::{Float, SequenceParallelAttention, block, gradients, multi_head};

/// What one of several ranks makes of a layer.
pub(crate) struct Outcome<T, L> {
    pub(crate) y: Array3<T>,
    pub(crate) dx: Array3<T>,
    /// Summed over the ranks.
    pub(crate) gradient: L,
    /// What it sent forward, backward, and to sum the gradients.
    pub(crate) sent: [Counts; 3],
    /// Bytes kept between.
    pub(crate) saved: usize,
}

/// What one rank makes of it.
pub(crate) struct OnOne<T, L> {
    pub(crate) y: Array3<T>,
    pub(crate) dx: Array3<T>,
    pub(crate) gradient: L,
}

/// All ranks' outcomes of a case's block.
pub(crate) fn run_block<T: Float>(case: &Case, inputs: &Inputs<T>) -> Vec<Outcome<T, Block<T>>> {
    let call = inputs.call();
    run(case, |comm, attention, sent| {
        let block = &inputs.block;
        let x = own(case, &inputs.x, comm.rank());
        let (y, saved) = block::forward(block, attention, case.tokens, x, &call)?;
        let forward = sent();
        let dy = own(case, &inputs.dy, comm.rank());
        let (dx, mut gradient) = block::backward(block, attention, &saved, dy.view(), &call)?;
        let backward = sent();
        gradients::sum(comm, &mut gradient)?;
        Ok(Outcome { y, dx, gradient, sent: [forward, backward, sent()], saved: saved.bytes() })
    })
}

/// All ranks' outcomes of its attention alone.
pub(crate) fn run_attention<T: Float>(
    case: &Case,
    inputs: &Inputs<T>,
) -> Vec<Outcome<T, MultiHeadAttention<T>>> {
    let call = inputs.call();
    run(case, |comm, attention, sent| {
        let layer = &inputs.block.attention;
        let x = own(case, &inputs.x, comm.rank());
        let (y, saved) = multi_head::forward(layer, attention, case.tokens, x, &call)?;
        let forward = sent();
        let dy = own(case, &inputs.dy, comm.rank());
        let (dx, mut gradient) = multi_head::backward(layer, attention, &saved, dy.view(), &call)?;
        let backward = sent();
        gradients::sum(comm, &mut gradient)?;
        Ok(Outcome { y, dx, gradient, sent: [forward, backward, sent()], saved: saved.bytes() })
    })
}

/// A case's world. A rank is given what it sent since it last asked.
pub(crate) fn run<R: Send>(
    case: &Case,
    rank: impl Fn(&Communicator, &SequenceParallelAttention, &dyn Fn() -> Counts) -> parallel::Result<R> + Sync,
) -> Vec<R> {
    let outcomes = World::new(case.ranks).counting(true).run(|comm| {
        let attention = SequenceParallelAttention::new(comm, case.strategy)?.exchange(case.exchange);
        let sent = || {
            let sent = comm.traffic().expect("it counts").total;
            comm.reset_traffic();
            sent
        };
        sent();
        Ok(rank(comm, &attention, &sent)?)
    });
    outcomes.unwrap_or_else(|error| panic!("{case:?}: {error}"))
}

/// A block on one rank, with the plain attention.
pub(crate) fn block_on_one<T: Float>(inputs: &Inputs<T>) -> OnOne<T, Block<T>> {
    let mut block = inputs.block.clone();
    block.attention.algorithm = Algorithm::Naive;
    let (y, saved) = block.forward(inputs.x.clone(), &inputs.call()).expect("it fits");
    let (dx, gradient) = block.backward(&saved, inputs.dy.view(), &inputs.call()).expect("it fits");
    OnOne { y, dx, gradient }
}

/// Its attention alone.
pub(crate) fn attention_on_one<T: Float>(inputs: &Inputs<T>) -> OnOne<T, MultiHeadAttention<T>> {
    let layer = MultiHeadAttention { algorithm: Algorithm::Naive, ..inputs.block.attention.clone() };
    let (y, saved) = layer.forward(inputs.x.clone(), &inputs.call()).expect("it fits");
    let (dx, gradient) = layer.backward(&saved, inputs.dy.view(), &inputs.call()).expect("it fits");
    OnOne { y, dx, gradient }
}

/// A rank's tokens of x (B, T, dim).
pub(crate) fn own<T: Clone>(case: &Case, x: &Array3<T>, rank: usize) -> Array3<T> {
    x.select(Axis(1), &case.own(rank))
}

/// That every rank has its part of what one rank makes: its tokens of the output and of the input's gradient;
/// and the gradient of every parameter.
pub(crate) fn equal<T: Float, L: Parameters<T>>(
    case: &Case,
    outcomes: &[Outcome<T, L>],
    expected: &OnOne<T, L>,
    tolerance: f64,
) -> Result<(), String> {
    assert_eq!(outcomes.len(), case.ranks);
    for (rank, outcome) in outcomes.iter().enumerate() {
        let near = |what: &str, verdict: Result<(), String>| {
            verdict.map_err(|error| format!("{what} of rank {rank} {error}\n{case:?}"))
        };
        near("y", is_near(&outcome.y, &own(case, &expected.y, rank), tolerance))?;
        near("dx", is_near(&outcome.dx, &own(case, &expected.dx, rank), tolerance))?;
        let (ours, theirs) = (outcome.gradient.parameters(), expected.gradient.parameters());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours.name, theirs.name);
            let what = format!("the gradient of {}", ours.name);
            near(&what, is_near(&ours.values, &theirs.values, tolerance))?;
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
