//! f16 and bf16: sums and products in f32, rounded once.
//!
//! ```text
//! bf16   s eeeeeeee mmmmmmm                            the upper half of an f32
//! f16    s eeeee mmmmmmmmmm
//! f32    s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm
//! ```
//!
//! With 8 bits of mantissa, a sum of ones that is rounded at each step stops growing at 256; and 64 ranks with 1024 each
//! overflow an f16 on the way to a mean of 1024. So what is accumulated here is f32, and is rounded once, to nearest
//! even: at most half a unit in the last place from the f32 result. Of two inputs both ways give the same bits.
//! Algorithms that send partial results send them as f16 or bf16, half as much as f32 would be, and round at each step.
//!
//! The conversions are plain integer arithmetic without a branch, so that loops of them become vector instructions on
//! every level. (The `half` crate's use F16C where there is one; but code for F16C is not inlined into these loops.)
//! Subnormal f16 cost no more than others: no step has an operand that some processors hand to microcode, unless a
//! product is below 2^-126.
//!
//! Minimum and maximum need no arithmetic: as integers, the bits are in the order of the numbers, once those of
//! negative ones are flipped. f16 and bf16 differ in what is NaN alone: what is above infinity.

use super::several::{self, Accumulate, BLOCK_BYTES};
use super::two::Step;
use super::{Kernels, Operation, two};
use crate::{Max, Min, Number, Product, Sum};
use half::{bf16, f16};
use std::cmp::min;
use std::marker::PhantomData;

/// A 16-bit float, and f32.
pub(crate) trait Half: Number {
    /// What is above it, without the sign, is NaN.
    const INFINITY_BITS: u16;

    fn bits(self) -> u16;
    fn of_bits(bits: u16) -> Self;

    /// Exact.
    fn widen(self) -> f32;
    /// To nearest, ties to even.
    fn narrow(value: f32) -> Self;
}

impl Half for bf16 {
    const INFINITY_BITS: u16 = 0x7F80;

    #[inline(always)]
    fn bits(self) -> u16 {
        self.to_bits()
    }

    #[inline(always)]
    fn of_bits(bits: u16) -> Self {
        Self::from_bits(bits)
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        let bits = value.to_bits();
        // Half a unit, less one bit, and the last bit that is kept: so a tie is rounded up if that bit is 1. A carry
        // out of the mantissa makes the exponent one more, as it should, up to infinity.
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
        let nan = bits >> 16 | 0x40; // its payload may lie in the lower half
        Self::from_bits(if value.is_nan() { nan } else { rounded } as u16)
    }
}

impl Half for f16 {
    const INFINITY_BITS: u16 = 0x7C00;

    #[inline(always)]
    fn bits(self) -> u16 {
        self.to_bits()
    }

    #[inline(always)]
    fn of_bits(bits: u16) -> Self {
        Self::from_bits(bits)
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        let bits = u32::from(self.to_bits());
        let magnitude = bits & 0x7FFF;
        // The bias of the exponent is 15 here, and 127 there. The exponent of all ones stays so.
        let bias = if magnitude >= 0x7C00 { (2 * (127 - 15)) << 23 } else { (127 - 15) << 23 };
        let normal = (magnitude << 13) + bias;
        // A subnormal is a whole number of 2^-24.
        const UNIT: f32 = 1.0 / (1 << 24) as f32;
        let subnormal = (magnitude as i32 as f32 * UNIT).to_bits();
        f32::from_bits((bits & 0x8000) << 16 | if magnitude < 0x400 { subnormal } else { normal })
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        let bits = value.to_bits();
        let magnitude = bits & 0x7FFF_FFFF;
        // As for bf16, and with the other bias. What is too large is infinity.
        let biased = magnitude.wrapping_sub((127 - 15) << 23);
        let rounded = biased.wrapping_add(0xFFF + (magnitude >> 13 & 1)) as i32 >> 13;
        let rounded = min(rounded, 0x7C00) as u32;
        // A subnormal, or next to one: to add 1/2, whose last bit is 2^-24, rounds just there.
        let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5_f32.to_bits());
        let finite = if magnitude < (127 - 14) << 23 { subnormal } else { rounded };
        let result = if value.is_nan() { 0x7E00 } else { finite };
        Self::from_bits((bits >> 16 & 0x8000 | result) as u16)
    }
}

/// A step in f32.
struct Rounded<S>(PhantomData<S>);

impl<T: Half, S: Step<f32>> Step<T> for Rounded<S> {
    #[inline(always)]
    fn step(left: T, right: T) -> T {
        T::narrow(S::step(left.widen(), right.widen()))
    }
}

/// Minimum or maximum by the bits.
struct Ordered<S>(PhantomData<S>);

impl<T: Half, S: Step<i16>> Step<T> for Ordered<S> {
    #[inline(always)]
    fn step(left: T, right: T) -> T {
        let extreme = flip(S::step(flip(left.bits() as i16), flip(right.bits() as i16))) as u16;
        let nan = |bits: u16| bits & 0x7FFF > T::INFINITY_BITS;
        let extreme = if nan(right.bits()) { right.bits() } else { extreme };
        T::of_bits(if nan(left.bits()) { left.bits() } else { extreme })
    }
}

