//! Backward passes.

use super::*;
use ndarray::array;

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
