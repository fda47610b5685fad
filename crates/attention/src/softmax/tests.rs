use super::*;
use ndarray::{Array1, Array2, ArrayD, IxDyn, Slice, Zip, array, s};

/// Numbers between -`spread` and `spread`: no two alike, the same on every run.
fn numbers<T: Float>(shape: &[usize], spread: f64, seed: u64) -> ArrayD<T> {
    let mut random = fastrand::Rng::with_seed(seed);
    ArrayD::from_shape_simple_fn(shape, || T::of((random.f64() * 2.0 - 1.0) * spread))
}

/// The definition in f64, relative to the maximum: shares, their logarithms, and the log-sum-exp.
fn right<T: Float>(lane: ArrayView<'_, T, ndarray::Ix1>) -> (Vec<f64>, Vec<f64>, f64) {
    let x: Vec<f64> = lane.iter().map(|x| x.as_f64()).collect();
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = x.iter().map(|x| (x - max).exp()).sum();
    let shares = x.iter().map(|x| (x - max).exp() / sum).collect();
    (shares, x.iter().map(|x| x - max - sum.ln()).collect(), max + sum.ln())
}

/// How far rounding may move a share, relative to it. To subtract the maximum moves x by half a unit of the
/// difference, and exp turns that into as much of its result. The rest is 1 unit for exp, a few for the
/// division, and what the sum of n terms gathers: errors of either sign, √n of them, and not n.
fn bound<T: Float>(relative_to_max: f64, length: usize) -> f64 {
    T::epsilon().as_f64() * (4.0 + relative_to_max.abs() + (length as f64).sqrt())
}

/// What is smaller than this may be lost.
fn tiny<T: Float>() -> f64 {
    T::min_positive_value().as_f64()
}

fn check_shares<T: Float>(what: &str, x: ArrayView<'_, T, IxDyn>, axis: Axis, y: ArrayView<'_, T, IxDyn>) {
    Zip::from(x.lanes(axis)).and(y.lanes(axis)).for_each(|x, y| {
        let (shares, logarithms, _) = right(x);
        let max = shares.iter().copied().fold(0.0, f64::max).ln();
        for ((i, y), (share, logarithm)) in y.iter().enumerate().zip(shares.iter().zip(logarithms)) {
            let allowed = share * bound::<T>(logarithm - max, x.len()) + tiny::<T>();
            assert!(
                (y.as_f64() - share).abs() <= allowed,
                "{what}, {} of {}, {i}: {y} and not {share}",
                T::NAME,
                x.len()
            );
        }
    });
}

fn check_logarithms<T: Float>(
    what: &str,
    x: ArrayView<'_, T, IxDyn>,
    axis: Axis,
    z: ArrayView<'_, T, IxDyn>,
) {
    Zip::from(x.lanes(axis)).and(z.lanes(axis)).for_each(|x, z| {
        for (i, (z, right)) in z.iter().zip(right(x).1).enumerate() {
            let allowed = bound::<T>(right, x.len());
            assert!(
                (z.as_f64() - right).abs() <= allowed,
                "{what}, {} of {}, {i}: {z} and not {right}",
                T::NAME,
                x.len()
            );
        }
    });
}

/// All forms, into an output and in place.
fn check_all<T: Float>(what: &str, x: ArrayView<'_, T, IxDyn>, axis: Axis, threads: Threads) {
    let mut y = ArrayD::from_elem(x.raw_dim(), T::nan());
    softmax_into(x.view(), axis, y.view_mut(), threads).expect("it fits");
    check_shares(what, x.view(), axis, y.view());

    let mut in_place = x.to_owned();
    softmax_in_place(in_place.view_mut(), axis, threads).expect("it fits");
    check_shares(what, x.view(), axis, in_place.view());

    let z = log_softmax(x.view(), axis, threads).expect("it fits");
    check_logarithms(what, x.view(), axis, z.view());
}

