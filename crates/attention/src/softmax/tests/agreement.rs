//! Any length, axis, strides and number of threads.

use super::*;
use ndarray::Slice;

/// Around all lengths at which a loop changes, and numbers of rows that fill a group and don't.
#[test]
fn every_rung_agrees_with_f64() {
    fn all<T: Float>() {
        for length in (1..=50).chain([63, 64, 65, 100, 511, 512, 513, 1000]) {
            for rows in [1, 2, 8, 17] {
                let x = numbers::<T>(&[rows, length], 10.0, (rows * length) as u64);
                for algorithm in Algorithm::ALL {
                    let mut y = ArrayD::from_elem(x.raw_dim(), T::nan());
                    algorithm
                        .softmax_into(x.view(), Axis(1), y.view_mut(), Threads::new(2))
                        .expect("it fits");
                    check_shares(algorithm.name(), x.view(), Axis(1), y.view());
                }
                check_all("rows", x.view(), Axis(1), Threads::ONE);
                check_log_sum_exp("rows", x.view(), Axis(1));
            }
        }
    }
    all::<f32>();
    all::<f64>();
}

#[test]
fn long_rows() {
    fn all<T: Float>() {
        for (rows, length) in [(2, 4095), (2, 4097), (1, 10_000), (1, 1 << 17), (1, (1 << 17) + 5)] {
            let x = numbers::<T>(&[rows, length], 10.0, length as u64);
            check_all("long rows", x.view(), Axis(1), Threads::ONE);
            check_log_sum_exp("long rows", x.view(), Axis(1));
        }
    }
    all::<f32>();
    all::<f64>();
}

/// Every axis of one to four, in standard layout and turned round, backwards, with gaps, into outputs that
/// lie differently.
#[test]
fn any_axis_and_any_strides() {
    fn all<T: Float>() {
        let shapes: [&[usize]; 9] = [
            &[37],
            &[20, 9],
            &[9, 40],
            &[3, 70],
            &[5, 17, 20],
            &[4, 3, 2],
            &[2, 300, 2],
            &[1, 33, 1],
            &[2, 3, 18, 5],
        ];
        for (seed, shape) in shapes.into_iter().enumerate() {
            let x = numbers::<T>(shape, 8.0, seed as u64);
            let gaps = numbers::<T>(&shape.iter().map(|n| 2 * n).collect::<Vec<_>>(), 8.0, 1);
            let gaps = gaps.slice_each_axis(|_| Slice::from(..).step_by(2));
            let backwards = x.slice_each_axis(|_| Slice::from(..).step_by(-1));
            for axis in 0..shape.len() {
                for x in [x.view(), gaps.view(), backwards.view()] {
                    check_all("strides", x.view(), Axis(axis), Threads::ONE);
                    check_log_sum_exp("strides", x.view(), Axis(axis));
                    // The same numbers, with the axes in the opposite order.
                    let turned = Axis(shape.len() - 1 - axis);
                    check_all("turned", x.t(), turned, Threads::ONE);
                    check_log_sum_exp("turned", x.t(), turned);
                    let mut y = ArrayD::from_elem(x.t().raw_dim(), T::nan());
                    softmax_into(x.view(), Axis(axis), y.view_mut().reversed_axes(), Threads::ONE)
                        .expect("it fits");
                    check_shares("into turned", x.t(), turned, y.view());
                }
            }
        }
    }
    all::<f32>();
    all::<f64>();
}

/// Wide enough for several strips and blocks, long enough for several pieces.
#[test]
fn columns() {
    fn all<T: Float>() {
        for (length, neighbours) in
            [(1, 5000), (3, 4097), (5, 4200), (70, 257), (1100, 5), (1025, 16), (300, 70), (15, 33)]
        {
            let x = numbers::<T>(&[length, neighbours], 8.0, length as u64);
            check_all("columns", x.view(), Axis(0), Threads::ONE);
            check_log_sum_exp("columns", x.view(), Axis(0));
            // Rows shorter than a vector are columns too.
            check_all("short rows", x.t(), Axis(1), Threads::ONE);
        }
    }
    all::<f32>();
    all::<f64>();
}

/// Enough numbers for several threads: many lanes, few long ones, and those that must be copied first.
#[test]
fn on_several_threads() {
    let shapes: [(&[usize], usize); 7] = [
        (&[300, 500], 1),
        (&[300, 500], 0),
        (&[1, 150_001], 1),
        (&[150_001], 0),
        (&[140_001, 2], 0),
        (&[2, 140_001], 1),
        (&[3, 2, 30_000], 2),
    ];
    for (shape, axis) in shapes {
        let x = numbers::<f32>(shape, 8.0, 1);
        for threads in [2, 3, 7] {
            check_all("threads", x.view(), Axis(axis), Threads::new(threads));
        }
        let once = softmax(x.view(), Axis(axis), Threads::new(3));
        assert_eq!(once, softmax(x.view(), Axis(axis), Threads::new(3)), "the same bits every time");
    }
}

/// An overlapping last chunk must not be taken twice when the row is its own input.
#[test]
fn in_place_gives_the_same_bits() {
    for (shape, axis) in [([9, 37], 1), ([9, 7], 1), ([30, 50], 0), ([3, 5000], 1), ([1, (1 << 17) + 9], 1)] {
        let x = numbers::<f32>(&shape, 8.0, 5);
        let mut y = x.clone();
        softmax_in_place(y.view_mut(), Axis(axis), Threads::ONE).expect("it fits");
        assert_eq!(Ok(y), softmax(x.view(), Axis(axis), Threads::ONE));
    }
}

#[test]
fn shares_sum_to_one_and_a_constant_changes_nothing() {
    for length in [1, 2, 10, 16, 37, 512, 5000] {
        // Eighths, so that to add 1000 rounds nothing.
        let x = numbers::<f32>(&[4, length], 50.0, 7).mapv(|x| (x * 8.0).round() / 8.0);
        for axis in [0, 1] {
            let y = softmax(x.view(), Axis(axis), Threads::ONE).expect("it fits");
            for sum in y.mapv(f64::from).sum_axis(Axis(axis)) {
                assert!((sum - 1.0).abs() < bound::<f32>(0.0, length), "{length}: {sum}");
            }
            let moved = x.mapv(|x| x + 1000.0);
            assert_eq!(softmax(moved.view(), Axis(axis), Threads::ONE), Ok(y));
            let moved = log_softmax(moved.view(), Axis(axis), Threads::ONE);
            assert_eq!(moved, log_softmax(x.view(), Axis(axis), Threads::ONE));
        }
    }
}
