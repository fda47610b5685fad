//! Inputs that discriminate: every element depends on rank and index.

use collectives::{Custom, Element, Name};
use half::{bf16, f16};
use std::fmt::Debug;

/// An element type that the suite can make up values of.
pub trait Value: Element + Debug + PartialEq {
    /// Some finite value that depends on all the bits: for operations that only move elements.
    fn any(bits: u64) -> Self;
    /// The value of a small integer, exactly.
    fn small(n: u8) -> Self;
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl Value for $type {
            fn any(bits: u64) -> Self {
                bits as Self
            }
            fn small(n: u8) -> Self {
                n as Self
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($type:ident: $from_i16:expr;)*) => {$(
        impl Value for $type {
            fn any(bits: u64) -> Self {
                $from_i16(bits as i16)
            }
            fn small(n: u8) -> Self {
                $from_i16(n.into())
            }
        }
    )*};
}

floats! {
    f32: <f32 as From<i16>>::from;
    f64: <f64 as From<i16>>::from;
    f16: |n: i16| f16::from_f32(n.into());
    bf16: |n: i16| bf16::from_f32(n.into());
}

/// A well-mixed function of three numbers (the finaliser of SplitMix64, Steele, Lea & Flood 2014).
pub fn mix(seed: u64, rank: usize, index: usize) -> u64 {
    let mut z = (seed ^ (rank as u64).rotate_left(40) ^ (index as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// How the elements of an input are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Anything: for moving.
    Any,
    /// 0..=8, so that sums over 15 ranks are exact in every type: for sums, means, minima and maxima.
    Small,
    /// 1 or 2, so that products stay exact.
    Factors,
}

/// Element `index` of what rank `rank` puts in.
pub fn element<T: Value>(fill: Fill, seed: u64, rank: usize, index: usize) -> T {
    let bits = mix(seed, rank, index);
    match fill {
        Fill::Any => T::any(bits),
        Fill::Small => T::small((bits % 9) as u8),
        Fill::Factors => T::small(if bits.is_multiple_of(4) { 2 } else { 1 }),
    }
}

/// Composition of maps x -> a x + b over 32-bit integers, packed as (a, b): associative and not
/// commutative, so a result tells in which order the contributions were combined.
pub fn composition() -> Custom<impl Fn(u64, u64) -> u64 + Sync> {
    Custom::ordered(&Name("composition"), |f: u64, g: u64| {
        let (a, b) = ((f >> 32) as u32, f as u32);
        let (c, d) = ((g >> 32) as u32, g as u32);
        let (a, b) = (a.wrapping_mul(c), b.wrapping_mul(c).wrapping_add(d));
        (u64::from(a) << 32) | u64::from(b)
    })
}
