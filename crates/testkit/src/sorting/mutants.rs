//! Sorts with a mistake each, most of them found in the wild. The suites must reject every one.
//!
//! All sorts are one plain run through the network, comparator by comparator (in `body`), with a question at each
//! place where one of them goes wrong. Without a mistake it passes, so it is the mistakes that are rejected.

mod body;
mod merges;
mod pairs;

pub use merges::MergeMutant;
pub use pairs::PairMutant;

use super::{Check, ComparisonGear, SortGear, Suited, comparing, suite};
use bitonic::{Direction, Key};
use std::cmp::Ordering;

/// The planted mistakes of sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// No mistake.
    Healthy,

    // The network.
    /// One comparator of the last stage puts the greater key on the lower wire.
    ComparatorReversed,
    /// The last stage of the last level is missing.
    StageMissing,
    /// The last stage is there twice: it sorts, by comparators that nobody needs.
    StageTwice,
    /// The first stage of a level compares wire i with wire i + half, although both halves rise.
    FlipNotReversed,
    /// The second block of 64 is sorted in descending order, as the form with alternating directions has it, and
    /// then flipped like the others.
    WrongDirectionAtBlockEdge,
    /// Blocks of 64 are cleaned without their last wire.
    BlockOffByOne,
    /// The largest power of two that fits is sorted, and the rest left alone.
    RestLeftAlone,
    /// The number of levels is the logarithm of the length, rounded down.
    LevelsRoundedDown,

    // Keys.
    /// Minimum and maximum as processors have them: the second of the two, if one is NaN or both are zero.
    NanLost,
    /// -0 is equal to +0.
    ZerosMerged,
    /// Unsigned keys are compared as if they were signed, floats as if their bits were integers.
    SignedCompare,
    /// Descending is ascending.
    DirectionIgnored,
    /// The last comparator of the two lowest wires writes the smaller key to both.
    KeyOverwritten,
    /// What comes before the first address that is a multiple of 64 is left alone.
    AlignedPartOnly,

    // Comparisons.
    /// A level isn't done where the groups follow each other in order already.
    EarlyExit,
    /// The whole network again and again, until the comparison finds nothing to complain of.
    UntilSorted,
    /// A comparison that panics is taken to have said that they are equal.
    PanicSwallowed,
}

use Mutant::*;

impl Mutant {
    /// All with a mistake.
    pub const ALL: [Self; 17] = [
        ComparatorReversed,
        StageMissing,
        StageTwice,
        FlipNotReversed,
        WrongDirectionAtBlockEdge,
        BlockOffByOne,
        RestLeftAlone,
        LevelsRoundedDown,
        NanLost,
        ZerosMerged,
        SignedCompare,
        DirectionIgnored,
        KeyOverwritten,
        AlignedPartOnly,
        EarlyExit,
        UntilSorted,
        PanicSwallowed,
    ];
}

/// The suite of keys, and then that of comparisons.
impl Suited for Mutant {
    fn checks() -> Vec<Check<Self>> {
        suite::checks().into_iter().chain(comparing::checks()).collect()
    }
}

impl SortGear for Mutant {
    fn sort<K: Key>(&self, keys: &mut [K], direction: Direction) {
        body::sort(*self, keys, direction);
    }
}

impl ComparisonGear for Mutant {
    fn sort_by<T>(&self, items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
        body::sort_by(*self, items, compare);
    }
}
