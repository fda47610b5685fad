//! The exponential without a branch, so that a loop of it becomes vector instructions.
//!
//! ```text
//! x = n ln 2 + r,   n whole,   |r| <= (ln 2) / 2          exp(x) = 2^n exp(r)
//! ```
//!
//! exp(r) is a polynomial: on so short an interval a few terms are exact to the last bit or so. 2^n is made
//! by writing n into the exponent's bits. r is small, so it must be exact: ln 2 is subtracted in two parts,
//! the first so short that n times it is exact (Cody and Waite, *Software Manual for the Elementary
//! Functions*, 1980).

use crate::Float;

/// e to the power of x, to within 1 unit in the last place (f32: tested for every value; f64: sampled). What
/// would be subnormal is zero: below -87.33 (f32) or -708.39 (f64). Infinities and NaN are what one expects.
///
/// In a loop within [`vectorised`](crate::vectorised) it is several times faster than the standard library's.
///
/// ```
/// assert_eq!(simd::exp(0.0_f32), 1.0);
/// assert_eq!(simd::exp(f32::NEG_INFINITY), 0.0);
/// ```
#[inline(always)]
pub fn exp<T: Float>(x: T) -> T {
    x.branchless_exp()
}

/// [`exp`] for numbers up to 0, a fifth faster: what a softmax needs, whose exponents are relative to the maximum.
/// (It is right up to 88 in f32 and up to 709 in f64, so that a little above 0 does no harm.)
///
/// The same bits as [`exp`], except that what is subnormal is zero below 2^-126.5 (f32) or 2^-1022.5 (f64) alone.
/// -inf gives 0 and NaN gives NaN.
///
/// ```
/// assert_eq!(simd::exp_nonpositive(-1.5_f32), simd::exp(-1.5));
/// assert_eq!(simd::exp_nonpositive(f32::NEG_INFINITY), 0.0);
/// ```
#[inline(always)]
pub fn exp_nonpositive<T: Float>(x: T) -> T {
    x.branchless_exp_nonpositive()
}

/// Two functions for each type; the types differ in their constants alone.
macro_rules! branchless_exp {
    ($name:ident, $nonpositive:ident, $float:ident, $bits:ident, $mantissa_bits:literal, $magic:expr, $ln_2:expr, $range:expr, $terms:expr) => {
        #[inline(always)]
        pub(crate) fn $name(x: $float) -> $float {
            let (ln_2_high, ln_2_low) = $ln_2;
            let (lowest, highest) = $range;
            // n, the whole number next to x / ln 2. To add `magic` pushes the fraction out of the sum, and
            // leaves n in the lowest bits of the mantissa.
            let shifted = x.mul_add(std::$float::consts::LOG2_E, $magic);
            let n = shifted - $magic;
            let r = n.mul_add(-ln_2_high, x);
            let r = n.mul_add(-ln_2_low, r);
            let mut power = 0.0;
            for term in $terms {
                power = r.mul_add(power, term);
            }
            // Times 2^n: n is added to the exponent, which stands above the mantissa. Within the range the
            // exponent has room for it.
            let bits: $bits = power.to_bits().wrapping_add(shifted.to_bits() << $mantissa_bits);
            let within = $float::from_bits(bits);
            let not_above = if x <= highest { within } else { x + $float::INFINITY }; // NaN comes by here
            if x < lowest { 0.0 } else { not_above }
        }

        /// In place of two comparisons and two selections it has a maximum and a multiplication.
        #[inline(always)]
        pub(crate) fn $nonpositive(x: $float) -> $float {
            const BIAS: $float = $float::MAX_EXP as $float - 1.0;
            let (ln_2_high, ln_2_low) = $ln_2;
            let [first, rest @ ..] = $terms;
            // So n is -BIAS at the least. (A NaN isn't less than anything, and stays.)
            let lowest = -BIAS * std::$float::consts::LN_2;
            let x = if x < lowest { lowest } else { x };
            // With the bias added, the lowest bits are the exponent of 2^n as it stands in its bits, and
            // nothing else is left of them after the shift. For the least n they are all 0: then 2^n is taken
            // as zero.
            let shifted = x.mul_add(std::$float::consts::LOG2_E, $magic + BIAS);
            let n = shifted - ($magic + BIAS);
            let r = n.mul_add(-ln_2_high, x);
            let r = n.mul_add(-ln_2_low, r);
            let mut power: $float = first;
            for term in rest {
                power = r.mul_add(power, term);
            }
            power * $float::from_bits(shifted.to_bits() << $mantissa_bits)
        }
    };
}

