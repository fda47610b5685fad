//! What changes nothing: a constant added to all scores, and the order of keys and of heads.

use super::nearness::Run;
use crate::attention::{AttentionGear, Inputs, Trial};
use crate::suite::Verdict;
use crate::values::mix;
use attention::algorithm::{Attended, Gradients};
use ndarray::{Array4, Axis};

/// A constant in the bias: everything is as before, but the log-sum-exp is greater by it.
///
/// # Errors
///
/// The first element that isn't.
pub(super) fn shift<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    const SHIFT: f64 = 3.0;
    let plain = Run::of("shift", gear, case, inputs)?;
    let bias = inputs.bias.clone().unwrap_or_else(|| Array4::zeros((1, 1, 1, 1)));
    let shifted = Inputs { bias: Some(bias + SHIFT), ..inputs.clone() };
    let mut run = Run::of("shift", gear, case, &shifted)?;
    run.attended.lse -= SHIFT;
    run.agrees("shift", case, &plain, oracle)
}

/// Keys in another order, with their values and their columns of the mask. The mask may not ask where a key
/// stands, nor dropout.
///
/// # Errors
///
/// The first element that isn't the same.
pub(super) fn key_order<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    if case.mask.is_positional() || case.dropout.is_some() {
        return Ok(0);
    }
    let plain = Run::of("key order", gear, case, inputs)?;
    let order = shuffled(case.seed, case.keys);
    let of_keys = |x: &Array4<f64>, axis| select(x, axis, &order);
    let moved = Inputs {
        key: of_keys(&inputs.key, 2),
        value: of_keys(&inputs.value, 2),
        allowed: inputs.allowed.as_ref().map(|allowed| select(allowed, 3, &order)),
        bias: inputs.bias.as_ref().map(|bias| select(bias, 3, &order)),
        ..inputs.clone()
    };
    let Run { attended, gradients } = Run::of("key order", gear, case, &moved)?;
    let back = inverse(&order);
    let gradients = Gradients {
        key: select(&gradients.key, 2, &back),
        value: select(&gradients.value, 2, &back),
        ..gradients
    };
    Run { attended, gradients }.agrees("key order", case, &plain, oracle)
}

/// Key-value heads in another order, and the query heads of each in another.
///
/// # Errors
///
/// The first element that isn't the same.
pub(super) fn head_order<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    if case.dropout.is_some() || case.heads < 2 {
        return Ok(0);
    }
    let plain = Run::of("head order", gear, case, inputs)?;
    let group = case.heads / case.kv_heads;
    let kv_order = shuffled(case.seed, case.kv_heads);
    let within = shuffled(!case.seed, group);
    let order: Vec<usize> = kv_order.iter().flat_map(|g| within.iter().map(move |h| g * group + h)).collect();
    let moved = Inputs {
        query: select(&inputs.query, 1, &order),
        key: select(&inputs.key, 1, &kv_order),
        value: select(&inputs.value, 1, &kv_order),
        gradient: select(&inputs.gradient, 1, &order),
        slopes: inputs.slopes.as_ref().map(|slopes| order.iter().map(|&h| slopes[h]).collect()),
        allowed: inputs.allowed.as_ref().map(|allowed| select(allowed, 1, &order)),
        bias: inputs.bias.as_ref().map(|bias| select(bias, 1, &order)),
    };
    let Run { attended, gradients } = Run::of("head order", gear, case, &moved)?;
    let (back, kv_back) = (inverse(&order), inverse(&kv_order));
    let run = Run {
        attended: Attended {
            output: select(&attended.output, 1, &back),
            lse: attended.lse.select(Axis(1), &back),
        },
        gradients: Gradients {
            query: select(&gradients.query, 1, &back),
            key: select(&gradients.key, 1, &kv_back),
            value: select(&gradients.value, 1, &kv_back),
        },
    };
    run.agrees("head order", case, &plain, oracle)
}

/// In this order along an axis; an axis of 1, which stands for all, is left as it is.
fn select<T: Clone>(x: &Array4<T>, axis: usize, order: &[usize]) -> Array4<T> {
    match x.len_of(Axis(axis)) == order.len() {
        true => x.select(Axis(axis), order),
        false => x.clone(),
    }
}

/// 0, ..., `count`-1 in an order that the seed says: other than the natural one, if there is another.
fn shuffled(seed: u64, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&n| mix(seed, 30, n));
    if order.is_sorted() {
        order.reverse();
    }
    order
}

/// `inverse(order)[order[n]]` is n.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (n, &place) in order.iter().enumerate() {
        inverse[place] = n;
    }
    inverse
}
