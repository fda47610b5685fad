//! One situation to try an operation in.

use std::fmt;

/// What a collective does, whatever the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `barrier`
    Barrier,
    /// `broadcast`
    Broadcast,
    /// `reduce`
    Reduce,
    /// `all_gather`, `all_gather_v`
    AllGather,
    /// `reduce_scatter`, `reduce_scatter_v`
    ReduceScatter,
    /// `all_reduce`
    AllReduce,
    /// `all_to_all`, `all_to_all_v`
    AllToAll,
    /// `gather`, `gather_v`
    Gather,
    /// `scatter`, `scatter_v`
    Scatter,
    /// `scan`
    Scan,
    /// `exclusive_scan`
    ExclusiveScan,
}

use Operation::*;

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Barrier,
        Broadcast,
        Reduce,
        AllGather,
        ReduceScatter,
        AllReduce,
        AllToAll,
        Gather,
        Scatter,
        Scan,
        ExclusiveScan,
    ];

    /// As the method is called.
    pub fn name(self) -> &'static str {
        match self {
            Barrier => "barrier",
            Broadcast => "broadcast",
            Reduce => "reduce",
            AllGather => "all_gather",
            ReduceScatter => "reduce_scatter",
            AllReduce => "all_reduce",
            AllToAll => "all_to_all",
            Gather => "gather",
            Scatter => "scatter",
            Scan => "scan",
            ExclusiveScan => "exclusive_scan",
        }
    }

    /// Whether it combines elements.
    pub fn reduces(self) -> bool {
        matches!(self, Reduce | ReduceScatter | AllReduce | Scan | ExclusiveScan)
    }

    /// Whether one rank is special.
    pub fn has_root(self) -> bool {
        matches!(self, Broadcast | Reduce | Gather | Scatter)
    }

    /// Whether it finds its input in the buffer that it leaves its output in.
    pub fn in_place(self) -> bool {
        matches!(self, Broadcast | AllReduce | Scan | ExclusiveScan)
    }

    /// Whether it has a form with counts.
    pub fn has_counts(self) -> bool {
        matches!(self, AllGather | ReduceScatter | AllToAll | Gather | Scatter)
    }
}

/// Ranks, lengths and root of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// P.
    pub ranks: usize,
    /// The length of the buffer, or of each rank's block for operations that work on blocks.
    pub length: usize,
    /// Blocks of different lengths, around `length`: the `_v` form.
    pub uneven: bool,
    /// For operations that have one.
    pub root: usize,
}

impl Case {
    /// A call on equal blocks, with rank 0 as root.
    pub fn new(ranks: usize, length: usize) -> Self {
        Self { ranks, length, uneven: false, root: 0 }
    }

    /// The elements that rank `from` has for rank `to`, in an all-to-all.
    pub fn pair_count(&self, from: usize, to: usize) -> usize {
        match self.uneven {
            true => (3 * from + 5 * to + self.length) % (self.length + 2),
            false => self.length,
        }
    }

    /// What a rank sends each rank, and takes from each, in an all-to-all.
    pub fn pair_counts(&self, rank: usize) -> (Vec<usize>, Vec<usize>) {
        let ranks = 0..self.ranks;
        (
            ranks.clone().map(|to| self.pair_count(rank, to)).collect(),
            ranks.map(|from| self.pair_count(from, rank)).collect(),
        )
    }

    /// The length of rank `rank`'s block, in other operations.
    pub fn count(&self, rank: usize) -> usize {
        self.pair_count(rank, 0)
    }

    /// The lengths of all blocks.
    pub fn counts(&self) -> Vec<usize> {
        (0..self.ranks).map(|rank| self.count(rank)).collect()
    }

    /// The elements that a rank puts in.
    pub fn input_length(&self, operation: Operation, rank: usize) -> usize {
        let total = || self.counts().iter().sum();
        match operation {
            Barrier => 0,
            Broadcast | Reduce | AllReduce | Scan | ExclusiveScan => self.length,
            Gather | AllGather => self.count(rank),
            ReduceScatter => total(),
            Scatter => {
                if rank == self.root {
                    total()
                } else {
                    0
                }
            }
            AllToAll => (0..self.ranks).map(|to| self.pair_count(rank, to)).sum(),
        }
    }

    /// The elements that a rank gets out.
    pub fn output_length(&self, operation: Operation, rank: usize) -> usize {
        let total = || self.counts().iter().sum();
        match operation {
            Barrier => 0,
            Broadcast | AllReduce | Scan | ExclusiveScan => self.length,
            Reduce => {
                if rank == self.root {
                    self.length
                } else {
                    0
                }
            }
            Scatter | ReduceScatter => self.count(rank),
            AllGather => total(),
            Gather => {
                if rank == self.root {
                    total()
                } else {
                    0
                }
            }
            AllToAll => (0..self.ranks).map(|from| self.pair_count(from, rank)).sum(),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = if self.uneven { ", uneven blocks" } else { "" };
        write!(f, "P = {}, length {}{blocks}, root {}", self.ranks, self.length, self.root)
    }
}
