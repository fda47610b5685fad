//! Softmax in vectors, on one thread: any axis, any strides.
//!
//! An array is a pile of matrices of (axis, neighbours), the neighbours being the other axis with the
//! smallest stride.
//!
//! ```text
//!  lanes lie together            beside each other             neither, and few: 1, 2 or 3
//!  ┌──────────────────┐          ┌──┬──┬──┬──┬──┐
//!  │ ───────────────► │          │  │  │  │  │  │              copied, one by one
//!  │ ───────────────► │          ▼  ▼  ▼  ▼  ▼  ▼
//!  └──────────────────┘
//!     `rows.rs`                     `columns.rs`                  `rows.rs`
//! ```
//!
//! Lanes that lie together but are shorter than a vector are taken like those beside each other.

use super::columns::Columns;
use super::lanes::LANES;
use super::{Form, rows};
use crate::Float;
use ndarray::{
    Array, ArrayBase, ArrayView, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut, ArrayViewMut1,
    ArrayViewMut2, ArrayViewMutD, Axis, Dimension, Ix2, IxDyn, RawData, RemoveAxis,
};
use std::cmp::Reverse;

/// Up to so many lanes are copied one by one: of the lanes of a vector too many would be empty.
const FEW: usize = 3;

/// Writes the softmax along an axis that there is. Without an input, the output is its own.
pub(super) fn run<T: Float, D: Dimension>(
    form: Form,
    input: Option<ArrayView<'_, T, D>>,
    axis: Axis,
    mut out: ArrayViewMut<'_, T, D>,
) {
    if out.is_empty() {
        return;
    }
    // The common case without a detour: rows of an array in standard layout.
    let length = out.len_of(axis);
    if axis.index() + 1 == out.ndim()
        && length >= LANES
        && let Some((input, out)) = slices(&input, &mut out)
    {
        return rows::run(form, input, out, length);
    }
    let order = order(out.view(), axis);
    let input = input.map(|input| arranged(input.into_dyn(), &order));
    let out = arranged(out.into_dyn(), &order);
    let (mut columns, mut copy) = (Columns::new(), Vec::new());
    for_each_matrix(input, out, &mut |input, mut out| {
        let together = input.as_ref().is_none_or(|input| together(input.view())) && together(out.view());
        match together || out.ncols() <= FEW {
            true => {
                for (index, out) in out.axis_iter_mut(Axis(1)).enumerate() {
                    lane(form, input.as_ref().map(|input| input.column(index)), out, &mut copy);
                }
            }
            false => columns.run(form, input, out),
        }
    });
}

/// The log-sum-exp of each lane along an axis that there is.
pub(super) fn log_sum_exp<T: Float, D: RemoveAxis>(
    input: ArrayView<'_, T, D>,
    axis: Axis,
) -> Array<T, D::Smaller> {
    let mut out = Array::from_elem(input.raw_dim().remove_axis(axis), T::neg_infinity());
    if input.is_empty() {
        return out; // of no numbers
    }
    let order = order(input.view(), axis);
    let input = arranged(input.into_dyn(), &order);
    let into = arranged(out.view_mut().into_dyn().insert_axis(axis), &order);
    let (mut columns, mut copy) = (Columns::new(), Vec::new());
    for_each_matrix(Some(input), into, &mut |input, mut out| {
        let input = input.expect("an input was given"); // (axis, neighbours)
        let out = &mut out.index_axis_mut(Axis(0), 0); // (neighbours)
        match together(input.view()) || input.ncols() <= FEW {
            true => {
                for (lane, out) in input.axis_iter(Axis(1)).zip(out) {
                    *out = rows::measure(together_or_copied(&lane, &mut copy)).log_sum_exp();
                }
            }
            false => columns.measure(input, |lane, partial| out[lane] = partial.log_sum_exp()),
        }
    });
    out
}

/// One lane.
fn lane<T: Float>(
    form: Form,
    input: Option<ArrayView1<'_, T>>,
    mut out: ArrayViewMut1<'_, T>,
    copy: &mut Vec<T>,
) {
    let length = out.len();
    if let Some((input, out)) = slices(&input, &mut out) {
        return rows::run(form, input, out, length);
    }
    copy.clear();
    copy.extend(input.unwrap_or(out.view()));
    rows::run(form, None, copy, length);
    out.assign(&ArrayView1::from(&copy[..]));
}

/// Input and output, if both lie together in standard layout.
pub(super) fn slices<'a, T, D: Dimension>(
    input: &'a Option<ArrayView<'_, T, D>>,
    out: &'a mut ArrayViewMut<'_, T, D>,
) -> Option<(Option<&'a [T]>, &'a mut [T])> {
    match input {
        None => out.as_slice_mut().map(|out| (None, out)),
        Some(input) => input.as_slice().zip(out.as_slice_mut()).map(|(input, out)| (Some(input), out)),
    }
}

/// The order of axes in which the last two are `axis` and that of its neighbours: the one with the smallest
/// stride.
fn order<T, D: Dimension>(array: ArrayView<'_, T, D>, axis: Axis) -> Vec<usize> {
    let mut order: Vec<usize> = (0..array.ndim()).filter(|&other| other != axis.index()).collect();
    order.sort_by_key(|&other| {
        // An axis of 1 has no neighbours, whatever its stride.
        let alone = array.len_of(Axis(other)) == 1;
        Reverse((alone, array.stride_of(Axis(other)).unsigned_abs()))
    });
    order.insert(order.len().saturating_sub(1), axis.index());
    order
}

/// (.., axis, neighbours).
fn arranged<S: RawData>(array: ArrayBase<S, IxDyn>, order: &[usize]) -> ArrayBase<S, IxDyn> {
    match array.ndim() {
        1 => array.insert_axis(Axis(1)),
        _ => array.permuted_axes(order),
    }
}

/// Calls with each matrix of the last two axes.
fn for_each_matrix<T>(
    input: Option<ArrayViewD<'_, T>>,
    mut out: ArrayViewMutD<'_, T>,
    each: &mut impl FnMut(Option<ArrayView2<'_, T>>, ArrayViewMut2<'_, T>),
) {
    if out.ndim() == 2 {
        let input = input.map(|input| input.into_dimensionality::<Ix2>().expect("two axes"));
        return each(input, out.into_dimensionality::<Ix2>().expect("two axes"));
    }
    for (index, out) in out.outer_iter_mut().enumerate() {
        for_each_matrix(input.as_ref().map(|input| input.index_axis(Axis(0), index)), out, each);
    }
}

/// Whether the lanes of (axis, neighbours) lie together, and are long enough for the loops over rows.
fn together<T>(matrix: ArrayView2<'_, T>) -> bool {
    matrix.strides()[0] == 1 && matrix.nrows() >= LANES
}

fn together_or_copied<'a, T: Float>(lane: &'a ArrayView1<'_, T>, copy: &'a mut Vec<T>) -> &'a [T] {
    match lane.as_slice() {
        Some(lane) => lane,
        None => {
            copy.clear();
            copy.extend(lane);
            copy
        }
    }
}
