//! The two element types of everything that computes: f32 and f64.

use num_traits::NumAssign;
use std::fmt::{Debug, Display};
use std::iter::Sum;

/// f32 or f64: all arithmetic is written once, for both.
pub trait Float:
    num_traits::Float + NumAssign + Sum + Default + Debug + Display + Send + Sync + Sealed + 'static
{
    /// Its name, as Rust spells it.
    const NAME: &'static str;

    /// The nearest of these to an f64.
    fn of(x: f64) -> Self;

    /// As an f64, exactly.
    fn as_f64(self) -> f64;

    /// See [`exp`](crate::exp()).
    #[doc(hidden)]
    fn branchless_exp(self) -> Self;

    /// See [`exp_nonpositive`](crate::exp_nonpositive()).
    #[doc(hidden)]
    fn branchless_exp_nonpositive(self) -> Self;
}

use sealed::Sealed;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Float for f32 {
    const NAME: &'static str = "f32";

    #[inline(always)]
    fn of(x: f64) -> f32 {
        x as f32
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn branchless_exp(self) -> f32 {
        crate::exp::exp_f32(self)
    }

    #[inline(always)]
    fn branchless_exp_nonpositive(self) -> f32 {
        crate::exp::exp_nonpositive_f32(self)
    }
}

impl Float for f64 {
    const NAME: &'static str = "f64";

    #[inline(always)]
    fn of(x: f64) -> f64 {
        x
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn branchless_exp(self) -> f64 {
        crate::exp::exp_f64(self)
    }

    #[inline(always)]
    fn branchless_exp_nonpositive(self) -> f64 {
        crate::exp::exp_nonpositive_f64(self)
    }
}
