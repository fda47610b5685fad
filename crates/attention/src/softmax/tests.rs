//! Softmax against its definition in f64, and how far from it rounding may lead.
//!
//! | module | idea |
//! |---|---|
//! | `agreement` | any length, axis, strides and number of threads |
//! | `extremes` | where exponentials overflow, infinities, NaN, and nothing at all |
//! | `gradients` | backward passes against differences |
//! | `bad_calls` | what doesn't fit is an error |

mod agreement;
mod bad_calls;
mod extremes;
mod gradients;

use super::*;
use ndarray::{ArrayD, IxDyn, Zip};

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
