//! Which algorithm the plain methods use: by the number of ranks and the bytes of the whole call.
//!
//! Measured with `gears bench OPERATION --ranks P --algorithm all` for P = 2, 4, 8, 16 and 64 on 2 cores of
//! an AMD EPYC virtual machine, 2026-11. So from 3 ranks on, ranks shared cores there, and what counted was
//! how often threads had to hand over to each other: flat algorithms with short, buffered messages do well,
//! and two levels beat more refined schemes. Where every rank has a core of its own, trees would win
//! earlier.
//!
//! All ranks choose alike, since they see the same numbers.

use crate::all_reduce::{GROUP, SEGMENT};
use crate::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, ExclusiveScan, Gather, Reduce, ReduceScatter, Scan,
    Scatter,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

impl Barrier {
    /// What the plain method uses.
    pub fn choose(_ranks: usize) -> Self {
        // Central was faster in most runs among more ranks than cores; where each has a core it is slower.
        Self::Dissemination
    }
}

impl Broadcast {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize) -> Self {
        if ranks <= 2 || bytes < KIB { Self::Flat } else { Self::Binomial }
    }
}

impl Reduce {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize) -> Self {
        let long = (512 * KIB..8 * MIB).contains(&bytes);
        if ranks > 2 && long { Self::ReduceScatterGather } else { Self::Flat }
    }
}

impl AllReduce {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize, commutes: bool) -> Self {
        let short = if ranks > 2 { 16 * KIB } else { 4 * KIB };
        if ranks >= 16 && bytes < KIB {
            Self::ReduceBroadcast
        } else if ranks >= 16 && bytes < 128 * KIB {
            Self::TwoLevel { group: GROUP }
        } else if bytes < short {
            Self::RecursiveDoubling
        } else if !commutes {
            Self::HalvingDoubling
        } else if bytes >= 4 * MIB {
            Self::SegmentedRing { segment: SEGMENT }
        } else if ranks > 2 && ranks.is_power_of_two() {
            Self::HalvingDoubling
        } else {
            Self::Ring
        }
    }
}

impl Gather {
    /// What the plain method uses.
    pub fn choose(_ranks: usize) -> Self {
        Self::Linear
    }
}

impl Scatter {
    /// What the plain method uses. `block` is the bytes of one block, or of all blocks together over the number of ranks.
    pub fn choose(ranks: usize, block: usize) -> Self {
        // Blocks that are not buffered make the root of a linear scatter wait for each.
        let waits = (KIB..64 * KIB).contains(&block);
        if ranks >= 8 && waits { Self::Binomial } else { Self::Linear }
    }
}

impl AllGather {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize) -> Self {
        if ranks > 2 && ranks.is_power_of_two() && bytes < 4 * MIB {
            Self::RecursiveDoubling
        } else if ranks > 2 && bytes < 8 * KIB {
            Self::Bruck
        } else {
            Self::Ring
        }
    }
}

impl ReduceScatter {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize, commutes: bool) -> Self {
        let short = bytes < 32 * KIB;
        match short && commutes && ranks > 2 && ranks.is_power_of_two() {
            true => Self::RecursiveHalving,
            false => Self::Pairwise,
        }
    }
}

impl AllToAll {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize) -> Self {
        if ranks > 2 && bytes / ranks <= KIB { Self::Bruck } else { Self::Pairwise }
    }
}

impl Scan {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize) -> Self {
        if ranks > 2 && bytes < KIB { Self::RecursiveDoubling } else { Self::Linear }
    }
}

impl ExclusiveScan {
    /// What the plain method uses. `bytes` is the length of the whole buffer, or of all blocks.
    pub fn choose(ranks: usize, bytes: usize) -> Self {
        if ranks > 2 && bytes < KIB { Self::RecursiveDoubling } else { Self::Linear }
    }
}
