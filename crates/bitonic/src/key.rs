//! What can be sorted: integers and floats, all of them as signed integers of their width.
//!
//! A network of vector instructions wants one way to compare. So every key is translated, without loss, into a
//! signed integer that stands where the key stands:
//!
//! ```text
//! i32   as it is
//! u32   0 .. 2^32-1 moves down by 2^31: the highest bit is flipped
//! f32   its bits, read as an integer, already order the positive numbers; of a negative one all bits but the
//!       sign are flipped, since it is the smaller the larger its magnitude
//! ```
//!
//! For floats this is the total order of IEEE 754 (`f32::total_cmp`):
//! -NaN < -inf < .. < -0 < +0 < .. < +inf < +NaN. So no float is lost and none is equal to another with other
//! bits: NaNs go to the ends by their sign, and -0 comes before +0.

use bytemuck::Pod;
use std::cmp::Ordering;
use std::fmt::Debug;

/// A key: any integer, `f32` or `f64`. (The trait is closed: to sort anything else, see
/// [`sort_by_key`](crate::sort_by_key), or the scalar forms, which take a comparison.)
pub trait Key: Pod + PartialOrd + Debug + Send + Sync + sealed::Sealed {
    /// The signed integer of the same width.
    type Ordered: Pod + Ord + Debug + Send + Sync;

    /// The key that comes before all others, or is equal to them.
    const LEAST: Self;

    /// The key that comes after all others, or is equal to them.
    const GREATEST: Self;

    /// The integer that stands where this key stands.
    ///
    /// ```
    /// use bitonic::Key;
    ///
    /// assert!((-0.0_f32).ordered() < 0.0_f32.ordered());
    /// assert!(f32::INFINITY.ordered() < f32::NAN.ordered());
    /// assert_eq!(u8::restore(7_u8.ordered()), 7);
    /// ```
    fn ordered(self) -> Self::Ordered;

    /// The key that stands where this integer stands.
    fn restore(ordered: Self::Ordered) -> Self;

    /// How two keys stand in ascending order: `Ord::cmp` of integers, `total_cmp` of floats.
    #[inline(always)]
    fn order(&self, other: &Self) -> Ordering {
        self.ordered().cmp(&other.ordered())
    }
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! signed {
    ($($key:ident)*) => {$(
        impl sealed::Sealed for $key {}

        impl Key for $key {
            type Ordered = $key;
            const LEAST: $key = $key::MIN;
            const GREATEST: $key = $key::MAX;

            #[inline(always)]
            fn ordered(self) -> $key {
                self
            }

            #[inline(always)]
            fn restore(ordered: $key) -> $key {
                ordered
            }
        }
    )*};
}

macro_rules! unsigned {
    ($($key:ident $ordered:ident)*) => {$(
        impl sealed::Sealed for $key {}

        impl Key for $key {
            type Ordered = $ordered;
            const LEAST: $key = $key::MIN;
            const GREATEST: $key = $key::MAX;

            #[inline(always)]
            fn ordered(self) -> $ordered {
                self as $ordered ^ $ordered::MIN
            }

            #[inline(always)]
            fn restore(ordered: $ordered) -> $key {
                (ordered ^ $ordered::MIN) as $key
            }
        }
    )*};
}

macro_rules! float {
    ($($key:ident $ordered:ident)*) => {$(
        impl sealed::Sealed for $key {}

        impl Key for $key {
            type Ordered = $ordered;
            const LEAST: $key = $key::from_bits(!0);
            const GREATEST: $key = $key::from_bits($ordered::MAX as _);

            #[inline(always)]
            fn ordered(self) -> $ordered {
                let bits = self.to_bits() as $ordered;
                // The shift leaves all ones of a negative number, and no bit of another.
                bits ^ (bits >> ($ordered::BITS - 1)) & $ordered::MAX
            }

            #[inline(always)]
            fn restore(ordered: $ordered) -> $key {
                // The sign is left alone, so that the way back is the way there.
                $key::from_bits((ordered ^ (ordered >> ($ordered::BITS - 1)) & $ordered::MAX) as _)
            }
        }
    )*};
}

signed!(i8 i16 i32 i64 i128 isize);
unsigned!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize);
float!(f32 i32 f64 i64);

#[cfg(test)]
mod tests;
