//! What every attention owes. Each check takes any [`AttentionGear`] and one case, and answers whether the
//! case was one for it, or why the attention was rejected.
//!
//! | check | what must hold |
//! |---|---|
//! | `values` | f64: output, log-sum-exp and gradients are the oracle's |
//! | `precision` | f32: as near to the oracle as the plain form, by flash-attention's own rule |
//! | `gradients` | they are the limits of differences, element by element |
//! | `adjoint` | ⟨dO, J dX⟩ = ⟨Jᵀ dO, dX⟩ for a random direction dX |
//! | `shift` | a constant added to all scores changes the log-sum-exp alone |
//! | `key order` | keys in another order, with their values |
//! | `head order` | heads in another order |
//! | `parts` | keys in two parts, merged by their log-sum-exp, forward and backward |
//! | `poison` | what isn't seen has no influence, be it NaN |
//! | `strides` | views of any strides |
//! | `bits` | the same again, and with other numbers of threads |
//! | `dropout` | the choice that the seed says, nothing dropped at probability 0 |

mod bits;
mod differences;
mod dropping;
mod invariances;
mod nearness;
mod parts;
mod poison;

pub use nearness::{Bound, Run};

use super::{AttentionGear, Case, Trial};
use crate::suite::{Rejection, Verdict};
use attention::Algorithm;
use parallel::Float;

/// A check of the suite.
pub struct Check<G> {
    /// Its name, as in [`Rejection::check`].
    pub name: &'static str,
    run: fn(&G, &Trial) -> Verdict,
}

impl<G: AttentionGear> Check<G> {
    /// Tries one case: 1 if it was one for this check, and for this attention, and passed.
    ///
    /// # Errors
    ///
    /// Why the attention is rejected.
    pub fn run(&self, gear: &G, trial: &Trial) -> Verdict {
        if gear.supports(&trial.case) { (self.run)(gear, trial) } else { Ok(0) }
    }
}

/// The whole suite.
pub fn checks<G: AttentionGear>() -> Vec<Check<G>> {
    vec![
        Check { name: "values", run: values },
        Check { name: "precision", run: precision },
        Check { name: "gradients", run: differences::gradients },
        Check { name: "adjoint", run: differences::adjoint },
        Check { name: "shift", run: invariances::shift },
        Check { name: "key order", run: invariances::key_order },
        Check { name: "head order", run: invariances::head_order },
        Check { name: "parts", run: parts::parts },
        Check { name: "poison", run: poison::poison },
        Check { name: "strides", run: bits::strides },
        Check { name: "bits", run: bits::bits },
        Check { name: "dropout", run: dropping::dropping },
    ]
}

/// The whole suite on one case: how many of its checks the case was for.
///
/// # Errors
///
/// The first rejection.
pub fn verify<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    checks().iter().map(|check| check.run(gear, trial)).sum()
}

/// One check on many cases: for how many it was.
///
/// # Errors
///
/// The first rejection.
///
/// # Panics
///
/// If there is no check of this name.
pub fn check<G: AttentionGear>(gear: &G, name: &str, trials: &[Trial]) -> Verdict {
    let check = checks().into_iter().find(|check| check.name == name).expect("a check of this name");
    trials.iter().map(|trial| check.run(gear, trial)).sum()
}

/// f64: every element is the oracle's, to within rounding.
///
/// # Errors
///
/// The first element that isn't.
pub fn values<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    Run::of("values", gear, case, inputs)?.is_near("values", case, oracle, |_| Bound::ROUNDING)
}

/// f32, by flash-attention's rule: the greatest error of each result is at most twice that of the plain form
/// in the same precision, plus what some roundings may do to the element (see [`Bound`]).
///
/// # Errors
///
/// The first element that is farther off.
pub fn precision<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, single, oracle, .. } = trial;
    let plain = Run::of("precision", &Algorithm::Naive, case, single)?;
    // Or it were no yardstick.
    plain.is_near("precision", case, oracle, |_| Bound::PLAIN)?;
    let errors = plain.errors(oracle);
    let run = Run::of("precision", gear, case, single)?;
    run.is_near("precision", case, oracle, |tensor| Bound { plus: 2.0 * errors[tensor], ..Bound::FEW })
}

fn rejection(check: &'static str, case: &Case, detail: impl std::fmt::Display) -> Rejection {
    Rejection { check, detail: format!("{case}: {detail}") }
}

/// Whether they have the same bits. NaN is NaN, and zeros are zeros: whether a sum of nothing begins with 0
/// or with the first product, -0, is open.
fn same_bits<T: Float>(a: T, b: T) -> bool {
    a.as_f64().to_bits() == b.as_f64().to_bits() || (a.is_nan() && b.is_nan()) || (a.is_zero() && b.is_zero())
}
