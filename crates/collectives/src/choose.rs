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

pub(crate) fn barrier(_ranks: usize) -> Barrier {
    // Central was faster in most runs among more ranks than cores; where each has a core it is slower.
    Barrier::Dissemination
}

pub(crate) fn broadcast(ranks: usize, bytes: usize) -> Broadcast {
    if ranks <= 2 || bytes < KIB { Broadcast::Flat } else { Broadcast::Binomial }
}

pub(crate) fn reduce(ranks: usize, bytes: usize) -> Reduce {
    let long = (512 * KIB..8 * MIB).contains(&bytes);
    if ranks > 2 && long { Reduce::ReduceScatterGather } else { Reduce::Flat }
}

pub(crate) fn all_reduce(ranks: usize, bytes: usize, commutes: bool) -> AllReduce {
    let short = if ranks > 2 { 16 * KIB } else { 4 * KIB };
    if ranks >= 16 && bytes < KIB {
        AllReduce::ReduceBroadcast
    } else if ranks >= 16 && bytes < 128 * KIB {
        AllReduce::TwoLevel { group: GROUP }
    } else if bytes < short {
        AllReduce::RecursiveDoubling
    } else if !commutes {
        AllReduce::HalvingDoubling
    } else if bytes >= 4 * MIB {
        AllReduce::SegmentedRing { segment: SEGMENT }
    } else if ranks > 2 && ranks.is_power_of_two() {
        AllReduce::HalvingDoubling
    } else {
        AllReduce::Ring
    }
}

pub(crate) fn gather(_ranks: usize) -> Gather {
    Gather::Linear
}

/// By the bytes of one block, or of all blocks together over the number of ranks.
pub(crate) fn scatter(ranks: usize, block: usize) -> Scatter {
    // Blocks that are not buffered make the root of a linear scatter wait for each.
    let waits = (KIB..64 * KIB).contains(&block);
    if ranks >= 8 && waits { Scatter::Binomial } else { Scatter::Linear }
}

pub(crate) fn all_gather(ranks: usize, bytes: usize) -> AllGather {
    if ranks > 2 && ranks.is_power_of_two() && bytes < 4 * MIB {
        AllGather::RecursiveDoubling
    } else if ranks > 2 && bytes < 8 * KIB {
        AllGather::Bruck
    } else {
        AllGather::Ring
    }
}

pub(crate) fn reduce_scatter(ranks: usize, bytes: usize, commutes: bool) -> ReduceScatter {
    let short = bytes < 32 * KIB;
    match short && commutes && ranks > 2 && ranks.is_power_of_two() {
        true => ReduceScatter::RecursiveHalving,
        false => ReduceScatter::Pairwise,
    }
}

pub(crate) fn all_to_all(ranks: usize, bytes: usize) -> AllToAll {
    if ranks > 2 && bytes / ranks <= KIB { AllToAll::Bruck } else { AllToAll::Pairwise }
}

pub(crate) fn scan(ranks: usize, bytes: usize) -> Scan {
    if ranks > 2 && bytes < KIB { Scan::RecursiveDoubling } else { Scan::Linear }
}

pub(crate) fn exclusive_scan(ranks: usize, bytes: usize) -> ExclusiveScan {
    if ranks > 2 && bytes < KIB { ExclusiveScan::RecursiveDoubling } else { ExclusiveScan::Linear }
}
