//! The arithmetic of the built-in reductions, one element at a time.

use crate::Element;
use half::{bf16, f16};

/// An element with the arithmetic that [`Sum`](crate::Sum), [`Product`](crate::Product),
/// [`Min`](crate::Min), [`Max`](crate::Max) and [`Mean`](crate::Mean) need.
///
/// Integers wrap on overflow, as in MPI. Floats: minimum and maximum of anything and NaN are NaN, and -0 is
/// less than +0, so that the result doesn't depend on the order of the ranks. `f16` and `bf16` compute each
/// step in `f32` and round to nearest.
pub trait Number: Element + PartialOrd {
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;
    /// The neutral element of [`max`](Self::max): the least value, -infinity for floats.
    const LOWEST: Self;
    /// The neutral element of [`min`](Self::min): the greatest value, +infinity for floats.
    const HIGHEST: Self;

    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// The lesser.
    fn min(self, other: Self) -> Self;
    /// The greater.
    fn max(self, other: Self) -> Self;
    /// A sum of `count` values to their mean. Integers round towards zero. For types that cannot hold
    /// `count` itself the division is done in a wider one.
    fn over(self, count: usize) -> Self;
}

macro_rules! integers {
    ($wide:ident: $($type:ident)*) => {$(
        impl Number for $type {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;

            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn min(self, other: Self) -> Self {
                Ord::min(self, other)
            }
            fn max(self, other: Self) -> Self {
                Ord::max(self, other)
            }
            fn over(self, count: usize) -> Self {
                // The quotient is no larger than `self`, so it fits.
                (self as $wide / count as $wide) as Self
            }
        }
    )*};
}

integers!(u128: u8 u16 u32 u64 u128 usize);
integers!(i128: i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($type:ident: $zero:expr, $one:expr, $add:expr, $mul:expr, $over:expr;)*) => {$(
        impl Number for $type {
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            const LOWEST: Self = Self::NEG_INFINITY;
            const HIGHEST: Self = Self::INFINITY;

            fn add(self, other: Self) -> Self {
                $add(self, other)
            }
            fn mul(self, other: Self) -> Self {
                $mul(self, other)
            }
            fn min(self, other: Self) -> Self {
                if self.is_nan() || self < other {
                    self
                } else if self == other {
                    // Equal floats differ in the sign of zero at most; the minimum takes it from either.
                    Self::from_bits(self.to_bits() | other.to_bits())
                } else {
                    other
                }
            }
            fn max(self, other: Self) -> Self {
                if self.is_nan() || self > other {
                    self
                } else if self == other {
                    Self::from_bits(self.to_bits() & other.to_bits())
                } else {
                    other
                }
            }
            fn over(self, count: usize) -> Self {
                $over(self, count)
            }
        }
    )*};
}

floats! {
    f32: 0.0, 1.0, |a, b| a + b, |a, b| a * b, |a, n| a / n as f32;
    f64: 0.0, 1.0, |a, b| a + b, |a, b| a * b, |a, n| a / n as f64;
    f16: f16::ZERO, f16::ONE, |a, b| a + b, |a, b| a * b, |a: f16, n| f16::from_f32(a.to_f32() / n as f32);
    bf16: bf16::ZERO, bf16::ONE, |a, b| a + b, |a, b| a * b, |a: bf16, n| bf16::from_f32(a.to_f32() / n as f32);
}
