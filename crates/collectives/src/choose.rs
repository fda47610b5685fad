//! Which algorithm the plain methods use: looked up in measured rows.
//!
//! ```text
//! all_reduce    2 ranks, a core each      from 0 bytes: recursive_doubling   from 8192: shared_columns ...
//!               4 ranks that share cores  from 0 bytes: recursive_doubling   from 2048: ...
//!               8 ranks that share cores  ...
//! ```
//!
//! [`table`] holds the rows, and says on what machine they were measured; `gears tune` writes it. A rank looks in
//! the row whose number of ranks is nearest to its own (by ratio: 6 is nearer to 8 than to 4; of two that are
//! equally near, the smaller), among those that were measured with as many cores as ranks, or with fewer, whichever
//! is the case. In a row it takes the last step that begins at its size or below.
//!
//! A step lists the fastest first. What can't be used falls through to the next: shared columns where ranks don't
//! share memory, algorithms that reorder the ranks if the reduction doesn't commute. So does what folds where the
//! number of ranks is no power of two (see [`power`](crate::power)): rows are measured with powers of two, unless
//! nothing else is listed. One of each list can be used always.
//!
//! **More ranks than were measured, with a core each.** On a machine of few cores that can't be tried. Short calls
//! then take what needs the fewest rounds, by the closed forms ([`SHORT`], and `few_rounds` below); longer ones what
//! was measured with the nearest number of ranks, though they shared cores: on two ranks most ways are the same.
//!
//! All ranks choose alike, since they see the same numbers: sizes, reduction, [`Setting`].

#[rustfmt::skip] // generated
mod table;

use crate::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, ExclusiveScan, Gather, Reduce, ReduceScatter, Scan,
    Scatter,
};

/// Where ranks run, as far as a choice of algorithm depends on it. All ranks of a communicator have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// P.
    pub ranks: usize,
    /// Whether the ranks of the world outnumber the cores that they run on.
    pub oversubscribed: bool,
    /// Whether ranks can lend each other their buffers, as shared columns need.
    pub lends: bool,
}

/// Why an algorithm can't be used always. `gears tune` asks as well, which has to list one behind it that can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// It needs the ranks to lend each other their buffers.
    pub lends: bool,
    /// It needs the reduction to commute.
    pub reorders: bool,
    /// It sends more, or takes more rounds, where the number of ranks is no power of two.
    pub folds: bool,
}

/// What was measured with one number of ranks.
struct Row<A: 'static> {
    ranks: usize,
    /// Whether they outnumbered the cores.
    oversubscribed: bool,
    /// From so many bytes on, these, the fastest first. The first step begins at 0.
    steps: &'static [(usize, &'static [A])],
}

impl<A> Row<A> {
    fn from(&self, bytes: usize) -> &'static [A] {
        let step = self.steps.iter().rev().find(|&&(from, _)| from <= bytes);
        step.expect("the first step begins at 0").1
    }
}

/// Below so many bytes a call is short: what its messages weigh hardly matters, how many rounds there are does.
const SHORT: usize = 4 << 10;

/// The ways of an operation.
trait Ladder: Copy + PartialEq + 'static {
    /// What was measured.
    const MEASURED: &'static [Row<Self>];

    /// For short calls of more ranks than were measured, with a core each.
    const FEW_ROUNDS: &'static [Self];

    /// Where it can't be used, or shouldn't.
    fn limits(self) -> Limits;
}

impl Setting {
    /// The fastest that can be used for a call of so many bytes.
    fn pick<A: Ladder>(self, bytes: usize, commutes: bool) -> A {
        let listed = self.listed::<A>(bytes);
        let works = |a: &A| (self.lends || !a.limits().lends) && (commutes || !a.limits().reorders);
        let suits = |a: &A| works(a) && (self.ranks.is_power_of_two() || !a.limits().folds);
        let found = listed.iter().find(|a| suits(a)).or_else(|| listed.iter().find(|a| works(a)));
        *found.expect("one of each list can be used always")
    }