fn check_log_sum_exp<T: Float>(what: &str, x: ArrayView<'_, T, IxDyn>, axis: Axis) {
    let lse = log_sum_exp(x.view(), axis).expect("it fits");
    assert_eq!(lse.raw_dim(), x.sum_axis(axis).raw_dim());
    for (lane, got) in x.lanes(axis).into_iter().zip(lse) {
        let right = right(lane).2;
        let allowed = bound::<T>(right, lane.len());
        assert!((got.as_f64() - right).abs() <= allowed, "{what}, {}: {got} and not {right}", T::NAME);
    }
}

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

/// Rows that differ by thousands: each piece of a long row has another maximum, and most shares are 0.
#[test]
fn numbers_whose_exponentials_overflow() {
    for length in [1, 5, 16, 40, 600, 10_000, (1 << 17) + 5] {
        for (spread, seed) in [(200.0, 1), (1e4, 2), (1e30, 3)] {
            let mut x = numbers::<f32>(&[length], spread, seed);
            x[length / 2] = spread as f32; // the greatest isn't in the first piece
            check_all("large", x.view(), Axis(0), Threads::ONE);
            check_all("large", x.view().insert_axis(Axis(1)), Axis(0), Threads::ONE);
            // Above 0 and below, and all of them far below.
            for x in [x.view(), x.mapv(|x| x - 2.0 * spread as f32).view()] {
                for algorithm in &Algorithm::ALL[1..] {
                    let mut y = ArrayD::from_elem(x.raw_dim(), f32::NAN);
                    algorithm.softmax_into(x.view(), Axis(0), y.view_mut(), Threads::ONE).expect("it fits");
                    check_shares(algorithm.name(), x.view(), Axis(0), y.view());
                }
            }
        }
    }
    let x = array![f32::MAX, f32::MIN, f32::MAX];
    assert_eq!(softmax(x.view(), Axis(0), Threads::ONE), Ok(array![0.5, 0.0, 0.5]));
}

