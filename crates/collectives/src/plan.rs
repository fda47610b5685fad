//! What a plain call would do here, without doing it: which algorithm, how many messages, bytes and rounds.
//!
//! A plan is the choice and its closed form, nothing measured: tests hold it against what the counting layer counts.

use crate::communicator::{total, wire_bytes};
use crate::{
    AllGather, AllReduce, AllToAll, BadCall, Barrier, Broadcast, Communicator, Cost, Element, ExclusiveScan,
    Gather, Layout, Reduce, ReduceScatter, Result, Scan, Scatter, Setting,
};
use std::fmt;
use transport::ElementType;

/// A plain call, as far as its cost depends on it. Lengths and counts are in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call<'a> {
    /// `barrier`
    Barrier,
    /// `broadcast`
    Broadcast {
        /// Of the buffer.
        length: usize,
        /// Whose buffer it is.
        root: usize,
    },
    /// `reduce`
    Reduce {
        /// Of the input.
        length: usize,
        /// Who gets the result.
        root: usize,
        /// Whether the reduction does.
        commutes: bool,
    },
    /// `all_reduce`
    AllReduce {
        /// Of the buffer.
        length: usize,
        /// Whether the reduction does.
        commutes: bool,
    },
    /// `gather`, `gather_v`
    Gather {
        /// Of all ranks.
        blocks: Blocks<'a>,
        /// Who gets them.
        root: usize,
    },
    /// `scatter`, `scatter_v`
    Scatter {
        /// Of all ranks.
        blocks: Blocks<'a>,
        /// Who has them.
        root: usize,
    },
    /// `all_gather`, `all_gather_v`
    AllGather {
        /// Of all ranks.
        blocks: Blocks<'a>,
    },
    /// `reduce_scatter`, `reduce_scatter_v`
    ReduceScatter {
        /// Of all ranks.
        blocks: Blocks<'a>,
        /// Whether the reduction does.
        commutes: bool,
    },
    /// `all_to_all`
    AllToAll {
        /// Of one block: what one rank has for one other.
        block: usize,
    },
    /// `all_to_all_v`
    AllToAllV {
        /// For each rank.
        send_counts: &'a [usize],
    },
    /// `scan`
    Scan {
        /// Of the buffer.
        length: usize,
    },
    /// `exclusive_scan`
    ExclusiveScan {
        /// Of the buffer.
        length: usize,
    },
}

/// The blocks of a call, one a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks<'a> {
    /// So long each: the plain form.
    Equal(usize),
    /// Each of its own length: the `_v` form.
    Counts(&'a [usize]),
}

/// What a plain call would do: what one rank sends, and how many rounds the call takes.
///
/// ```
/// use collectives::{Call, Setting};
///
/// let call = Call::AllReduce { length: 1 << 18, commutes: true };
/// let threads = Setting { ranks: 2, oversubscribed: false, lends: true };
/// let network = Setting { lends: false, ..threads };
/// assert_eq!(
///     threads.plan::<f32>(0, call)?.to_string(),
///     "all_reduce of 262144 f32 on 2 ranks: shared_columns, 1 message, 1048576 bytes, 1 round"
/// );
/// // By messages alone, the one that was measured to be the fastest of those.
/// assert_ne!(network.plan::<f32>(0, call)?.algorithm, "shared_columns");
/// # Ok::<(), collectives::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The method.
    pub operation: &'static str,
    /// How it is done.
    pub algorithm: &'static str,
    /// Of the whole buffer, or of all blocks together, in elements. None for a barrier.
    pub length: Option<usize>,
    /// The type of the elements.
    pub element: &'static ElementType,
    /// P.
    pub ranks: usize,
    /// Messages that the rank sends, or loans that it grants.
    pub messages: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Until the last rank is done.
    pub rounds: u64,
}

