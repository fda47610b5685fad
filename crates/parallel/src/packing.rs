//! To and from messages: the elements of a tensor, end to end.
//!
//! A message is one run of elements; tensors have strides. Whatever lies together is copied at once: all of
//! it, or the two last axes, or each row. (Element by element, an iterator over four axes takes longer than
//! the message.)

use crate::Float;
use ndarray::{ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4};

/// Appends the elements in row-major order.
pub(crate) fn append<T: Float>(to: &mut Vec<T>, tensor: ArrayView4<'_, T>) {
    if let Some(all) = tensor.as_slice() {
        return to.extend_from_slice(all);
    }
    tensor.outer_iter().for_each(|entry| entry.outer_iter().for_each(|part| append_matrix(to, part)));
}

/// Appends the elements in row-major order.
pub(crate) fn append_matrix<T: Float>(to: &mut Vec<T>, matrix: ArrayView2<'_, T>) {
    if let Some(all) = matrix.as_slice() {
        return to.extend_from_slice(all);
    }
    for row in matrix.outer_iter() {
        match row.as_slice() {
            Some(row) => to.extend_from_slice(row),
            None => to.extend(row),
        }
    }
}

/// Takes as many elements from the front as the tensor has, and writes them to it in row-major order.
pub(crate) fn take<T: Float>(from: &mut &[T], mut tensor: ArrayViewMut4<'_, T>) {
    for mut entry in tensor.outer_iter_mut() {
        entry.outer_iter_mut().for_each(|part| take_matrix(from, part));
    }
}

/// Takes as many elements from the front as the matrix has, and writes them to it in row-major order.
pub(crate) fn take_matrix<T: Float>(from: &mut &[T], mut matrix: ArrayViewMut2<'_, T>) {
    if let Some(all) = matrix.as_slice_mut() {
        return all.copy_from_slice(front(from, all.len()));
    }
    for mut row in matrix.outer_iter_mut() {
        let own = front(from, row.len());
        match row.as_slice_mut() {
            Some(row) => row.copy_from_slice(own),
            None => row.iter_mut().zip(own).for_each(|(x, &own)| *x = own),
        }
    }
}

/// Copies a tensor to where it belongs: what lies together at once.
pub(crate) fn copy<T: Float>(from: ArrayView4<'_, T>, mut to: ArrayViewMut4<'_, T>) {
    for (mut to, from) in to.outer_iter_mut().zip(from.outer_iter()) {
        for (mut to, from) in to.outer_iter_mut().zip(from.outer_iter()) {
            for (mut to, from) in to.outer_iter_mut().zip(from.outer_iter()) {
                match (to.as_slice_mut(), from.as_slice()) {
                    (Some(to), Some(from)) => to.copy_from_slice(from),
                    _ => to.assign(&from),
                }
            }
        }
    }
}

/// Takes so many elements from the front.
pub(crate) fn front<'a, T>(from: &mut &'a [T], count: usize) -> &'a [T] {
    let (front, rest) = from.split_at(count);
    *from = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array4, s};

    /// Row by row, in every order of axes and with gaps.
    #[test]
    fn there_and_back() {
        let all =
            Array4::from_shape_fn((2, 3, 4, 5), |(a, b, c, d)| (1000 * a + 100 * b + 10 * c + d) as f64);
        for axes in [[0, 1, 2, 3], [0, 2, 1, 3], [3, 2, 1, 0], [1, 0, 3, 2]] {
            for view in [
                all.view().permuted_axes(axes),
                all.slice(s![.., 1.., ..;2, ..]).permuted_axes(axes),
                all.slice(s![.., ..2, .., 1..4]).permuted_axes(axes),
                all.slice(s![.., ..0, .., ..]).permuted_axes(axes),
            ] {
                let mut packed = vec![-1.0];
                append(&mut packed, view);
                assert!(packed[1..].iter().eq(view.iter()), "{axes:?}, strides {:?}", view.strides());

                // Back to an array that lies like it.
                let mut back = Array4::zeros((2, 3, 4, 5));
                let mut whole = back.view_mut().permuted_axes(axes);
                let shape = view.dim();
                let part = whole.slice_mut(s![..shape.0, ..shape.1, ..shape.2, ..shape.3]);
                let mut rest = &packed[1..];
                take(&mut rest, part);
                assert!(rest.is_empty());
                let part = whole.slice(s![..shape.0, ..shape.1, ..shape.2, ..shape.3]);
                assert_eq!(part, view);
                for order in [[0, 1, 2, 3], [3, 1, 0, 2]] {
                    let mut again = Array4::zeros((5, 5, 5, 5));
                    let mut part = again.view_mut().permuted_axes(order);
                    let mut part = part.slice_mut(s![..shape.0, ..shape.1, ..shape.2, ..shape.3]);
                    copy(view, part.view_mut());
                    assert_eq!(part, view);
                }
            }
        }
    }
}
