//! A whole slice divided by a count, exactly as [`Number::over`](crate::Number::over) divides one element.
//!
//! No processor here has a vector division of integers. Up to 32 bits a float holds element and count, and the
//! quotient of two whole numbers, rounded to nearest, is never rounded *up* to a whole number: if n does not divide x,
//! x/n is at least 1/n below the next one, and half a unit in the last place is less. So cut off, it is exact.
//! (A count so large that the float doesn't hold it gives 0, as it should.)
//!
//! For 64 bits there is no such float. There a division by the same n becomes a multiplication with 2^64/n, made once:
//! T. Granlund, P. Montgomery, Division by Invariant Integers using Multiplication, 1994.

/// `value = value divided by count` for each: `quotient` is inlined into the loop.
#[inline(always)]
pub(crate) fn divide<T: Copy>(values: &mut [T], quotient: impl Fn(T) -> T) {
    simd::vectorised(
        #[inline(always)]
        || {
            for value in values {
                *value = quotient(*value);
            }
        },
    );
}

/// Divides by the same number again and again.
///
/// With l = ceil(lg n) and m = floor(2^64 (2^l - n) / n) + 1, the factor is 2^64 + m, and
/// x / n = floor(x (2^64 + m) / 2^(64 + l)) for all x < 2^64. The sum is shifted in two steps, so that it doesn't overflow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisor {
    factor: u64,
    first: u32,
    second: u32,
}

impl Divisor {
    pub(crate) fn new(n: usize) -> Self {
        assert!(n > 0, "the mean of nothing");
        let bits = usize::BITS - (n - 1).leading_zeros(); // 0 for 1
        let n = n as u128;
        let factor = (((1_u128 << bits) - n) << 64) / n + 1;
        Self { factor: factor as u64, first: bits.min(1), second: bits.saturating_sub(1) }
    }

    #[inline(always)]
    pub(crate) fn divide(self, x: u64) -> u64 {
        let high = ((u128::from(self.factor) * u128::from(x)) >> 64) as u64;
        (high + ((x - high) >> self.first)) >> self.second
    }

    /// Towards zero.
    #[inline(always)]
    pub(crate) fn divide_signed(self, x: i64) -> i64 {
        let sign = x >> 63; // 0 or -1
        (self.divide(x.unsigned_abs()) as i64 ^ sign).wrapping_sub(sign)
    }
}
