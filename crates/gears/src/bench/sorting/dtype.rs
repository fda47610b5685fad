//! The key types, by name.

use collectives::RunError;
use testkit::timed::sorting::ranks::{self, OnRanks};
use testkit::timed::sorting::{self, Setting};
use testkit::timed::start::Repeat;

/// A key type that is known by its name only when the program runs.
#[derive(Debug)]
pub(super) struct Dtype {
    /// As in Rust.
    pub(super) name: &'static str,
    /// [`sorting::measure`] for this type.
    pub(super) measure: fn(&Setting, Repeat) -> sorting::Measured,
    /// [`ranks::measure`] for this type.
    pub(super) on_ranks: fn(&OnRanks, Repeat) -> Result<ranks::Measured, RunError>,
}

macro_rules! all {
    ($($type:ident)*) => {
        /// Those that differ in what a sort does: the others are sorted as these are.
        pub(super) static ALL: &[Dtype] = &[$(Dtype {
            name: stringify!($type),
            measure: sorting::measure::<$type>,
            on_ranks: ranks::measure::<$type>,
        },)*];
    };
}

all!(u8 u16 u32 u64 i32 i64 f32 f64);
