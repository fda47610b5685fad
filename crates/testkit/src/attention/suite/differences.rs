//! Gradients are limits of differences.
//!
//! With f the sum of dO times the output, and h small:
//!
//! ```text
//! df/dx = (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h        off by h⁴ times the fifth derivative
//! ```
//!
//! Nothing is assumed of the formulas of the backward pass: only the forward pass is called.

use super::nearness::{Run, error};
use super::rejection;
use crate::attention::sensitive::Sensitive;
use crate::attention::{AttentionGear, Case, Fill, Inputs, Trial};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use ndarray::Array4;

/// The step. Rounding costs about ε/h = 2e-12 of the sum, the rest of the series h⁴ = 1e-16 times derivatives
/// that may be some hundred thousand.
const STEP: f64 = 1e-4;

/// How far the differences may be off, in parts of the gradient's sensitivity, or of 1 if that is more. A wrong
/// gradient is off by about all of it.
const TOLERANCE: f64 = 1e-8;

/// Every element of the gradients, on small cases in f64.
///
/// # Errors
///
/// The first element that is something else.
pub(super) fn gradients<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    let elements = case.batch * case.kv_heads * case.keys * (case.head_dim + case.value_dim)
        + case.batch * case.heads * case.queries * case.head_dim;
    if elements > 100 || !is_smooth(case) {
        return Ok(0);
    }
    let run = Run::of("gradients", gear, case, inputs)?;
    let gradients = [&run.gradients.query, &run.gradients.key, &run.gradients.value];
    let sensitivities = [&oracle.query, &oracle.key, &oracle.value];
    for n in 0..3 {
        for (place, &gradient) in gradients[n].indexed_iter() {
            let moved = |step: f64| {
                let mut moved = inputs.clone();
                tensors(&mut moved)[n][place] += step;
                moved
            };
            let limit = difference(gear, case, moved)?;
            let most = TOLERANCE * sensitivities[n][place].sensitivity.max(1.0);
            if error(gradient, limit) > most {
                let which = ["queries", "keys", "values"][n];
                let detail =
                    format!("the {which}' gradient at {place:?} is {gradient:e}, differences say {limit:e}");
                return Err(rejection("gradients", case, detail));
            }
        }
    }
    Ok(1)
}

/// The gradients' product with a random direction is the derivative in that direction: all elements at once,
/// also on large cases.
///
/// # Errors
///
/// If it is something else.
pub(super) fn adjoint<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    if !is_smooth(case) {
        return Ok(0);
    }
    let mut direction = inputs.clone();
    for (n, x) in tensors(&mut direction).into_iter().enumerate() {
        let mut index = 0;
        x.mapv_inplace(|_| {
            index += 1;
            if mix(case.seed, 20 + n, index).is_multiple_of(2) { 0.25 } else { -0.25 }
        });
    }
    let moved = |step: f64| {
        let mut moved = inputs.clone();
        for (x, d) in tensors(&mut moved).into_iter().zip(tensors(&mut direction.clone())) {
            x.scaled_add(step, d);
        }
        moved
    };
    let limit = difference(gear, case, moved)?;
    let run = Run::of("adjoint", gear, case, inputs)?.gradients;
    let product = (&run.query * &direction.query).sum()
        + (&run.key * &direction.key).sum()
        + (&run.value * &direction.value).sum();
    let size = |x: &Array4<Sensitive>| x.iter().map(|x| x.sensitivity).sum::<f64>();
    let most = TOLERANCE * (size(&oracle.query) + size(&oracle.key) + size(&oracle.value)).max(1.0) * 0.25;
    match error(product, limit) <= most {
        true => Ok(1),
        false => Err(rejection(
            "adjoint",
            case,
            format!("the derivative in a direction is {limit:e}, and the gradients say {product:e}"),
        )),
    }
}

/// Scores of thousands make steps of the softmax that no h is small enough for.
fn is_smooth(case: &Case) -> bool {
    case.fill != Fill::Large && case.pairs() <= 40_000
}

fn tensors(inputs: &mut Inputs<f64>) -> [&mut Array4<f64>; 3] {
    [&mut inputs.query, &mut inputs.key, &mut inputs.value]
}

/// The derivative of the sum of dO times the output, where `moved` goes h from the inputs.
fn difference<G: AttentionGear>(
    gear: &G,
    case: &Case,
    moved: impl Fn(f64) -> Inputs<f64>,
) -> Result<f64, Rejection> {
    let f = |step: f64| {
        let inputs = moved(step);
        let (q, k, v) = (inputs.query.view(), inputs.key.view(), inputs.value.view());
        let attended = gear
            .forward(q, k, v, &inputs.options(case))
            .map_err(|error| rejection("gradients", case, format!("it refuses: {error}")))?;
        Ok((&attended.output * &inputs.gradient).sum())
    };
    let h = STEP;
    Ok((8.0 * (f(h)? - f(-h)?) - (f(2.0 * h)? - f(-2.0 * h)?)) / (12.0 * h))
}
