//! A whole slice divided by a count, exactly as [`Number::over`](crate::Number::over) divides one element.
//!
//! Processors divide floats in vectors, but not integers. To divide many integers of W bits by the same n is to multiply
//! them with 2^W / n, found once:
//!
//! ```text
//! l = lg n, rounded up        m = floor(2^W (2^l - n) / n) + 1        so that 2^W + m is 2^(W + l) / n, rounded up
//!
//! x / n = floor(x (2^W + m) / 2^(W + l))        exact for every x < 2^W
//! ```
//!
//! The upper half of x m is a vector instruction for 16 bits, a few of them for 8 and 32, and for 64 a multiplication
//! in the scalar unit, still several times as fast as a division.
//!
//! Source: T. Granlund, P. Montgomery, Division by Invariant Integers using Multiplication, 1994.

/// Each value becomes its `quotient`, which must be inlined into the loop, and must hold what it captures by value: what
/// lies behind a reference might change with every store, for all that the compiler knows.
#[inline(always)]
pub(crate) fn divide<T: Copy>(values: &mut [T], quotient: impl Fn(T) -> T) {
    simd::vectorised(
        #[inline(always)]
        move || {
            for value in values {
                *value = quotient(*value);
            }
        },
    );
}

/// Divides by the same number again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisor<U> {
    /// m
    factor: U,
    /// x (2^W + m) doesn't fit 2 W bits, so the shift by l is made in two steps.
    first: u32,
    second: u32,
}

macro_rules! divisors {
    ($($type:ident, $signed:ident, $twice:ident;)*) => {$(
        impl Divisor<$type> {
            /// `None` if n is larger than any number of the type, so that all quotients are 0.
            pub(crate) fn new(n: usize) -> Option<Self> {
                assert!(n > 0, "the mean of nothing");
                let last = $type::try_from(n - 1).ok()?;
                let log = $type::BITS - last.leading_zeros();
                let n = u128::from(last) + 1;
                let factor = (((1 << log) - n) << $type::BITS) / n + 1;
                Some(Self { factor: factor as $type, first: log.min(1), second: log.saturating_sub(1) })
            }

            /// x / n
            #[inline(always)]
            pub(crate) fn divide(self, x: $type) -> $type {
                let high = ((self.factor as $twice * x as $twice) >> $type::BITS) as $type;
                // Nothing overflows; but a check of that, as in a build for tests, would not be vectorised.
                high.wrapping_add(x.wrapping_sub(high) >> self.first) >> self.second
            }

            /// x / n, rounded towards zero.
            #[inline(always)]
            pub(crate) fn divide_signed(self, x: $signed) -> $signed {
                let sign = x >> ($type::BITS - 1); // 0 or -1
                (self.divide(x.unsigned_abs()) as $signed ^ sign).wrapping_sub(sign)
            }
        }
    )*};
}

divisors! {
    u8, i8, u16;
    u16, i16, u32;
    u32, i32, u64;
    u64, i64, u128;
}
