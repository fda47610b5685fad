//! What a query doesn't see has no influence on it: not if it is NaN, not on the last bit.
//!
//! Keys and values, queries and gradients are poisoned, some at a time, and all that can't be reached from
//! them must keep its bits:
//!
//! ```text
//!       keys  0  1  2  ☠
//! queries 0   ■  ·  ·  ·  untouched       A query is touched if it sees a poisoned key, or sees any and is
//!         1   ■  ■  ·  ·  untouched       poisoned itself. Its output, log-sum-exp and gradient may be anything.
//!         2   ■  ■  ■  ·  untouched       The gradients of a key may be anything if a touched query sees it:
//!         3   ·  ·  ■  ■  touched         here of keys 2 and ☠, but not of 0 and 1.
//! ```
//!
//! A dropped pair isn't a hidden one: its share is zero, but the query saw the key.

use super::nearness::{NAMES, Run};
use super::{rejection, same_bits};
use crate::attention::oracle::Sight;
use crate::attention::{AttentionGear, Case, Inputs, Parts, Trial};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use ndarray::{Array3, Array4, Zip, s};
use parallel::Float;

/// Keys that nobody sees, every third key, the last key, a query here and there, and hidden elements of a
/// bias: NaN, infinities, and the greatest finite number, whose products overflow.
///
/// # Errors
///
/// The first element that it reached.
pub(super) fn poison<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let case = &trial.case;
    if case.pairs() > 20_000 || case.keys == 0 {
        return Ok(0);
    }
    let seen = seen(case, &trial.inputs);
    typed_poison(gear, case, &trial.inputs, &seen)?;
    typed_poison(gear, case, &trial.single, &seen)
}

fn typed_poison<G: AttentionGear, T: Float>(
    gear: &G,
    case: &Case,
    inputs: &Inputs<T>,
    seen: &Array4<bool>,
) -> Verdict {
    let clean = Run::of("poison", gear, case, inputs)?;
    let poisoning = Poisoning { gear, case, seen, clean: &clean };

    let unseen = |b, g, j| (0..case.queries).all(|i| group(case, g).all(|h| !seen[(b, h, i, j)]));
    let some = |which, n: usize| mix(case.seed, which, n).is_multiple_of(3);
    let last = |_, _, j| j + 1 == case.keys;
    // Every poison comes to every place, in some case or other.
    let poisons = [T::nan(), T::infinity(), T::neg_infinity(), T::max_value()];
    let poison = |n: usize| poisons[(case.seed % 4) as usize ^ n];
    poisoning.keys("keys that no query sees", inputs, poison(0), unseen)?;
    poisoning.keys("some keys", inputs, poison(1), |b, g, j| some(40, (b * 8 + g) * 999 + j))?;
    poisoning.keys("the last key", inputs, poison(2), last)?;
    poisoning.queries("some queries", inputs, poison(3), |b, h, i| some(42, (b * 8 + h) * 999 + i))?;
    poisoning.hidden_bias(inputs)?;
    Ok(1)
}

/// (B, H, Tq, Tk).
fn seen(case: &Case, inputs: &Inputs<f64>) -> Array4<bool> {
    let sight = Sight::of(case, inputs);
    let shape = (case.batch, case.heads, case.queries, case.keys);
    Array4::from_shape_fn(shape, |(b, h, i, j)| sight.added(b, h, i, j).is_some())
}

/// The query heads of a key-value head.
fn group(case: &Case, g: usize) -> std::ops::Range<usize> {
    let group = case.heads / case.kv_heads;
    g * group..(g + 1) * group
}

struct Poisoning<'a, G, T> {
    gear: &'a G,
    case: &'a Case,
    seen: &'a Array4<bool>,
    clean: &'a Run<T>,
}

