//! The arithmetic of the built-in reductions, one element at a time.

use crate::kernels::{self, Divisor, Half, Kernels, Operation};
use crate::{Element, Max, Min, Product, Sum};
use half::{bf16, f16};

/// An element with the arithmetic that [`Sum`], [`Product`], [`Min`], [`Max`] and [`Mean`](crate::Mean) need.
///
/// Integers wrap on overflow, as in MPI. Floats: minimum and maximum of anything and NaN are NaN, and -0 is
/// less than +0, so that the result doesn't depend on the order of the ranks.
///
/// `f16` and `bf16` compute each step in `f32` and round to nearest. Where several are reduced at once, in one memory
/// ([`Reduction::all_reduce_columns`](crate::Reduction::all_reduce_columns)), sums, products and means stay in `f32`
/// to the end and are rounded once, because a sum of ones in `bf16` that is rounded at each step stops growing at 256,
/// and one in `f16` at 2048. Messages carry partial results in the type itself, half the bytes of `f32`, so
/// algorithms of messages round at each step. So of three and more contributions, or for a mean, algorithms may differ
/// in the last bits, and where a partial result overflows; every algorithm gives the same bits on all ranks.
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

    /// [`over`](Self::over) for each of `values`.
    #[doc(hidden)]
    fn divide(values: &mut [Self], count: usize) {
        for value in values {
            *value = value.over(count);
        }
    }

    /// The loops of an operation on whole slices.
    #[doc(hidden)]
    fn kernels(operation: Operation) -> Kernels<Self> {
        kernels::plain(operation)
    }
}

/// The vectorised loops: sums and products on one type of the width, minima and maxima on another.
macro_rules! loops {
    ($bits:ident, $ordered:ident) => {
        fn kernels(operation: Operation) -> Kernels<Self> {
            match operation {
                Operation::Sum => kernels::of_bits::<$bits, Self, Sum>(),
                Operation::Product => kernels::of_bits::<$bits, Self, Product>(),
                Operation::Min => kernels::of_bits::<$ordered, Self, Min>(),
                Operation::Max => kernels::of_bits::<$ordered, Self, Max>(),
            }
        }
    };
}

/// The vectorised division; see `kernels/mean.rs`.
macro_rules! division {
    ($bits:ident, $divide:ident) => {
        fn divide(values: &mut [Self], count: usize) {
            match Divisor::<$bits>::new(count) {
                Some(divisor) => kernels::divide(
                    values,
                    #[inline(always)]
                    move |x| divisor.$divide(x as _) as Self,
                ),
                None => values.fill(0),
            }
        }
    };
}

macro_rules! integers {
    ($wide:ident: $($type:ident { $($vectorised:item)* })*) => {$(
        impl Number for $type {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Ord::min(self, other)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Ord::max(self, other)
            }
            fn over(self, count: usize) -> Self {
                // The quotient is no larger than `self`, so it fits.
                (self as $wide / count as $wide) as Self
            }
            $($vectorised)*
        }
    )*};
}

integers! { u128:
    u8 { loops!(u8, u8); division!(u8, divide); }
    u16 { loops!(u16, u16); division!(u16, divide); }
    u32 { loops!(u32, u32); division!(u32, divide); }
    u64 { loops!(u64, u64); division!(u64, divide); }
    usize { loops!(u64, u64); division!(u64, divide); }
    u128 {}
}

integers! { i128:
    i8 { loops!(u8, i8); division!(u8, divide_signed); }
    i16 { loops!(u16, i16); division!(u16, divide_signed); }
    i32 { loops!(u32, i32); division!(u32, divide_signed); }
    i64 { loops!(u64, i64); division!(u64, divide_signed); }
    isize { loops!(u64, i64); division!(u64, divide_signed); }
    i128 {}
}

/// What all floats have in common.
macro_rules! floats {
    ($($type:ident { $($item:item)* })*) => {$(
        impl Number for $type {
            const LOWEST: Self = Self::NEG_INFINITY;
            const HIGHEST: Self = Self::INFINITY;

            // Without a branch: three comparisons, and selections.
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // Equal floats differ in the sign of zero at most; the minimum takes it from either.
                let signed = Self::from_bits(self.to_bits() | other.to_bits());
                let lesser = if self < other { self } else { other };
                let lesser = if self == other { signed } else { lesser };
                if self.is_nan() { self } else { lesser } // and if `other` is, that is what it came to
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                let signed = Self::from_bits(self.to_bits() & other.to_bits());
                let greater = if self > other { self } else { other };
                let greater = if self == other { signed } else { greater };
                if self.is_nan() { self } else { greater }
            }
            $($item)*
        }
    )*};
}

macro_rules! singles {
    ($($type:ident)*) => { floats! {$(
        $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self * other
            }
            fn over(self, count: usize) -> Self {
                self / count as Self
            }
            fn divide(values: &mut [Self], count: usize) {
                let count = count as Self;
                kernels::divide(values, #[inline(always)] move |value| value / count);
            }
            loops!($type, $type);
        }
    )*}};
}

singles!(f32 f64);

macro_rules! halves {
    ($($type:ident)*) => { floats! {$(
        $type {
            const ZERO: Self = Self::ZERO;
            const ONE: Self = Self::ONE;

            fn add(self, other: Self) -> Self {
                self + other
            }
            fn mul(self, other: Self) -> Self {
                self * other
            }
            fn over(self, count: usize) -> Self {
                Self::from_f32(self.to_f32() / count as f32)
            }
            fn divide(values: &mut [Self], count: usize) {
                let count = count as f32;
                kernels::divide(values, #[inline(always)] move |value| Self::narrow(value.widen() / count));
            }
            fn kernels(operation: Operation) -> Kernels<Self> {
                kernels::of_halves(operation)
            }
        }
    )*}};
}

halves!(f16 bf16);