    fn listed<A: Ladder>(self, bytes: usize) -> &'static [A] {
        let alike = |row: &&Row<A>| row.oversubscribed == self.oversubscribed;
        // Mostly there is such a row, and to find it takes no division.
        if let Some(row) = A::MEASURED.iter().filter(alike).find(|row| row.ranks == self.ranks) {
            return row.from(bytes);
        }
        let most = A::MEASURED.iter().filter(alike).map(|row| row.ranks).max().unwrap_or(0);
        let unmeasured = !self.oversubscribed && self.ranks > most;
        if unmeasured && bytes < SHORT {
            return A::FEW_ROUNDS;
        }
        // Rows are sorted, and of equals the first is taken. One of the other kind is better than none.
        let distance = |row: &&Row<A>| {
            let (fewer, more) = (Ord::min(row.ranks, self.ranks).max(1), Ord::max(row.ranks, self.ranks));
            (!alike(row) && !unmeasured, (more << 20) / fewer)
        };
        A::MEASURED.iter().min_by_key(distance).expect("rows").from(bytes)
    }
}

/// For each operation: its measured rows; what needs few rounds; what limits its algorithms.
macro_rules! ladders {
    ($($ladder:ident, $rows:ident, few_rounds [$($few:ident),*]
        $(, lends $lends:ident)? $(, reorders unless $keeps_order:ident)? $(, folds $folds:ident)?;
    )*) => {$(
        impl $ladder {
            /// Where it can't be used, or shouldn't.
            pub fn limits(self) -> Limits {
                Limits {
                    lends: false $(|| self == Self::$lends)?,
                    reorders: false $(|| !self.$keeps_order())?,
                    folds: false $(|| self == Self::$folds)?,
                }
            }
        }

        impl Ladder for $ladder {
            const MEASURED: &'static [Row<Self>] = table::$rows;
            const FEW_ROUNDS: &'static [Self] = &[$(Self::$few),*];

            fn limits(self) -> Limits {
                Self::limits(self)
            }
        }
    )*};
}

ladders! {
    Barrier, BARRIER, few_rounds [Dissemination];
    Broadcast, BROADCAST, few_rounds [Binomial], lends SharedColumns;
    Reduce, REDUCE, few_rounds [Binomial], lends SharedColumns;
    AllReduce, ALL_REDUCE, few_rounds [RecursiveDoubling], lends SharedColumns,
        reorders unless keeps_order, folds HalvingDoubling;
    Gather, GATHER, few_rounds [Binomial];
    Scatter, SCATTER, few_rounds [Binomial];
    AllGather, ALL_GATHER, few_rounds [Bruck], lends SharedColumns, folds RecursiveDoubling;
    ReduceScatter, REDUCE_SCATTER, few_rounds [RecursiveHalving, Pairwise], lends SharedColumns,
        reorders unless keeps_order, folds RecursiveHalving;
    AllToAll, ALL_TO_ALL, few_rounds [Bruck], lends SharedColumns;
    Scan, SCAN, few_rounds [RecursiveDoubling];
    ExclusiveScan, EXCLUSIVE_SCAN, few_rounds [RecursiveDoubling];
}

impl Barrier {
    /// What the plain method uses.
    pub fn choose(setting: Setting) -> Self {
        setting.pick(0, true)
    }
}

macro_rules! by_size {
    ($($ladder:ident)*) => {$(
        impl $ladder {
            /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
            pub fn choose(setting: Setting, bytes: usize) -> Self {
                setting.pick(bytes, true)
            }
        }
    )*};
}

by_size!(Broadcast Reduce Gather Scatter AllGather AllToAll Scan ExclusiveScan);

macro_rules! by_size_and_reduction {
    ($($ladder:ident)*) => {$(
        impl $ladder {
            /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
            pub fn choose(setting: Setting, bytes: usize, commutes: bool) -> Self {
                setting.pick(bytes, commutes)
            }
        }
    )*};
}

by_size_and_reduction!(AllReduce ReduceScatter);

#[cfg(test)]
mod tests;
