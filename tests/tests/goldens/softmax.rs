//! Softmax, log-softmax and log-sum-exp, along every axis.

use crate::compare;
use crate::file::Golden;
use attention::Threads;
use attention::softmax::{self, Algorithm};
use ndarray::{Array, ArrayD, Axis};
use simd::Float;

pub(crate) fn check<T: Float>(golden: &Golden) {
    let axis = Axis(golden.count("axis"));
    let (x, gradient): (ArrayD<T>, ArrayD<T>) = (golden.tensor("x"), golden.tensor("gradient"));
    let (x, gradient) = (x.view(), gradient.view());
    let threads = Threads::new(2);
    let shares = softmax::softmax(x.view(), axis, threads).expect("an axis");
    match golden.kind() {
        "softmax" => {
            let dx = softmax::backward(shares.view(), gradient, axis).expect("shapes that fit");
            for &algorithm in Algorithm::ALL {
                // The definition overflows in the cases that are made for that: see the tests of softmax
                // itself.
                if algorithm != Algorithm::Definition {
                    let mut output = Array::zeros(x.raw_dim());
                    algorithm.softmax_into(x.view(), axis, output.view_mut(), threads).expect("an axis");
                    compare(golden, algorithm.name(), &[("output", output.view()), ("d_x", dx.view())]);
                }
            }
        }
        "log_softmax" => {
            let output = softmax::log_softmax(x, axis, threads).expect("an axis");
            let dx = softmax::log_softmax_backward(output.view(), gradient, axis);
            let dx = dx.expect("shapes that fit");
            compare(golden, "log-softmax", &[("output", output.view()), ("d_x", dx.view())]);
        }
        "log_sum_exp" => {
            let output = softmax::log_sum_exp(x, axis).expect("an axis");
            // Its derivative is the softmax.
            let dx = shares * gradient.insert_axis(axis);
            compare(golden, "log-sum-exp", &[("output", output.view()), ("d_x", dx.view())]);
        }
        kind => panic!("{}: nobody checks {kind}", golden.name),
    }
}