/// From the bits of a float to an integer in the order of the floats, and back: of a negative one, all bits but the
/// sign are flipped.
#[inline(always)]
fn flip(bits: i16) -> i16 {
    bits ^ (bits >> 15) & i16::MAX
}

/// The loops of an operation on halves.
pub(crate) fn of_halves<T: Half>(operation: Operation) -> Kernels<T> {
    match operation {
        Operation::Sum => Kernels { wide: Some(Wide::of::<Sum>()), ..two::kernels::<T, Rounded<Sum>>() },
        Operation::Product => {
            Kernels { wide: Some(Wide::of::<Product>()), ..two::kernels::<T, Rounded<Product>>() }
        }
        Operation::Min => two::kernels::<T, Ordered<Min>>(),
        Operation::Max => two::kernels::<T, Ordered<Max>>(),
    }
}

/// Accumulation in f32, of three and more inputs or for a mean.
#[derive(Clone, Copy)]
pub struct Wide<T> {
    /// `sums = input`
    widen: fn(&mut [f32], &[T]),
    /// `sums = sums ∘ input`
    add: fn(&mut [f32], &[T]),
    /// `output = sums`, rounded
    narrow: fn(&mut [T], &[f32]),
}

impl<T: Number> Wide<T> {
    fn of<S: Step<f32>>() -> Self
    where
        T: Half,
    {
        #[inline(always)]
        fn each<A: Copy, B: Copy>(out: &mut [A], from: &[B], step: impl Fn(A, B) -> A) {
            for (out, from) in out.iter_mut().zip(from) {
                *out = step(*out, *from);
            }
        }
        Self {
            widen: |sums, input| {
                simd::vectorised(
                    #[inline(always)]
                    || each(sums, input, |_, x| x.widen()),
                )
            },
            add: |sums, input| {
                simd::vectorised(
                    #[inline(always)]
                    || each(sums, input, |s, x| S::step(s, x.widen())),
                )
            },
            narrow: |out, sums| {
                simd::vectorised(
                    #[inline(always)]
                    || each(out, sums, |_, s| T::narrow(s)),
                )
            },
        }
    }

    pub(super) fn all_reduce(self, columns: &mut [&mut [T]], divisor: Option<usize>) {
        let length = columns.first().map_or(0, |column| column.len());
        with_room(length, |sums| several::all_reduce(columns, &mut InSingle { wide: self, sums, divisor }));
    }

    pub(super) fn reduce(self, inputs: &[&[T]], output: &mut [T], divisor: Option<usize>) {
        let length = output.len();
        with_room(length, |sums| {
            several::reduce(inputs, output, &mut InSingle { wide: self, sums, divisor })
        });
    }
}

/// Room on the stack for the sums of a block. It has to be cleared, so it is small if there is little to sum.
fn with_room(length: usize, work: impl FnOnce(&mut [f32])) {
    const SHORT: usize = 64;
    match length <= SHORT {
        true => work(&mut [0.0; SHORT]),
        false => work(&mut [0.0; BLOCK_BYTES / size_of::<u16>()]),
    }
}

struct InSingle<'a, T> {
    wide: Wide<T>,
    sums: &'a mut [f32],
    divisor: Option<usize>,
}

impl<T: Number> Accumulate<T> for InSingle<'_, T> {
    fn begin(&mut self, into: &[T]) {
        (self.wide.widen)(&mut self.sums[..into.len()], into);
    }

    fn add(&mut self, into: &mut [T], next: &[T]) {
        (self.wide.add)(&mut self.sums[..into.len()], next);
    }

    fn end(&mut self, into: &mut [T]) {
        let sums = &mut self.sums[..into.len()];
        if let Some(count) = self.divisor {
            f32::divide(sums, count);
        }
        (self.wide.narrow)(into, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every half is widened, and what lies next to it or to the middle of two is narrowed, and so is every upper half
    /// of an f32 with several lower ones: as the `half` crate does it.
    fn converts<T: Half>(reference: fn(f32) -> T, back: fn(T) -> f32) {
        for bits in 0..=u16::MAX {
            let value = T::of_bits(bits);
            let wide = value.widen();
            assert!(
                wide.to_bits() == back(value).to_bits() || wide.is_nan() && back(value).is_nan(),
                "{bits:#x}"
            );
            for low in [0, 1, 0xFFF, 0x1000, 0x1001, 0x2000, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
                let wide = wide.to_bits();
                for near in [wide.wrapping_add(low), wide.wrapping_sub(low), u32::from(bits) << 16 | low] {
                    let near = f32::from_bits(near);
                    let (narrow, expected) = (T::narrow(near).bits(), reference(near).bits());
                    let nan = |bits: u16| bits & 0x7FFF > T::INFINITY_BITS;
                    assert!(
                        narrow == expected || nan(narrow) && nan(expected),
                        "{near:e}: {narrow:#x}, not {expected:#x}"
                    );
                }
            }
        }
    }

    #[test]
    fn conversions_are_those_of_the_half_crate() {
        converts(bf16::from_f32, bf16::to_f32);
        converts(f16::from_f32, f16::to_f32);
    }
}
