//! The element types, by name.

use collectives::{Element, RunError};
use half::{bf16, f16};
use testkit::case::Case;
use testkit::choice::Choice;
use testkit::timed::start::Repeat;
use testkit::timed::{Measured, measure};

/// An element type that is known by its name only when the program runs.
#[derive(Debug)]
pub(crate) struct Dtype {
    /// As in Rust.
    pub(crate) name: &'static str,
    /// The bytes of an element.
    pub(crate) bytes: usize,
    /// [`measure`] for this type.
    pub(crate) measure: fn(Choice, &Case, Repeat) -> Result<Measured, RunError>,
}

macro_rules! all {
    ($($type:ident)*) => {
        /// All of them.
        pub(crate) static ALL: &[Dtype] = &[$(Dtype {
            name: <$type as Element>::TYPE.name,
            bytes: size_of::<$type>(),
            measure: measure::<$type>,
        },)*];
    };
}

all!(f32 f64 f16 bf16 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
