//! Activations: what stands between two linear layers so that they aren't one.
//!
//! ```text
//! silu(x)      = x σ(x)              σ(x) = 1 / (1 + exp(-x))
//! gelu(x)      = x Φ(x)              Φ(x) = erfc(-x / √2) / 2: the part of a normal distribution that lies below x
//! gelu_tanh(x) = x σ(2 u(x))         u(x) = √(2/π) (x + 0.044715 x³); mostly written x (1 + tanh u) / 2
//! ```
//!
//! All three are 0 far to the left and x far to the right (at -inf itself NaN, as in PyTorch). None has a
//! branch, so that loops over them become vector instructions (see [`simd::exp()`]); but for GELU in f64,
//! which takes the error function of the C library, a number at a time.
//!
//! Source: Hendrycks & Gimpel, *Gaussian Error Linear Units*, 2016; Ramachandran, Zoph & Le, *Searching for
//! Activation Functions*, 2017 (SiLU, there called Swish).

mod normal;

use crate::{Float, Threads, rows};
use normal::normal;

/// An activation by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// [`silu`].
    Silu,
    /// [`gelu`].
    Gelu,
    /// [`gelu_tanh`].
    GeluTanh,
}

/// x σ(x).
#[inline(always)]
pub fn silu<T: Float>(x: T) -> T {
    x * sigmoid(x)
}

/// The derivative: σ + x σ (1 - σ).
#[inline(always)]
pub fn silu_derivative<T: Float>(x: T) -> T {
    let sigmoid = sigmoid(x);
    // Beyond 100 the last factor is 0, and x may be infinite.
    let near = x.max(T::of(-100.0)).min(T::of(100.0));
    sigmoid * (T::one() + near * (T::one() - sigmoid))
}

/// x Φ(x), by the error function.
#[inline(always)]
pub fn gelu<T: Float>(x: T) -> T {
    x * normal(x).0
}

/// The derivative: Φ(x) + x φ(x), where φ(x) = exp(-x²/2) / √(2π).
#[inline(always)]
pub fn gelu_derivative<T: Float>(x: T) -> T {
    let (below, bell) = normal(x);
    // Where the bell is 0, x may be infinite.
    let slope = if bell == T::zero() { T::zero() } else { x * bell };
    below + slope * T::of(1.0 / std::f64::consts::TAU.sqrt())
}

/// An approximation of [`gelu`] without the error function; they differ by 0.0005 at most.
#[inline(always)]
pub fn gelu_tanh<T: Float>(x: T) -> T {
    x * sigmoid(two_u(x))
}

/// The derivative: σ + x σ (1 - σ) 2u', with 2u' = 2 √(2/π) (1 + 3 · 0.044715 x²).
#[inline(always)]
pub fn gelu_tanh_derivative<T: Float>(x: T) -> T {
    // Past 30 the derivative is 0 or 1, to all digits; and x² can't overflow. NaN stays NaN.
    let limit = T::of(30.0);
    let x = if x > limit { limit } else { x };
    let x = if x < -limit { -limit } else { x };
    let sigmoid = sigmoid(two_u(x));
    let slope = T::of(GELU_SLOPE) * (T::one() + T::of(3.0 * GELU_CUBIC) * x * x);
    sigmoid * (T::one() + x * (T::one() - sigmoid) * slope)
}

/// 2 √(2/π).
const GELU_SLOPE: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
const GELU_CUBIC: f64 = 0.044715;

#[inline(always)]
fn two_u<T: Float>(x: T) -> T {
    T::of(GELU_SLOPE) * (x + T::of(GELU_CUBIC) * x * x * x)
}

#[inline(always)]
fn sigmoid<T: Float>(x: T) -> T {
    T::one() / (T::one() + simd::exp(-x))
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 3] = [Activation::Silu, Activation::Gelu, Activation::GeluTanh];

    /// Of one number.
    ///
    /// ```
    /// use layers::activation::Activation;
    ///
    /// assert_eq!(Activation::Silu.of(0.0), 0.0);
    /// assert_eq!(Activation::Gelu.of(40.0), 40.0);
    /// ```
    pub fn of<T: Float>(self, x: T) -> T {
        match self {
            Activation::Silu => silu(x),
            Activation::Gelu => gelu(x),
            Activation::GeluTanh => gelu_tanh(x),
        }
    }

    /// The derivative at one number.
    pub fn derivative<T: Float>(self, x: T) -> T {
        match self {
            Activation::Silu => silu_derivative(x),
            Activation::Gelu => gelu_derivative(x),
            Activation::GeluTanh => gelu_tanh_derivative(x),
        }
    }

    /// Replaces each x by its activation.
    pub fn apply<T: Float>(self, x: &mut [T], threads: Threads) {
        match self {
            Activation::Silu => each(x, threads, silu),
            Activation::Gelu => each(x, threads, gelu),
            Activation::GeluTanh => each(x, threads, gelu_tanh),
        }
    }

    /// Multiplies each gradient by the derivative at its x.
    ///
    /// # Panics
    ///
    /// If there aren't as many of both.
    pub fn apply_backward<T: Float>(self, gradient: &mut [T], x: &[T], threads: Threads) {
        match self {
            Activation::Silu => rows::each_with(gradient, x, threads, |g, x| g * silu_derivative(x)),
            Activation::Gelu => rows::each_with(gradient, x, threads, |g, x| g * gelu_derivative(x)),
            Activation::GeluTanh => rows::each_with(gradient, x, threads, |g, x| g * gelu_tanh_derivative(x)),
        }
    }
}

