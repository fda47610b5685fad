//! What every sort owes: keys to sort, suites, and the planted mistakes that they must reject.
//!
//! | module | idea |
//! |---|---|
//! | [`sample`] | a key type, as the standard library knows it: any bits, its order, its special values |
//! | [`pattern`] | inputs: a pattern, a length and a seed |
//! | `gear` | anything that claims to sort: four traits, and what of `bitonic` has them |
//! | `suite` | what a sort of keys owes |
//! | `comparing` | what a sort by a comparison owes: whatever it is told, and the network itself |
//! | `pairing` | what argsort, and sorts of pairs, owe |
//! | `merging` | what a merge of a hill or a valley owes |
//! | `mutants` | sorts with a mistake each |
//!
//! A sort is one line: it implements one of the four traits. All but the inputs need the feature `sorting-suite`,
//! and are left out of this crate's own unit tests, which don't use them: that is a second build of the whole crate,
//! and they would be half of it.

/// A check's cases of each of these types, in all; of every type, if none is named.
#[cfg(all(feature = "sorting-suite", not(test)))]
macro_rules! of_types {
    ($cases:ident $arguments:tt) => {
        of_types!($cases $arguments u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64)
    };
    ($cases:ident $arguments:tt $($key:ident)+) => {
        (|| -> Verdict { Ok(0 $(+ $cases::<$key> $arguments?)+) })()
    };
}

/// A sort as a function of keys of one type. So the cases of a check are compiled once a type, and not once more for
/// every sort.
#[cfg(all(feature = "sorting-suite", not(test)))]
macro_rules! sort {
    ($gear:ident) => {
        &|keys: &mut [_], direction| $gear.sort(keys, direction)
    };
}

#[cfg(all(feature = "sorting-suite", not(test)))]
pub mod comparing;
#[cfg(all(feature = "sorting-suite", not(test)))]
pub mod gear;
#[cfg(all(feature = "sorting-suite", not(test)))]
pub mod merging;
#[cfg(all(feature = "sorting-suite", not(test)))]
pub mod mutants;
#[cfg(all(feature = "sorting-suite", not(test)))]
pub mod pairing;
pub mod pattern;
pub mod sample;
#[cfg(all(feature = "sorting-suite", not(test)))]
pub mod suite;

#[cfg(all(feature = "sorting-suite", not(test)))]
use gear::Sort;
#[cfg(all(feature = "sorting-suite", not(test)))]
pub use gear::{
    Check, Comparing, ComparisonGear, Extent, MergeGear, Merges, PairGear, Pairs, SortGear, Suited,
};
pub use pattern::{Input, Pattern};
pub use sample::Sample;
