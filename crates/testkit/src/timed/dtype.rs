//! The element types of collectives, by name. Each is compiled here, once, and not in every program that measures.

use super::start::Repeat;
use super::{Measured, measure};
use crate::case::Case;
use crate::choice::Choice;
use collectives::{Element, RunError};
use half::{bf16, f16};

/// An element type that is known by its name only when the program runs.
#[derive(Debug)]
pub struct Dtype {
    /// As in Rust.
    pub name: &'static str,
    /// The bytes of an element.
    pub bytes: usize,
    /// [`measure`] for this type.
    pub measure: fn(Choice, &Case, Repeat) -> Result<Measured, RunError>,
}

macro_rules! all {
    ($($type:ident)*) => {
        /// All of them.
        pub static ALL: &[Dtype] = &[$(Dtype {
            name: <$type as Element>::TYPE.name,
            bytes: size_of::<$type>(),
            measure: measure::<$type>,
        },)*];
    };
}

all!(f32 f64 f16 bf16 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