impl Communicator {
    /// What this rank would do in a plain call. Nothing is sent, so ranks need not call this together.
    ///
    /// ```
    /// use collectives::{Call, Sum, World};
    ///
    /// World::new(3).counting(true).run(|comm| {
    ///     let plan = comm.plan::<f64>(Call::AllReduce { length: 1000, commutes: true })?;
    ///     comm.all_reduce(&mut [1.0; 1000], &Sum)?;
    ///     let counted = comm.traffic().expect("the world counts").total;
    ///     assert_eq!((plan.messages, plan.bytes), (counted.messages, counted.bytes), "{plan}");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the call would be a [`BadCall`].
    #[track_caller]
    pub fn plan<T: Element>(&self, call: Call<'_>) -> Result<Plan> {
        self.setting().plan::<T>(self.rank(), call)
    }
}

impl Setting {
    /// What rank `rank` would do in a plain call, in such a setting.
    ///
    /// # Errors
    ///
    /// If there is no such rank, or the call would be a [`BadCall`].
    #[track_caller]
    pub fn plan<T: Element>(self, rank: usize, call: Call<'_>) -> Result<Plan> {
        call.check(self.ranks, rank)?;
        let (algorithm, cost) = call.chosen(self, rank, T::TYPE.wire_bytes);
        Ok(Plan {
            operation: call.operation(),
            algorithm,
            length: call.total(self.ranks),
            element: T::TYPE,
            ranks: self.ranks,
            messages: cost.messages as u64,
            bytes: wire_bytes::<T>(cost.elements) as u64,
            rounds: cost.rounds as u64,
        })
    }
}

