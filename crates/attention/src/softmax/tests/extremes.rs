//! Where exponentials overflow, infinities and NaN, and nothing at all.

use super::*;
use ndarray::{Array1, Array2, array, s};

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
