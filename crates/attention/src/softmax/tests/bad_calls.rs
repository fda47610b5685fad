//! What doesn't fit is an error that says both what there is and what was expected, and nothing is written.

use super::*;
use ndarray::Array2;

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