/// The specimen: see `definition.rs`.
#[test]
fn the_definition_overflows_and_underflows() {
    let definition = |x: Array1<f32>| {
        let mut y = x.clone();
        Algorithm::Definition.softmax_into(x.view(), Axis(0), y.view_mut(), Threads::ONE).expect("it fits");
        y
    };
    assert_eq!(definition(array![88.0, 88.0]), array![0.5, 0.5]);
    assert!(definition(array![88.8, 0.0])[0].is_nan());
    assert!(definition(array![-104.0, -104.0])[0].is_nan());
    for x in [array![88.8, 88.8], array![-104.0, -104.0]] {
        assert_eq!(softmax(x.view(), Axis(0), Threads::ONE), Ok(array![0.5_f32, 0.5]));
    }
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

/// The table of the module, for lanes of every kind: in rows short and long, in columns, and copied.
#[test]
fn infinities_and_nan() {
    const INF: f32 = f32::INFINITY;
    for length in [1, 3, 16, 20, 600, 5000, (1 << 17) + 5] {
        for neighbours in [1, 2, 9] {
            if length * neighbours > 1 << 18 {
                continue; // the same again
            }
            for place in [0, length / 2, length - 1] {
                let lane = |background: f32, at: f32| {
                    let mut x = Array2::from_elem((neighbours, length), background);
                    // One lane is as all others usually are.
                    x.slice_mut(s![..neighbours.min(8), place]).fill(at);
                    x
                };
                let cases = [
                    (lane(-INF, -INF), Some(0.0), -INF),
                    (lane(-INF, 2.0), None, 2.0),
                    (lane(1.0, INF), Some(f32::NAN), INF),
                    (lane(-INF, INF), Some(f32::NAN), INF),
                    (lane(1.0, f32::NAN), Some(f32::NAN), f32::NAN),
                    (lane(-INF, f32::NAN), Some(f32::NAN), f32::NAN),
                    (lane(INF, f32::NAN), Some(f32::NAN), f32::NAN),
                ];
                for (x, shares, lse) in cases {
                    for turned in [false, true] {
                        let x = if turned { x.t().as_standard_layout().to_owned() } else { x.clone() };
                        let axis = Axis(usize::from(!turned));
                        infinite(&x, axis, shares, lse, place);
                    }
                }
            }
        }
    }

    /// In the first lane all shares are `shares`, or where it is `None` one has everything.
    fn infinite(x: &Array2<f32>, axis: Axis, shares: Option<f32>, lse: f32, place: usize) {
        let lanes = 1 - axis.index();
        let same = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
        let expected = |i: usize| shares.unwrap_or(if i == place { 1.0 } else { 0.0 });
        let first = |y: &Array2<f32>| y.index_axis(Axis(lanes), 0).to_owned();
        for algorithm in &Algorithm::ALL[1..] {
            let mut y = Array2::from_elem(x.raw_dim(), 7.0);
            algorithm.softmax_into(x.view(), axis, y.view_mut(), Threads::new(2)).expect("it fits");
            for (i, y) in first(&y).into_iter().enumerate() {
                assert!(same(y, expected(i)), "{algorithm:?}, {:?} along {axis:?}: {y} at {i}", x.dim());
            }
        }
        let mut in_place = x.clone();
        softmax_in_place(in_place.view_mut(), axis, Threads::ONE).expect("it fits");
        assert!(first(&in_place).into_iter().enumerate().all(|(i, y)| same(y, expected(i))));
        let z = log_softmax(x.view(), axis, Threads::new(2)).expect("it fits");
        assert!(
            first(&z).into_iter().enumerate().all(|(i, z)| same(z, expected(i).ln())),
            "{:?}",
            first(&z)[0]
        );
        let got = log_sum_exp(x.view(), axis).expect("it fits")[0];
        assert!(same(got, lse), "{:?} along {axis:?}: {got} and not {lse}", x.dim());
    }
}

#[test]
fn nothing_and_one() {
    let shapes: [&[usize]; 6] = [&[0], &[0, 3], &[3, 0], &[2, 0, 3], &[0, 2, 3], &[2, 3, 0]];
    for shape in shapes {
        let x = ArrayD::<f32>::zeros(shape);
        for axis in 0..shape.len() {
            let axis = Axis(axis);
            for algorithm in Algorithm::ALL {
                algorithm
                    .softmax_into(x.view(), axis, x.clone().view_mut(), Threads::new(2))
                    .expect("nothing to do");
            }
            assert_eq!(softmax(x.view(), axis, Threads::ONE), Ok(x.clone()));
            assert_eq!(log_softmax(x.view(), axis, Threads::ONE), Ok(x.clone()));
            let lse = log_sum_exp(x.view(), axis).expect("nothing to do");
            assert_eq!(lse, ArrayD::from_elem(x.sum_axis(axis).raw_dim(), f32::NEG_INFINITY));
            assert_eq!(backward(x.view(), x.view(), axis), Ok(x.clone()));
            assert_eq!(log_softmax_backward(x.view(), x.view(), axis), Ok(x.clone()));
        }
    }
    let x = array![[5.0], [-1e9]];
    assert_eq!(softmax(x.view(), Axis(1), Threads::ONE), Ok(array![[1.0], [1.0]]));
    assert_eq!(log_softmax(x.view(), Axis(1), Threads::ONE), Ok(array![[0.0], [0.0]]));
    assert_eq!(log_sum_exp(x.view(), Axis(1)), Ok(array![5.0, -1e9]));
}

#[test]
fn bad_calls_are_errors_that_say_both() {
    let x = Array2::<f32>::zeros((2, 3));
    let none = Error::Index { what: "axis", index: 2, count: 2 };
    assert_eq!(softmax(x.view(), Axis(2), Threads::ONE), Err(none.clone()));
    assert_eq!(softmax_in_place(x.clone().view_mut(), Axis(2), Threads::ONE), Err(none.clone()));
    assert_eq!(log_softmax(x.view(), Axis(2), Threads::ONE), Err(none.clone()));
    assert_eq!(log_sum_exp(x.view(), Axis(2)), Err(none.clone()));
    assert_eq!(backward(x.view(), x.view(), Axis(2)), Err(none.clone()));
    assert_eq!(log_softmax_backward(x.view(), x.view(), Axis(2)), Err(none));
    let number = ndarray::arr0(1.0_f32);
    let none = Error::Index { what: "axis", index: 0, count: 0 };
    assert_eq!(softmax(number.view(), Axis(0), Threads::ONE), Err(none));

    let mut out = Array2::from_elem((3, 2), 7.0);
    let refused = softmax_into(x.view(), Axis(1), out.view_mut(), Threads::ONE).expect_err("it is turned");
    assert_eq!(
        refused.to_string(),
        "the output is (3, 2), and (2, 3) was expected: the output has the shape of the input"
    );
    assert!(log_softmax_into(x.view(), Axis(1), out.view_mut(), Threads::ONE).is_err());
    assert!(backward(x.view(), out.view(), Axis(1)).is_err());
    assert!(log_softmax_backward(x.view(), out.view(), Axis(1)).is_err());
    assert_eq!(out, Array2::from_elem((3, 2), 7.0));
}

/// Along each axis: against central differences, and the identity <J u, g> = <u, Jᵀ g>.
#[test]
fn gradients() {
    type Forward = fn(ArrayView<'_, f64, IxDyn>, Axis, Threads) -> Result<ArrayD<f64>>;
    type Backward = fn(ArrayView<'_, f64, IxDyn>, ArrayView<'_, f64, IxDyn>, Axis) -> Result<ArrayD<f64>>;
    let pairs: [(Forward, Backward); 2] = [(softmax, backward), (log_softmax, log_softmax_backward)];
    for (forward, backward) in pairs {
        let x = numbers::<f64>(&[3, 4, 5], 2.0, 1);
        let gradient = numbers::<f64>(&[3, 4, 5], 1.0, 2);
        for axis in (0..3).map(Axis) {
            let forward = |x: &ArrayD<f64>| forward(x.view(), axis, Threads::ONE).expect("it fits");
            let dx = backward(forward(&x).view(), gradient.view(), axis).expect("it fits");
            for sum in dx.sum_axis(axis) {
                assert!(sum.abs() < 1e-14, "a constant changes nothing, and this gradient is {sum}");
            }
            let loss = |x: &ArrayD<f64>| (forward(x) * &gradient).sum();
            let step = 1e-5;
            for (index, &dx) in dx.indexed_iter() {
                let (mut more, mut less) = (x.clone(), x.clone());
                more[&index] += step;
                less[&index] -= step;
                let difference = (loss(&more) - loss(&less)) / (2.0 * step);
                assert!((dx - difference).abs() < 1e-9, "{index:?}: {dx} and not {difference}");
            }
            let direction = numbers::<f64>(&[3, 4, 5], 1.0, 3);
            let moved = (forward(&(&x + &(step * &direction))) - forward(&(&x - &(step * &direction))))
                / (2.0 * step);
            let (left, right) = ((moved * &gradient).sum(), (dx * direction).sum());
            assert!((left - right).abs() < 1e-9, "{left} {right}");
        }
    }
}

/// The gradient of a row that sees nothing is zero, and of shares of zero too.
#[test]
fn gradients_where_nothing_is_seen() {
    let y = array![[0.0, 0.0], [1.0, 0.0]];
    let dx = backward(y.view(), array![[3.0, 4.0], [5.0, 6.0]].view(), Axis(1));
    assert_eq!(dx, Ok(array![[0.0, 0.0], [0.0, 0.0]]));
}