fn each<T: Float>(x: &mut [T], threads: Threads, f: impl Fn(T) -> T + Sync) {
    rows::worthwhile(threads, x.len()).for_each(x.chunks_mut(rows::CHUNK), |x| {
        simd::vectorised(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = f(*x)),
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> impl Iterator<Item = f64> {
        (-800..=800).map(|i| f64::from(i) / 100.0)
    }

    /// The definitions as their papers have them, and erf as its series: Σ (-1)ⁿ z^(2n+1) / (n! (2n+1)) 2/√π.
    #[test]
    fn are_the_definitions() {
        let erf = |z: f64| {
            let mut term = z;
            let mut sum = z;
            for n in 1..200 {
                term *= -z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            sum * 2.0 / std::f64::consts::PI.sqrt()
        };
        for x in points() {
            let close = |got: f64, right: f64, tolerance: f64| {
                assert!((got - right).abs() < tolerance, "at {x}: {got} {right}")
            };
            close(silu(x), x / (1.0 + (-x).exp()), 1e-14);
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            close(gelu_tanh(x), 0.5 * x * (1.0 + u.tanh()), 1e-14);
            close(gelu_tanh(x), gelu(x), 5e-4);
            if x.abs() < 4.0 {
                close(gelu(x), 0.5 * x * (1.0 + erf(x / 2_f64.sqrt())), 1e-11);
            }
            for activation in Activation::ALL {
                let single = activation.of(x as f32);
                close(f64::from(single), activation.of(f64::from(x as f32)), 1e-6 * x.abs().max(0.1));
                let single = activation.derivative(x as f32);
                close(f64::from(single), activation.derivative(f64::from(x as f32)), 2e-6);
            }
        }
    }

    #[test]
    fn derivatives_by_central_differences() {
        const H: f64 = 1e-5;
        for activation in Activation::ALL {
            for x in points() {
                let difference = (activation.of(x + H) - activation.of(x - H)) / (2.0 * H);
                let got = activation.derivative(x);
                assert!((got - difference).abs() < 1e-9, "{activation:?} at {x}: {got} {difference}");
            }
        }
    }

    /// Far to the left Φ has no digit in common with 1 + erf, and its own are right: Φ(-10) = 7.6199e-24.
    #[test]
    fn far_out() {
        assert!((gelu(-10.0_f64) / -7.619_853_024_160_527e-23 - 1.0).abs() < 1e-12);
        assert!((gelu(-10.0_f32) / -7.619_853e-23 - 1.0).abs() < 1e-5);
        for activation in Activation::ALL {
            for x in [40.0, 1e5, 1e30, f32::MAX] {
                assert_eq!(activation.of(x), x);
                assert_eq!(activation.derivative(x), 1.0);
                assert!(activation.of(-x).abs() < 1e-15);
                assert!(activation.derivative(-x).abs() < 1e-15);
            }
            assert_eq!(activation.derivative(f32::INFINITY), 1.0);
            assert_eq!(activation.derivative(f32::NEG_INFINITY), 0.0);
            assert!(activation.of(f32::NAN).is_nan() && activation.derivative(f32::NAN).is_nan());
        }
    }

    #[test]
    fn slices() {
        let x: Vec<f32> = (0..70_001).map(|i| (i % 97) as f32 / 10.0 - 5.0).collect();
        for activation in Activation::ALL {
            for threads in [Threads::ONE, Threads::new(2)] {
                let mut y = x.clone();
                activation.apply(&mut y, threads);
                let mut dx = vec![3.0; x.len()];
                activation.apply_backward(&mut dx, &x, threads);
                for ((x, y), dx) in x.iter().zip(y).zip(dx) {
                    assert_eq!(y, activation.of(*x), "in vectors the same bits as alone");
                    assert_eq!(dx, 3.0 * activation.derivative(*x));
                }
            }
        }
    }
}
