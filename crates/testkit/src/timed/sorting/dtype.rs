//! The key types, by name.
//!
//! All contenders sort keys of all types: that is most of what there is to compile in a bench. So it is compiled here,
//! once, and not in every program that measures.

use super::contender::Contender;
use super::ranks::{self, OnRanks};
use super::{Measured, Setting};
use crate::sorting::Pattern;
use crate::timed::start::Repeat;
use collectives::RunError;
use std::time::Duration;

/// A key type that is known by its name only when the program runs.
#[derive(Clone, Copy, Debug)]
pub struct Dtype {
    /// As in Rust.
    pub name: &'static str,
    /// [`measure`](super::measure) for this type.
    pub measure: fn(&Setting, Repeat) -> Measured,
    /// [`ranks::measure`] for this type.
    pub on_ranks: fn(&OnRanks, Repeat) -> Result<ranks::Measured, RunError>,
    /// [`wrong`](super::wrong) for this type.
    pub wrong: fn(Pattern, usize, Contender) -> usize,
    /// [`laps`](super::laps) for this type.
    pub laps: fn(Pattern, usize, Contender, u64) -> Duration,
}

impl Dtype {
    /// The type of this name.
    ///
    /// # Panics
    ///
    /// If it isn't among [`ALL`].
    pub fn named(name: &str) -> &'static Dtype {
        ALL.iter()
            .find(|dtype| dtype.name == name)
            .unwrap_or_else(|| panic!("{name} isn't among the key types"))
    }
}

macro_rules! all {
    ($($type:ident)*) => {
        /// Those that differ in what a sort does: the others are sorted as these are.
        pub static ALL: &[Dtype] = &[$(Dtype {
            name: stringify!($type),
            measure: super::measure::<$type>,
            on_ranks: ranks::measure::<$type>,
            wrong: super::wrong::<$type>,
            laps: super::laps::<$type>,
        },)*];
    };
}

all!(u8 u16 u32 u64 i32 i64 f32 f64);
