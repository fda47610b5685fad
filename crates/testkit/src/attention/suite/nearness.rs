//! How near a result must be to what it should be.

use super::rejection;
use crate::attention::oracle::Oracle;
use crate::attention::sensitive::Sensitive;
use crate::attention::{AttentionGear, Case, Inputs};
use crate::suite::{Rejection, Verdict};
use attention::algorithm::{Attended, Gradients};
use ndarray::{Array3, Array4, ArrayView4, Axis, Dimension, Ix4};
use parallel::Float;

/// How far an element may be from what it should be: `roundings` ε times its sensitivity (see
/// [`sensitive`](crate::attention::sensitive)), plus `plus`. ε is the distance from 1 to the next number of
/// the type.
///
/// What is smaller than a million times the least normal number may also be zero: exponentials underflow.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// How many roundings.
    pub roundings: f64,
    /// In absolute terms.
    pub plus: f64,
}

impl Bound {
    /// Correct, to within rounding: any order of sums, any division of the work. The plain form needs 4 of these
    /// where hundreds of equal numbers are summed, since then all roundings go one way.
    pub const ROUNDING: Bound = Bound { roundings: 16.0, plus: 0.0 };

    /// The plain form in the lesser precision, which has to be right, if not as near as can be.
    pub const PLAIN: Bound = Bound { roundings: 64.0, plus: 0.0 };

    /// A few roundings, besides those that are measured on the plain form.
    pub const FEW: Bound = Bound { roundings: 2.0, plus: 0.0 };

    /// So much at this element, in this type.
    fn at<T: Float>(&self, right: Sensitive) -> f64 {
        let underflow = 1e6 * T::min_positive_value().as_f64();
        self.roundings * T::epsilon().as_f64() * right.sensitivity + self.plus + underflow
    }
}

/// All that an attention computes from the inputs of a case.
#[derive(Clone, Debug)]
pub struct Run<T> {
    /// Forward.
    pub attended: Attended<T>,
    /// Backward.
    pub gradients: Gradients<T>,
}

/// Of an element.
type Place = <Ix4 as Dimension>::Pattern;

/// The results, in the order of [`Run::tensors`].
pub(super) const NAMES: [&str; 5] =
    ["the output", "the log-sum-exp", "the queries' gradient", "the keys' gradient", "the values' gradient"];

impl<T: Float> Run<T> {
    /// Of the right shapes, to be added to.
    pub(super) fn zeros(case: &Case) -> Self {
        let &Case { batch, heads, kv_heads, queries, keys, head_dim, value_dim, .. } = case;
        let attended = Attended {
            output: Array4::zeros((batch, heads, queries, value_dim)),
            lse: Array3::zeros((batch, heads, queries)),
        };
        let gradients = Gradients {
            query: Array4::zeros((batch, heads, queries, head_dim)),
            key: Array4::zeros((batch, kv_heads, keys, head_dim)),
            value: Array4::zeros((batch, kv_heads, keys, value_dim)),
        };
        Run { attended, gradients }
    }

    /// Forward and backward.
    ///
    /// # Errors
    ///
    /// If it answers with an error, or with the wrong shapes.
    pub fn of<G: AttentionGear>(
        check: &'static str,
        gear: &G,
        case: &Case,
        inputs: &Inputs<T>,
    ) -> Result<Self, Rejection> {
        Run::through(check, gear, case, inputs, |attended| attended)
    }