impl<G: AttentionGear, T: Float> Poisoning<'_, G, T> {
    /// Poison in these keys and values.
    fn keys(
        &self,
        what: &str,
        inputs: &Inputs<T>,
        poison: T,
        poisoned: impl Fn(usize, usize, usize) -> bool,
    ) -> Result<(), Rejection> {
        let mut inputs = inputs.clone();
        for ((b, g, j, _), x) in inputs.key.indexed_iter_mut().chain(inputs.value.indexed_iter_mut()) {
            if poisoned(b, g, j) {
                *x = poison;
            }
        }
        let group = self.case.heads.checked_div(self.case.kv_heads).unwrap_or(1);
        let touched = self.queries_where(|b, h, i| {
            (0..self.case.keys).any(|j| self.seen[(b, h, i, j)] && poisoned(b, h / group, j))
        });
        self.run(&format!("{:e} in {what}", poison.as_f64()), &inputs, &touched)
    }

    /// Poison in these queries and in the gradients of their outputs.
    fn queries(
        &self,
        what: &str,
        inputs: &Inputs<T>,
        poison: T,
        poisoned: impl Fn(usize, usize, usize) -> bool,
    ) -> Result<(), Rejection> {
        let mut inputs = inputs.clone();
        for ((b, h, i, _), x) in inputs.query.indexed_iter_mut().chain(inputs.gradient.indexed_iter_mut()) {
            if poisoned(b, h, i) {
                *x = poison;
            }
        }
        let sees_any = |b, h, i| self.seen.slice(s![b, h, i, ..]).iter().any(|&seen| seen);
        let touched = self.queries_where(|b, h, i| poisoned(b, h, i) && sees_any(b, h, i));
        self.run(&format!("{:e} in {what}", poison.as_f64()), &inputs, &touched)
    }

    /// NaN where a bias is for pairs that other parts of the mask hide.
    fn hidden_bias(&self, inputs: &Inputs<T>) -> Result<(), Rejection> {
        let Some(bias) = &inputs.bias else { return Ok(()) };
        let without = Case { mask: Parts { bias: None, ..self.case.mask.clone() }, ..self.case.clone() };
        let seen = seen(&without, &Inputs::of(&without));
        let mut used = bias.mapv(|_| false);
        for ((b, h, i, j), &seen) in seen.indexed_iter() {
            let place = [b, h, i, j];
            let place: [usize; 4] = std::array::from_fn(|axis| place[axis].min(bias.shape()[axis] - 1));
            used[place] |= seen;
        }
        let mut inputs = inputs.clone();
        inputs.bias =
            Some(Zip::from(bias).and(&used).map_collect(|&x, &used| if used { x } else { T::nan() }));
        self.run("NaN where a bias is hidden", &inputs, &self.queries_where(|_, _, _| false))
    }

    fn queries_where(&self, touched: impl Fn(usize, usize, usize) -> bool) -> Array3<bool> {
        let shape = (self.case.batch, self.case.heads, self.case.queries);
        Array3::from_shape_fn(shape, |(b, h, i)| touched(b, h, i))
    }

    /// Runs on poisoned inputs, and compares what isn't reached from the touched queries.
    fn run(&self, what: &str, inputs: &Inputs<T>, touched: &Array3<bool>) -> Result<(), Rejection> {
        let case = self.case;
        let run = Run::of("poison", self.gear, case, inputs)?;
        let key_touched = Array3::from_shape_fn((case.batch, case.kv_heads, case.keys), |(b, g, j)| {
            group(case, g).any(|h| (0..case.queries).any(|i| touched[(b, h, i)] && self.seen[(b, h, i, j)]))
        });
        for (n, (tensor, clean)) in run.tensors().iter().zip(self.clean.tensors()).enumerate() {
            let reached = if n < 3 { touched } else { &key_touched };
            for ((place, &x), &clean) in tensor.indexed_iter().zip(&clean) {
                if !reached[(place.0, place.1, place.2)] && !same_bits(x, clean) {
                    let name = NAMES[n];
                    let detail = format!(
                        "{}: {what}, and {name} at {place:?}, which can't be reached from there, changed from \
                         {clean:?} to {x:?}",
                        T::NAME
                    );
                    return Err(rejection("poison", case, detail));
                }
            }
        }
        Ok(())
    }
}
