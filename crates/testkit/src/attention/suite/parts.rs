//! Keys in two parts: attention over each, merged by log-sum-exp, is attention over all of them. So is the
//! backward pass over each part with the output and the log-sum-exp of the whole. On that ring attention
//! stands, and the split of keys among threads.
//!
//! ```text
//! lse = ln(exp lse₁ + exp lse₂)          O = exp(lse₁ - lse) O₁ + exp(lse₂ - lse) O₂
//! ```

use super::nearness::{Bound, Run};
use super::rejection;
use crate::attention::{AttentionGear, Case, Inputs, Trial};
use crate::suite::Verdict;
use attention::algorithm::Gradients;
use attention::partial::merge_attended;
use ndarray::{Array4, ArrayView4, Axis, Slice, concatenate};
use std::ops::Range;

/// Cut at the front, in the middle, at the end, and with nothing on one side.
///
/// Documents and dropout number the keys from the front, so that a part would be another attention: no case
/// for this.
///
/// # Errors
///
/// The first element that isn't that of the whole.
pub(super) fn parts<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    if case.mask.documents.is_some() || case.dropout.is_some() {
        return Ok(0);
    }
    let refused = |error: attention::Error| rejection("parts", case, format!("it refuses: {error}"));
    let mut cuts = vec![0, 1, case.keys / 2, case.keys];
    cuts.retain(|&cut| cut <= case.keys);
    for cut in cuts {
        let parts = [of_keys(case, inputs, 0..cut), of_keys(case, inputs, cut..case.keys)];
        let forward = |(case, part): &(Case, Inputs<f64>)| {
            gear.forward(part.query.view(), part.key.view(), part.value.view(), &part.options(case))
        };
        let mut attended = forward(&parts[0]).map_err(refused)?;
        let second = forward(&parts[1]).map_err(refused)?;
        let (output, lse) = (attended.output.view_mut(), attended.lse.view_mut());
        merge_attended(output, lse, second.output.view(), second.lse.view()).map_err(refused)?;
        let backward = |(case, part): &(Case, Inputs<f64>)| {
            let upstream = attended.upstream(part.gradient.view());
            let (q, k, v) = (part.query.view(), part.key.view(), part.value.view());
            gear.backward(q, k, v, upstream, &part.options(case))
        };
        let [first, second] = [backward(&parts[0]).map_err(refused)?, backward(&parts[1]).map_err(refused)?];
        let along_keys = |a: &Array4<f64>, b: &Array4<f64>| {
            concatenate(Axis(2), &[a.view(), b.view()]).expect("they differ in keys alone")
        };
        let gradients = Gradients {
            query: &first.query + &second.query,
            key: along_keys(&first.key, &second.key),
            value: along_keys(&first.value, &second.value),
        };
        Run { attended, gradients }.is_near("parts", case, oracle, |_| Bound::ROUNDING).map_err(
            |mut no| {
                no.detail = format!("keys in two parts, {cut} in the first: {}", no.detail);
                no
            },
        )?;
    }
    Ok(1)
}

/// The same attention to these keys alone.
fn of_keys(case: &Case, inputs: &Inputs<f64>, keys: Range<usize>) -> (Case, Inputs<f64>) {
    let mut part = Case { keys: keys.len(), ..case.clone() };
    part.mask.offset -= keys.start as isize; // key 0 of the part is key `start` of the whole
    let inputs = Inputs {
        key: cut(inputs.key.view(), 2, &keys),
        value: cut(inputs.value.view(), 2, &keys),
        allowed: inputs.allowed.as_ref().map(|allowed| cut(allowed.view(), 3, &keys)),
        bias: inputs.bias.as_ref().map(|bias| cut(bias.view(), 3, &keys)),
        ..inputs.clone()
    };
    (part, inputs)
}

fn cut<T: Clone>(x: ArrayView4<'_, T>, axis: usize, range: &Range<usize>) -> Array4<T> {
    x.slice_axis(Axis(axis), Slice::from(range.clone())).to_owned()
}