impl Call<'_> {
    /// The method.
    fn operation(self) -> &'static str {
        let form = |blocks: Blocks<'_>, [equal, counts]: [&'static str; 2]| match blocks {
            Blocks::Equal(_) => equal,
            Blocks::Counts(_) => counts,
        };
        match self {
            Self::Barrier => "barrier",
            Self::Broadcast { .. } => "broadcast",
            Self::Reduce { .. } => "reduce",
            Self::AllReduce { .. } => "all_reduce",
            Self::Gather { blocks, .. } => form(blocks, ["gather", "gather_v"]),
            Self::Scatter { blocks, .. } => form(blocks, ["scatter", "scatter_v"]),
            Self::AllGather { blocks } => form(blocks, ["all_gather", "all_gather_v"]),
            Self::ReduceScatter { blocks, .. } => form(blocks, ["reduce_scatter", "reduce_scatter_v"]),
            Self::AllToAll { .. } => "all_to_all",
            Self::AllToAllV { .. } => "all_to_all_v",
            Self::Scan { .. } => "scan",
            Self::ExclusiveScan { .. } => "exclusive_scan",
        }
    }

    /// What the method itself would object to.
    fn check(self, ranks: usize, rank: usize) -> Result<(), BadCall> {
        let operation = self.operation();
        let among = |argument, rank| match rank < ranks {
            true => Ok(()),
            false => Err(BadCall::NoSuchRank { operation, argument, rank, ranks }),
        };
        among("rank", rank)?;
        if let Self::Broadcast { root, .. }
        | Self::Reduce { root, .. }
        | Self::Gather { root, .. }
        | Self::Scatter { root, .. } = self
        {
            among("root", root)?;
        }
        let (argument, counts) = match self {
            Self::Gather { blocks: Blocks::Counts(counts), .. }
            | Self::Scatter { blocks: Blocks::Counts(counts), .. }
            | Self::AllGather { blocks: Blocks::Counts(counts) }
            | Self::ReduceScatter { blocks: Blocks::Counts(counts), .. } => ("counts", counts),
            Self::AllToAllV { send_counts } => ("send_counts", send_counts),
            _ => return Ok(()),
        };
        if counts.len() != ranks {
            let (holds, because) = (counts.len(), "one count a rank");
            return Err(BadCall::Length { operation, argument, holds, expected: ranks, because });
        }
        let layout = Layout::try_of_counts(counts.iter().copied());
        layout.map(|_| ()).ok_or(BadCall::TooLong { operation, argument })
    }

    /// Elements of the whole buffer, or of all blocks together.
    fn total(self, ranks: usize) -> Option<usize> {
        Some(match self {
            Self::Barrier => return None,
            Self::Broadcast { length, .. }
            | Self::Reduce { length, .. }
            | Self::AllReduce { length, .. }
            | Self::Scan { length }
            | Self::ExclusiveScan { length } => length,
            Self::Gather { blocks, .. }
            | Self::Scatter { blocks, .. }
            | Self::AllGather { blocks }
            | Self::ReduceScatter { blocks, .. } => match blocks {
                Blocks::Equal(length) => ranks.saturating_mul(length),
                Blocks::Counts(counts) => total(counts),
            },
            Self::AllToAll { block } => ranks.saturating_mul(block),
            Self::AllToAllV { send_counts } => total(send_counts),
        })
    }

    /// The algorithm of the plain method, and what it costs this rank.
    fn chosen(self, setting: Setting, rank: usize, element_bytes: usize) -> (&'static str, Cost) {
        let ranks = setting.ranks;
        let length = self.total(ranks).unwrap_or(0);
        let bytes = length.saturating_mul(element_bytes);
        let layout = |blocks: Blocks<'_>| match blocks {
            Blocks::Equal(_) => Layout::even(length, ranks),
            Blocks::Counts(counts) => Layout::of_counts(counts.iter().copied()),
        };
        match self {
            Self::Barrier => {
                let a = Barrier::choose(setting);
                (a.name(), a.cost(ranks, rank))
            }
            Self::Broadcast { root, .. } => {
                let a = Broadcast::choose(setting, bytes);
                (a.name(), a.cost(ranks, rank, length, root))
            }
            Self::Reduce { root, commutes, .. } => {
                let a = Reduce::choose(setting, bytes);
                (a.name(), a.cost(ranks, rank, length, root, commutes))
            }
            Self::AllReduce { commutes, .. } => {
                let a = AllReduce::choose(setting, bytes, commutes);
                (a.name(), a.cost(ranks, rank, length))
            }
            Self::Gather { blocks, root } => {
                let a = Gather::choose(setting, bytes);
                (a.name(), a.cost(&layout(blocks), rank, root))
            }
            Self::Scatter { blocks, root } => {
                let a = Scatter::choose(setting, bytes);
                (a.name(), a.cost(&layout(blocks), rank, root))
            }
            Self::AllGather { blocks } => {
                let a = AllGather::choose(setting, bytes);
                (a.name(), a.cost(&layout(blocks), rank))
            }
            Self::ReduceScatter { blocks, commutes } => {
                let a = ReduceScatter::choose(setting, bytes, commutes);
                (a.name(), a.cost(&layout(blocks), rank))
            }
            Self::AllToAll { block } => {
                let a = AllToAll::choose(setting, bytes);
                (a.name(), a.cost(&layout(Blocks::Equal(block)), rank))
            }
            Self::AllToAllV { send_counts } => {
                let a = AllToAll::CHOSEN_WITH_COUNTS;
                (a.name(), a.cost(&layout(Blocks::Counts(send_counts)), rank))
            }
            Self::Scan { .. } => {
                let a = Scan::choose(setting, bytes);
                (a.name(), a.cost(ranks, rank, length))
            }
            Self::ExclusiveScan { .. } => {
                let a = ExclusiveScan::choose(setting, bytes);
                (a.name(), a.cost(ranks, rank, length))
            }
        }
    }
}

/// "all_reduce of 262144 f32 on 2 ranks: shared_columns, 1 message, 1048576 bytes, 1 round"
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        write!(f, "{}", self.operation)?;
        if let Some(length) = self.length {
            write!(f, " of {length} {}", self.element.name)?;
        }
        let [messages, bytes, rounds] =
            [(self.messages, "message"), (self.bytes, "byte"), (self.rounds, "round")]
                .map(|(count, what)| counted(count, what));
        let ranks = counted(self.ranks as u64, "rank");
        write!(f, " on {ranks}: {}, {messages}, {bytes}, {rounds}", self.algorithm)
    }
}