    /// The same, with something between the forward pass and the backward pass that it goes through.
    ///
    /// # Errors
    ///
    /// If it answers with an error, or with the wrong shapes.
    pub fn through<G: AttentionGear>(
        check: &'static str,
        gear: &G,
        case: &Case,
        inputs: &Inputs<T>,
        between: impl FnOnce(Attended<T>) -> Attended<T>,
    ) -> Result<Self, Rejection> {
        let (q, k, v) = (inputs.query.view(), inputs.key.view(), inputs.value.view());
        let options = inputs.options(case);
        let refused = |error: attention::Error| rejection(check, case, format!("it refuses: {error}"));
        let attended = gear.forward(q, k, v, &options).map_err(refused)?;
        let (output, lse) = (attended.output.dim(), attended.lse.dim());
        let &Case { batch, heads, queries, value_dim, .. } = case;
        if output != (batch, heads, queries, value_dim) || lse != (batch, heads, queries) {
            return Err(rejection(check, case, format!("the output is {output:?}, the log-sum-exp {lse:?}")));
        }
        let attended = between(attended);
        let upstream = attended.upstream(inputs.gradient.view());
        let gradients = gear.backward(q, k, v, upstream, &options).map_err(refused)?;
        let run = Run { attended, gradients };
        let expected = [q, k, v].map(|tensor| tensor.shape().to_vec());
        match expected.iter().zip(&run.tensors()[2..]).all(|(shape, tensor)| shape == tensor.shape()) {
            true => Ok(run),
            false => Err(rejection(check, case, "gradients don't have the shapes of what they belong to")),
        }
    }

    /// Output, log-sum-exp (B, H, Tq, 1), and the gradients of queries, keys and values.
    pub fn tensors(&self) -> [ArrayView4<'_, T>; 5] {
        let Run { attended, gradients } = self;
        [
            attended.output.view(),
            attended.lse.view().insert_axis(Axis(3)),
            gradients.query.view(),
            gradients.key.view(),
            gradients.value.view(),
        ]
    }

    /// The greatest error of each tensor.
    pub fn errors(&self, oracle: &Oracle) -> [f64; 5] {
        let (tensors, right) = (self.tensors(), oracle.tensors());
        std::array::from_fn(|tensor| {
            let errors = tensors[tensor].iter().zip(&right[tensor]).map(|(&x, right)| error(x, right.value));
            errors.fold(0.0, f64::max)
        })
    }

    /// That every element is near the oracle's. The bound is asked for by the number of the tensor.
    ///
    /// # Errors
    ///
    /// The first element that isn't.
    pub fn is_near(
        &self,
        check: &'static str,
        case: &Case,
        oracle: &Oracle,
        bound: impl Fn(usize) -> Bound,
    ) -> Verdict {
        let right = oracle.tensors();
        self.is(check, case, |tensor, place| (right[tensor][place], bound(tensor)))
    }

    /// That two runs agree, right or wrong: to within a thousand roundings of the greatest element. How tight
    /// rounding is, is for comparisons with the oracle to say.
    ///
    /// # Errors
    ///
    /// The first element in which they don't.
    pub fn agrees(&self, check: &'static str, case: &Case, other: &Run<T>, oracle: &Oracle) -> Verdict {
        let (right, other) = (oracle.tensors(), other.tensors());
        let greatest = other.each_ref().map(|tensor| {
            tensor.iter().map(|x| x.as_f64().abs()).filter(|x| x.is_finite()).fold(0.0, f64::max)
        });
        let bound = Bound { roundings: 1000.0, plus: 0.0 };
        self.is(check, case, |tensor, place| {
            let sensitivity = right[tensor][place].sensitivity.max(greatest[tensor]);
            (Sensitive { value: other[tensor][place].as_f64(), sensitivity }, bound)
        })
    }

    /// That every element of every tensor is what it should be, to within a bound.
    fn is(
        &self,
        check: &'static str,
        case: &Case,
        expected: impl Fn(usize, Place) -> (Sensitive, Bound),
    ) -> Verdict {
        for (n, tensor) in self.tensors().iter().enumerate() {
            for (place, &x) in tensor.indexed_iter() {
                let (right, bound) = expected(n, place);
                let (error, most) = (error(x, right.value), bound.at::<T>(right));
                if error > most {
                    let detail = format!(
                        "{}: {} at {place:?} is {x:?}, {:?} was expected: off by {error:.3e}, at most {most:.3e} \
                         is rounding",
                        T::NAME,
                        NAMES[n],
                        right.value
                    );
                    return Err(rejection(check, case, detail));
                }
            }
        }
        Ok(1)
    }
}

/// How far it is off. Infinities and NaN must be what they should be.
pub(super) fn error<T: Float>(x: T, right: f64) -> f64 {
    let x = x.as_f64();
    match x == right || (x.is_nan() && right.is_nan()) {
        true => 0.0,
        false if (x - right).is_nan() => f64::INFINITY,
        false => (x - right).abs(),
    }
}
