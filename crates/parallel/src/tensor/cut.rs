//! Cutting linear layers in parts, and putting parts together again.
//!
//! ```text
//! by outputs (column parallel)     W (outputs, inputs)  ═══ 0 ═══     a rank has rows of W, and their biases
//!                                                       ═══ 1 ═══
//! by inputs (row parallel)                              ║     ║       a rank has columns of W; the bias belongs to
//!                                                       0     1       no part
//! ```
//!
//! Megatron's names are those of x W, where outputs are columns of W; PyTorch's layers, and these, compute x
//! Wᵀ.

use super::Ranks;
use crate::{Float, Result};
use collectives::{AllGather, Layout};
use layers::{Linear, Parameter, ParameterMut};
use ndarray::{Array, Array1, ArrayView, ArrayViewMutD, Axis, Dimension, RemoveAxis, Slice, s};
use std::ops::Range;

/// The part of a layer that computes some of the outputs.
pub(super) fn outputs<T: Float>(layer: &Linear<T>, range: Range<usize>) -> Linear<T> {
    let part = layer.view().outputs(range);
    Linear { weight: part.weight.to_owned(), bias: part.bias.map(|bias| bias.to_owned()) }
}

/// The part of a layer that uses some of the inputs: without the bias, which is to be added once.
pub(super) fn inputs<T: Float>(layer: &Linear<T>, range: Range<usize>) -> Linear<T> {
    Linear { weight: layer.weight.slice(s![.., range]).to_owned(), bias: None }
}

/// The parameters of the outputs from `first` on.
pub(super) fn outputs_mut<T: Float>(
    layer: &mut Linear<T>,
    first: usize,
) -> impl Iterator<Item = ArrayViewMutD<'_, T>> {
    let from = Slice::from(first..);
    let weight = layer.weight.slice_axis_mut(Axis(0), from).into_dyn();
    let bias = layer.bias.as_mut().map(|bias| bias.slice_axis_mut(Axis(0), from).into_dyn());
    std::iter::once(weight).chain(bias)
}

/// What `length` things are cut in for the ranks.
pub(super) fn even(length: usize, ranks: usize) -> Vec<Range<usize>> {
    let layout = Layout::even(length, ranks);
    (0..ranks).map(|rank| layout.block(rank)).collect()
}

/// The layer whose outputs the ranks have, each those of its range. Ranges that several ranks have must be
/// equal there.
#[track_caller]
pub(super) fn join_outputs<T: Float>(
    ranks: &Ranks<'_>,
    part: &Linear<T>,
    ranges: &[Range<usize>],
) -> Result<Linear<T>> {
    let weight = join(ranks, part.weight.view(), Axis(0), ranges)?;
    let bias = match &part.bias {
        Some(bias) => Some(join(ranks, bias.view(), Axis(0), ranges)?),
        None => None,
    };
    Ok(Linear { weight, bias })
}

/// The layer whose inputs the ranks have, each those of its range, and all the bias.
#[track_caller]
pub(super) fn join_inputs<T: Float>(
    ranks: &Ranks<'_>,
    part: &Linear<T>,
    bias: &Option<Array1<T>>,
    ranges: &[Range<usize>],
) -> Result<Linear<T>> {
    Ok(Linear { weight: join(ranks, part.weight.view(), Axis(1), ranges)?, bias: bias.clone() })
}

/// The array of which each rank has a range along an axis.
#[track_caller]
pub(super) fn join<T: Float, D: Dimension + RemoveAxis>(
    ranks: &Ranks<'_>,
    part: ArrayView<'_, T, D>,
    axis: Axis,
    ranges: &[Range<usize>],
) -> Result<Array<T, D>> {
    let mut shape = part.raw_dim();
    shape[axis.index()] = 1;
    let others = shape.size();
    let counts: Vec<usize> = ranges.iter().map(|range| range.len() * others).collect();
    let parts = Layout::of_counts(counts.iter().copied());
    let mut all = vec![T::zero(); parts.total()];
    let part = part.as_standard_layout();
    let part = part.as_slice().expect("in row-major order");
    ranks.comm().all_gather_v_with(AllGather::Ring, part, &counts, &mut all)?;

    shape[axis.index()] = ranges.iter().map(|range| range.end).max().unwrap_or(0);
    let mut whole = Array::zeros(shape.clone());
    for (rank, range) in ranges.iter().enumerate() {
        shape[axis.index()] = range.len();
        let part =
            ArrayView::from_shape(shape.clone(), &all[parts.block(rank)]).expect("its shape's elements");
        whole.slice_axis_mut(axis, Slice::from(range.clone())).assign(&part);
    }
    Ok(whole)
}

/// The name of one of a layer's parts before those of its parameters.
pub(super) fn within<'a, T>(
    prefix: &'static str,
    parameters: Vec<Parameter<'a, T>>,
) -> impl Iterator<Item = Parameter<'a, T>> {
    parameters.into_iter().map(move |p| Parameter { name: format!("{prefix}{}", p.name), ..p })
}

/// The name of one of a layer's parts before those of its parameters.
pub(super) fn within_mut<'a, T>(
    prefix: &'static str,
    parameters: Vec<ParameterMut<'a, T>>,
) -> impl Iterator<Item = ParameterMut<'a, T>> {
    parameters.into_iter().map(move |p| ParameterMut { name: format!("{prefix}{}", p.name), ..p })
}

/// A bias that stands for itself, by name.
pub(super) fn bias_parameter<'a, T>(name: &str, bias: &'a Option<Array1<T>>) -> Option<Parameter<'a, T>> {
    let values = bias.as_ref()?.view().into_dyn();
    Some(Parameter { name: name.to_owned(), values })
}

/// A bias that stands for itself, by name.
pub(super) fn bias_parameter_mut<'a, T>(
    name: &str,
    bias: &'a mut Option<Array1<T>>,
) -> Option<ParameterMut<'a, T>> {
    let values = bias.as_mut()?.view_mut().into_dyn();
    Some(ParameterMut { name: name.to_owned(), values })
}
