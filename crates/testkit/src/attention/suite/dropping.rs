//! Dropout is seen directly: with all scores equal and values that are rows of the identity, the output is
//! the shares.
//!
//! ```text
//! Q = 0, V = I        O_ij = 1 / (Tk (1 - p)) if the share of (b, h, i, j) is kept, else 0
//! dO = 1              dV_je = the sum of O_ij over all i, of all heads of the group
//! ```

use super::nearness::{Bound, Run};
use super::rejection;
use crate::attention::{AttentionGear, Case, Inputs, Oracle, Trial};
use crate::suite::Verdict;
use attention::Dropout;
use ndarray::Array4;

/// The kept shares are those that the seed says, forward and backward; about as many as expected; another
/// seed keeps others; probability 0 is no dropout.
///
/// # Errors
///
/// What doesn't hold.
pub(super) fn dropping<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, .. } = trial;
    let Some(probability) = case.dropout else { return Ok(0) };

    let none = Run::of("dropout", gear, &Case { dropout: None, ..case.clone() }, inputs)?;
    let zero = Run::of("dropout", gear, &Case { dropout: Some(0.0), ..case.clone() }, inputs)?;
    let oracle = Oracle::of(&Case { dropout: None, ..case.clone() }, inputs);
    zero.agrees("dropout", case, &none, &oracle)?;

    // The same options and sizes, but as many values as keys, and nothing hidden.
    let keys = case.keys.clamp(1, 64);
    let shown = Case { keys, value_dim: keys, mask: Default::default(), ..case.clone() };
    let identity = |n: usize, e: usize| if n == e { 1.0 } else { 0.0 };
    let plain = Inputs::<f64>::of(&shown);
    let inputs = Inputs {
        query: Array4::zeros(plain.query.dim()),
        value: Array4::from_shape_fn(plain.value.dim(), |(_, _, j, e)| identity(j, e)),
        gradient: Array4::ones(plain.gradient.dim()),
        ..plain
    };
    let shares_of = |seed| Run::of("dropout", gear, &Case { seed, ..shown.clone() }, &inputs);
    let run = shares_of(shown.seed)?;
    let dropout = Dropout::new(probability, shown.seed).expect("the case's");
    let mut kept = 0;
    for ((b, h, i, j), &share) in run.attended.output.indexed_iter() {
        let keeps = dropout.row(b, h, i).keeps(j);
        kept += usize::from(keeps);
        if (share != 0.0) != keeps {
            let detail =
                format!("the share at {:?} is {share}, and the seed says kept: {keeps}", (b, h, i, j));
            return Err(rejection("dropout", case, detail));
        }
    }
    // Five standard deviations: one run in two million is farther off by chance.
    let shares = run.attended.output.len() as f64;
    let deviation = (probability * (1.0 - probability) / shares).sqrt();
    if shares > 0.0 && (kept as f64 / shares - (1.0 - probability)).abs() > 5.0 * deviation {
        return Err(rejection("dropout", case, format!("{kept} of {shares} shares are kept")));
    }
    let other = shares_of(!shown.seed)?;
    if shares >= 64.0 && probability > 0.1 && other.attended.output == run.attended.output {
        return Err(rejection("dropout", case, "another seed drops the same"));
    }
    run.is_near("dropout", &shown, &Oracle::of(&shown, &inputs), |_| Bound::ROUNDING)
}
