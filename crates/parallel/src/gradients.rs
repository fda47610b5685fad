//! The gradient of what every rank has: the sum of the ranks' parts.
//!
//! ```text
//!                 rank 0          rank 1          rank 2
//! parts         [ W │ b │ … ]   [ W │ b │ … ]   [ W │ b │ … ]       one layer's parameters, end to end
//!                     └────────────── Σ ──────────────┘             one all-reduce
//! the gradient  [ W │ b │ … ]   [ W │ b │ … ]   [ W │ b │ … ]       the same bits on every rank
//! ```
//!
//! Where ranks share out the tokens of *one* sequence, the gradient of a weight, a sum over tokens, is the
//! sum of what the ranks found: added, never averaged. To average is what ranks with sequences of their own
//! do, each of which has a mean loss of its own. If the loss is a mean over tokens, each rank divides by how
//! many there are in the whole, not by how many it has.
//!
//! Every rank then takes the same step. All ranks get the same bits, so their weights stay the same bits;
//! nothing has to be sent to keep them together.
//!
//! Cost: for a layer of X parameters each rank sends 2(P-1)/P X elements, in 2(P-1) messages. It doesn't grow
//! with the tokens, whereas what attention sends does.

use crate::packing::front;
use crate::{Float, Result};
use collectives::{AllReduce, Communicator, Cost, Sum};
use layers::Parameters;
use ndarray::ArrayViewMutD;

/// The algorithm of all sums here. It is always the same one, so that what is sent is known beforehand.
pub(crate) const ALL_REDUCE: AllReduce = AllReduce::Ring;

/// Adds up the ranks' parts of a layer's gradient, in one all-reduce over all of its parameters. All ranks
/// call this.
///
/// ```
/// use collectives::World;
/// use layers::Linear;
/// use ndarray::array;
/// use parallel::gradients;
///
/// let sums = World::new(3).run(|comm| {
///     let mut part = Linear { weight: array![[1.0, 10.0]], bias: Some(array![comm.rank() as f64]) };
///     gradients::sum(comm, &mut part)?;
///     Ok(part)
/// })?;
/// assert!(sums.iter().all(|sum| *sum == Linear { weight: array![[3.0, 30.0]], bias: Some(array![3.0]) }));
/// # Ok::<(), collectives::RunError>(())
/// ```
///
/// # Errors
///
/// If the world has failed, which it has if the ranks' layers aren't of the same size.
#[track_caller]
pub fn sum<T: Float>(comm: &Communicator, gradient: &mut impl Parameters<T>) -> Result<()> {
    let arrays = gradient.parameters_mut().into_iter().map(|parameter| parameter.values).collect();
    sum_arrays(comm, arrays)
}

/// Adds up the ranks' arrays, all in one all-reduce.
#[track_caller]
pub(crate) fn sum_arrays<T: Float>(comm: &Communicator, arrays: Vec<ArrayViewMutD<'_, T>>) -> Result<()> {
    let count = arrays.iter().map(|array| array.len()).sum();
    if comm.size() == 1 || count == 0 {
        return Ok(());
    }
    let mut all = Vec::with_capacity(count);
    for array in &arrays {
        match array.as_slice() {
            Some(array) => all.extend_from_slice(array),
            None => all.extend(array),
        }
    }
    comm.all_reduce_with(ALL_REDUCE, &mut all, &Sum)?;
    let mut sums = all.as_slice();
    for mut array in arrays {
        let own = front(&mut sums, array.len());
        match array.as_slice_mut() {
            Some(array) => array.copy_from_slice(own),
            None => array.iter_mut().zip(own).for_each(|(x, &sum)| *x = sum),
        }
    }
    Ok(())
}

/// What a rank sends to [add up](sum) the gradient of a layer of so many parameters.
///
/// # Panics
///
/// If there is no such rank.
pub fn cost(parameters: usize, ranks: usize, rank: usize) -> Cost {
    match parameters {
        0 => Cost::default(),
        _ => ALL_REDUCE.cost(ranks, rank, parameters),
    }
}
