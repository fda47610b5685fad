//! Golden values from PyTorch (see `tests/goldens/generate.py`): outputs and gradients of attention with
//! every mask, of softmax, and of layers, in f64 and f32.
//!
//! The rule: an error of f32 against PyTorch's f64 result is at most twice that of PyTorch's own f32 result,
//! plus a few roundings of the greatest element. In f64 there is nothing to measure PyTorch's error against:
//! what is allowed is sixteen times that of its f32 result, smaller by as much as ε is.

mod attention;
mod file;
mod layers;
mod sequence_parallel;
mod softmax;

use file::Golden;
use ndarray::{ArrayD, ArrayViewD, Dimension, IxDyn};
use simd::Float;
use testkit as _; // It has attention compiled: what is linked isn't compiled again.

/// Roundings of the greatest element that are always allowed. Sums of a dozen terms may be off by some, and
/// PyTorch's own by none, by luck.
const ROUNDINGS: f64 = 8.0;

/// Compares every result of a case, by name. None may be missing, and none may be left over.
#[track_caller]
fn compare<T: Float>(golden: &Golden, what: &str, results: &[(&str, ArrayViewD<'_, T>)]) {
    // A score s is rounded by ε |s|, and that moves its share by as large a part: the greatest scores are
    // about as large as their log-sum-exp.
    let lse = golden.find::<f64, IxDyn>("lse/f64");
    let roundings = ROUNDINGS + lse.map_or(0.0, |lse| greatest(&lse));
    let mut names: Vec<_> = results.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, golden.results(), "{}: what is compared, and what there is", golden.name);
    for (name, result) in results {
        let right: ArrayD<f64> = golden.tensor(&format!("{name}/f64"));
        let single: ArrayD<f32> = golden.tensor(&format!("{name}/f32"));
        let place = format!("{}/{name}, {what}, {}", golden.name, T::NAME);
        assert_eq!(result.shape(), right.shape(), "{place}");
        let of_pytorch = single.iter().zip(&right).map(|(&x, &right)| error(x, right)).fold(0.0, f64::max);
        assert!(of_pytorch.is_finite(), "{place}: PyTorch's f32 is no yardstick");
        let epsilon = T::epsilon().as_f64();
        let times = if T::NAME == "f32" { 2.0 } else { 16.0 };
        let allowed =
            times * of_pytorch * epsilon / f64::from(f32::EPSILON) + roundings * epsilon * greatest(&right);
        for ((index, &x), &right) in result.indexed_iter().zip(&right) {
            let error = error(x, right);
            assert!(
                error <= allowed,
                "{place} at {:?}: {x} instead of {right}, off by {error:e}, of which {allowed:e} is allowed",
                index.slice()
            );
        }
    }
}

/// Of the finite elements.
fn greatest(x: &ArrayD<f64>) -> f64 {
    x.iter().filter(|x| x.is_finite()).fold(0.0, |max, x| max.max(x.abs()))
}

/// Equal infinities are right, NaN never is.
fn error<T: Float>(x: T, right: f64) -> f64 {
    let error = (x.as_f64() - right).abs();
    if x.as_f64() == right {
        0.0
    } else if error.is_nan() {
        f64::INFINITY
    } else {
        error
    }
}

/// Runs all cases of a file, each in both types.
#[track_caller]
fn run(file: &str, cases: usize, double: fn(&Golden), single: fn(&Golden)) {
    let goldens = file::read(file);
    for golden in &goldens {
        double(golden);
        single(golden);
    }
    println!("{file}: {} cases", goldens.len());
    assert_eq!(goldens.len(), cases, "cases in {file}");
}

#[test]
fn attention_is_pytorchs() {
    run("attention", 25, attention::check::<f64>, attention::check::<f32>);
}

#[test]
fn softmax_is_pytorchs() {
    run("softmax", 18, softmax::check::<f64>, softmax::check::<f32>);
}

#[test]
fn layers_are_pytorchs() {
    run("layers", 24, layers::check::<f64>, layers::check::<f32>);
}

/// Whoever can't tell right from wrong finds nothing.
#[test]
#[should_panic(expected = "one gradient wrong")]
fn a_wrong_gradient_is_found() {
    let golden = file::read("softmax")
        .into_iter()
        .find(|golden| golden.name == "softmax_cube_0")
        .expect("it is there");
    let (output, dx): (ArrayD<f64>, ArrayD<f64>) = (golden.tensor("output/f64"), golden.tensor("d_x/f64"));
    compare(&golden, "all right", &[("output", output.view()), ("d_x", dx.view())]);
    let wrong = dx * (1.0 + 1e-13);
    compare(&golden, "one gradient wrong", &[("output", output.view()), ("d_x", wrong.view())]);
}
