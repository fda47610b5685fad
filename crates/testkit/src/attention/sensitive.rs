//! Numbers that know how sensitive they are to rounding.
//!
//! How far may a correct result in floating point be from the exact one? Every operation rounds: it is wrong
//! by a part ε of its result. A [`Sensitive`] number carries, beside its value x, by how many ε it would
//! change if every input and every intermediate result were off by one ε, to first order:
//!
//! ```text
//! a + b       |da| + |db|                         a b        |b da| + |a db|
//! exp a       exp(a) (|da| + 1)                   ln a       |da / a| + |ln a|
//! ```
//!
//! Of a sum it counts the terms and not the order in which they are added: rounding on the way up a long sum
//! is random and grows with the square root of its length, which a small factor covers.
//!
//! So a bound of a few ε times the sensitivity is tight where the arithmetic is harmless, and forgiving where
//! a small difference of large numbers makes it ill-conditioned, as in dP - delta, or in exp of a score of
//! thousands.

use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

/// A number, and by how many ε it changes if everything that it is made of is off by one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sensitive {
    /// The number.
    pub value: f64,
    /// Never negative.
    pub sensitivity: f64,
}

impl Sensitive {
    /// A number that is given.
    pub fn given(value: f64) -> Self {
        Sensitive { value, sensitivity: value.abs() }
    }

    /// e to the power of it.
    pub fn exp(self) -> Self {
        let value = self.value.exp();
        Sensitive { value, sensitivity: value * (self.sensitivity + 1.0) }
    }

    /// The natural logarithm.
    pub fn ln(self) -> Self {
        let value = self.value.ln();
        Sensitive { value, sensitivity: self.sensitivity / self.value + value.abs() }
    }
}

impl Add for Sensitive {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Sensitive { value: self.value + other.value, sensitivity: self.sensitivity + other.sensitivity }
    }
}

impl Sub for Sensitive {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Sensitive { value: self.value - other.value, sensitivity: self.sensitivity + other.sensitivity }
    }
}

impl Mul for Sensitive {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Sensitive {
            value: self.value * other.value,
            sensitivity: self.sensitivity * other.value.abs() + self.value.abs() * other.sensitivity,
        }
    }
}

impl Sum for Sensitive {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Sensitive::default(), Add::add)
    }
}
