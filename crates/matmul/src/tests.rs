//! Products against three loops.

use crate::{Error, Threads, Write, product, product_into, tile};
use ndarray::{Array2, ArrayView2, array, s};
use simd::Float;
use std::panic::catch_unwind;

/// Whole numbers, each different from its neighbours: their products sum without rounding.
fn matrix<T: Float>(rows: usize, columns: usize, seed: usize) -> Array2<T> {
    Array2::from_shape_fn((rows, columns), |(i, j)| T::of(((i * 31 + j * 17 + seed * 7) % 23) as f64 - 11.0))
}

/// The definition.
fn expected<T: Float>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        (0..a.ncols()).map(|k| a[(i, k)] * b[(k, j)]).sum()
    })
}

/// Replace and add, with one thread and with three.
fn check<T: Float>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) {
    let right = expected(a, b);
    for threads in [Threads::ONE, Threads::new(3)] {
        assert_eq!(product(a, b, threads), Ok(right.clone()), "{:?} {:?}", a.dim(), b.dim());
        let before = matrix(a.nrows(), b.ncols(), 5);
        let mut out = before.clone();
        product_into(out.view_mut(), a, b, Write::Add, threads).expect("it fits");
        assert_eq!(out, &before + &right, "{:?} {:?}", a.dim(), b.dim());
    }
}

fn all_sizes<T: Float>() {
    const SIZES: [usize; 8] = [0, 1, 2, 3, 7, 16, 17, 33];
    for (m, n, k) in
        SIZES.iter().flat_map(|&m| SIZES.map(|n| (m, n))).flat_map(|(m, n)| SIZES.map(|k| (m, n, k)))
    {
        let (a, b) = (matrix::<T>(m, k, 1), matrix::<T>(k, n, 2));
        check(a.view(), b.view());
        check(matrix::<T>(k, m, 1).t(), b.view());
        check(a.view(), matrix::<T>(n, k, 2).t());
    }
    // Enough work for more than one thread.
    check(matrix::<T>(150, 300, 1).view(), matrix::<T>(300, 170, 2).view());
}

#[test]
fn products_are_the_definitions() {
    all_sizes::<f32>();
    all_sizes::<f64>();
}

#[test]
fn any_strides_will_do() {
    let (a, b) = (matrix::<f32>(20, 24, 1), matrix::<f32>(40, 30, 2));
    let (every_other, backwards) = (a.slice(s![..;2, ..;3]), b.slice(s![..8;-1, ..;2]));
    check(every_other, backwards);
    // Into every other column, leaving the others alone.
    let mut out = matrix::<f32>(10, 30, 3);
    let before = out.clone();
    tile(out.slice_mut(s![.., ..;2]), every_other, backwards, Write::Replace);
    assert_eq!(out.slice(s![.., ..;2]), expected(every_other, backwards));
    assert_eq!(out.slice(s![.., 1..;2]), before.slice(s![.., 1..;2]));
    // One row for all.
    let repeated = b.slice(s![..1, ..8]);
    check(repeated.broadcast((5, 8)).expect("a row"), b.slice(s![..8, ..]));
}

#[test]
fn what_was_in_the_output_is_not_read() {
    let mut out = Array2::from_elem((3, 3), f32::NAN);
    tile(out.view_mut(), Array2::ones((3, 2)).view(), Array2::ones((2, 3)).view(), Write::Replace);
    assert_eq!(out, Array2::from_elem((3, 3), 2.0));
    let mut out = Array2::from_elem((3, 3), f32::NAN);
    tile(out.view_mut(), Array2::ones((3, 0)).view(), Array2::ones((0, 3)).view(), Write::Replace);
    assert_eq!(out, Array2::zeros((3, 3)));
}

#[test]
fn sizes_that_do_not_fit_are_errors_with_both() {
    let (a, b) = (Array2::<f32>::ones((2, 3)), Array2::<f32>::ones((4, 5)));
    let error = product(a.view(), b.view(), Threads::ONE).expect_err("3 columns and 4 rows");
    assert_eq!(
        error.to_string(),
        "a product of 2 x 3 and 4 x 5 doesn't exist: the left has 3 columns, the right 4 rows"
    );
    let mut out = array![[7.0_f32]];
    let error = product_into(out.view_mut(), a.view(), b.slice(s![..3, ..]), Write::Add, Threads::ONE);
    assert_eq!(error, Err(Error { a: (2, 3), b: (3, 5), out: (1, 1) }));
    assert_eq!(
        error.expect_err("it is one").to_string(),
        "a product of 2 x 3 and 3 x 5 is 2 x 5, and the output is 1 x 1"
    );
    assert_eq!(out, array![[7.0]]);
}

#[test]
fn every_task_is_done_once_by_any_number_of_threads() {
    for threads in 0..5 {
        for tasks in [0, 1, 2, 7, 100] {
            let mut done = vec![0; tasks];
            Threads::new(threads).for_each(done.iter_mut(), |done| *done += 1);
            assert_eq!(done, vec![1; tasks]);
        }
    }
}

#[test]
fn a_task_that_panics_ends_the_call_with_its_panic() {
    for threads in [1, 2] {
        let panicked = catch_unwind(|| {
            Threads::new(threads).for_each(0..10, |index| assert_ne!(index, 3, "task three"));
        });
        let message = panicked.expect_err("it panicked");
        let message = message.downcast_ref::<String>().expect("a message");
        assert!(message.contains("task three"), "{message}");
    }
}