// The terms are those of the polynomials nearest to exp on the interval, relative to exp, of all that begin
// with 1 + r (found with the algorithm of Remez in 60 digits): to within 3.6e-9 and 3.7e-18. From the highest
// power down.
branchless_exp!(
    exp_f32,
    exp_nonpositive_f32,
    f32,
    u32,
    23,
    12_582_912.0, // 1.5 * 2^23
    (355.0 / 512.0, -2.121_944_4e-4),
    (-87.336_54, 88.722_83),
    [1.381_459_9e-3, 8.368_717e-3, 4.166_839e-2, 0.166_665_2, 0.499_999_93, 1.0, 1.0]
);
branchless_exp!(
    exp_f64,
    exp_nonpositive_f64,
    f64,
    u64,
    52,
    6_755_399_441_055_744.0, // 1.5 * 2^52
    (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10),
    (-708.396_418_532_264_1, 709.782_712_893_384),
    [
        2.500_006_160_283_567e-8,
        2.763_024_837_921_144e-7,
        2.755_757_638_384_016e-6,
        2.480_149_309_889_650_7e-5,
        1.984_126_950_657_868_8e-4,
        1.388_888_894_363_011_3e-3,
        8.333_333_333_494_462e-3,
        4.166_666_666_653_016e-2,
        0.166_666_666_666_664_13,
        0.500_000_000_000_001_1,
        1.0,
        1.0,
    ]
);

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance in units in the last place of the nearest f32 to what is right.
    fn ulps(got: f32, right: f64) -> f64 {
        let nearest = right as f32;
        let ulp = f64::from(nearest.next_up()) - f64::from(nearest);
        (f64::from(got) - right).abs() / ulp
    }

    const CHUNK: u32 = 1 << 16;

    /// Every f32: 4.3 billion, in vectors.
    #[test]
    fn every_f32_is_within_one_unit() {
        let chunks = u32::MAX / CHUNK + 1;
        let worst_of_half = |half: u32| {
            (half * (chunks / 2)..(half + 1) * (chunks / 2))
                .map(|chunk| {
                    crate::vectorised(
                        #[inline(always)]
                        || worst_of(chunk * CHUNK),
                    )
                })
                .fold(0.0, f64::max)
        };
        let worst = std::thread::scope(|scope| {
            let other = scope.spawn(|| worst_of_half(1));
            worst_of_half(0).max(other.join().expect("it doesn't panic"))
        });
        assert!(worst <= 1.0, "{worst} units in the last place");
    }

    /// The worst distance in these bit patterns. The reference is the f64 form, which `f64_is_within...`
    /// tests.
    #[inline(always)]
    fn worst_of(first: u32) -> f64 {
        let mut worst = [0.0_f64; 16];
        for start in (0..CHUNK).step_by(16) {
            for (lane, worst) in (0..16).zip(&mut worst) {
                let distance = distance(f32::from_bits(first.wrapping_add(start).wrapping_add(lane)));
                *worst = if distance > *worst { distance } else { *worst };
            }
        }
        worst.into_iter().fold(0.0, f64::max)
    }

    #[inline(always)]
    #[allow(clippy::manual_range_contains, reason = "`contains` is a branch")]
    fn distance(x: f32) -> f64 {
        let (got, right) = (exp(x), exp(f64::from(x)));
        // Outside of the range there is one right answer.
        let wanted = if x < 0.0 { 0.0 } else { f32::INFINITY };
        let right_outside = (got == wanted) | (x.is_nan() & got.is_nan());
        let outside = if right_outside { 0.0 } else { f64::INFINITY };
        // The spacing of f32 at `right`: 2^-23 of its power of two.
        let spacing = f64::from_bits((right.to_bits() >> 52 << 52).wrapping_sub(23 << 52));
        let within = (f64::from(got) - right).abs() / spacing;
        let within = if got.is_nan() { f64::INFINITY } else { within };
        if (x >= -87.336_54) & (x <= 88.722_83) { within } else { outside }
    }

    /// Every f32 with a minus, NaN and -inf among them.
    #[test]
    fn every_nonpositive_f32_is_as_in_exp() {
        let differing = (1 << 31..=u32::MAX).step_by(CHUNK as usize).any(|chunk| {
            crate::vectorised(
                #[inline(always)]
                || any_differs(chunk),
            )
        });
        assert!(!differing);
    }

    #[inline(always)]
    fn any_differs(first: u32) -> bool {
        let mut any = [false; 16];
        for start in (0..CHUNK).step_by(16) {
            for (lane, any) in (0..16).zip(&mut any) {
                *any |= differs(f32::from_bits(first.wrapping_add(start).wrapping_add(lane)));
            }
        }
        any.contains(&true)
    }

    #[inline(always)]
    fn differs(x: f32) -> bool {
        let (got, right) = (exp_nonpositive(x), exp(x));
        let lost = (right == 0.0) & (got.to_bits() <= f32::MIN_POSITIVE.to_bits()); // a subnormal, or zero as well
        (got.to_bits() != right.to_bits()) & !lost & !(got.is_nan() & x.is_nan())
    }

    #[test]
    fn nonpositive_f64_is_as_in_exp_and_a_little_more() {
        for i in 0..1_000_000 {
            let x = f64::from(i) * -7.1e-4; // down to -710
            let (got, right) = (exp_nonpositive(x), exp(x));
            assert!(got == right || (right == 0.0 && got < f64::MIN_POSITIVE), "{x}: {got} {right}");
        }
        for x in [-709.4, -710.0, -1e10, f64::MIN, f64::NEG_INFINITY] {
            assert_eq!(exp_nonpositive(x), 0.0);
        }
        for nan in [f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)] {
            assert!(exp_nonpositive(nan).is_nan());
        }
        assert_eq!(exp_nonpositive(0.0), 1.0);
        assert_eq!(exp_nonpositive(-0.0), 1.0);
        for i in 0..8800 {
            let x = f64::from(i) / 100.0;
            assert_eq!(exp_nonpositive(x as f32), exp(x as f32));
            assert_eq!(exp_nonpositive(x * 8.0), exp(x * 8.0));
        }
    }

    #[test]
    fn f64_is_within_one_unit_of_the_standard_library() {
        let mut random = 1_u64;
        for i in 0..2_000_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (random >> 11) as f64 / (1_u64 << 53) as f64;
            let x = if i % 2 == 0 { unit * 1418.0 - 708.3 } else { unit * 2.0 - 1.0 };
            let (got, std) = (exp(x), x.exp());
            // The standard library's is within half a unit and a little: so the two are neighbours at most.
            assert!(
                got == std || got.next_up() == std || got.next_down() == std || x > 709.7,
                "{x}: {got} {std}"
            );
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert_eq!([exp(-0.0_f32), exp(0.0)], [1.0, 1.0]);
        assert_eq!([exp(-0.0_f64), exp(0.0)], [1.0, 1.0]);
        for bits in [f32::NAN.to_bits(), 0x7f80_0001, 0xffc0_1234, 0x7fff_ffff] {
            assert!(exp(f32::from_bits(bits)).is_nan(), "{bits:x}");
        }
        assert!(exp(f64::from_bits(0x7ff0_0000_0000_0001)).is_nan());
        // The least that is not zero, the greatest that is not infinite, and their neighbours.
        assert!(exp(-87.336_54_f32) >= f32::MIN_POSITIVE && exp((-87.336_54_f32).next_down()) == 0.0);
        assert!(exp(88.722_83_f32) < f32::INFINITY && exp(88.722_83_f32.next_up()) == f32::INFINITY);
        assert!(ulps(exp(88.722_83_f32), 88.722_83_f32.as_f64().exp()) <= 1.0);
        assert!(exp(-708.396_418_532_264_1) >= f64::MIN_POSITIVE && exp(-708.396_418_532_265) == 0.0);
        assert!(exp(709.782_712_893_384) < f64::INFINITY && exp(709.782_712_893_385) == f64::INFINITY);
    }
}
