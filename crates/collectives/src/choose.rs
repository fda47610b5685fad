//! Which algorithm the plain methods use: by the number of ranks and the bytes of the whole call.
//!
//! Measured with `gears bench` on 2 cores of an AMD EPYC virtual machine, 2026-11. With more ranks than
//! cores (there: 3 and more) what counts is how often threads hand over to each other, so few messages beat
//! few rounds; where every rank has a core or a machine of its own, rounds count. One table serves both
//! until there is one for each. All ranks choose alike, since they see the same numbers.

use crate::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, ExclusiveScan, Gather, Reduce, ReduceScatter, Scan,
    Scatter,
};

pub(crate) fn barrier(_ranks: usize) -> Barrier {
    Barrier::Dissemination
}

pub(crate) fn broadcast(ranks: usize, bytes: usize) -> Broadcast {
    match (ranks, bytes) {
        (0..=3, _) => Broadcast::Flat,
        (_, 0..1_048_576) => Broadcast::Binomial,
        _ => Broadcast::ScatterAllGather,
    }
}

pub(crate) fn reduce(ranks: usize, bytes: usize) -> Reduce {
    match (ranks, bytes) {
        (_, 32_768..) => Reduce::ReduceScatterGather,
        (0..=3, _) => Reduce::Flat,
        _ => Reduce::Binomial,
    }
}

pub(crate) fn all_reduce(ranks: usize, bytes: usize, commutes: bool) -> AllReduce {
    match (ranks, bytes) {
        (_, 0..8_192) => AllReduce::RecursiveDoubling,
        (0..=4, _) if commutes => AllReduce::Ring,
        _ if commutes && !ranks.is_power_of_two() => AllReduce::Ring,
        _ => AllReduce::HalvingDoubling,
    }
}

pub(crate) fn gather(ranks: usize, bytes: usize) -> Gather {
    if ranks > 4 && bytes <= 1_024 { Gather::Binomial } else { Gather::Linear }
}

/// By the ranks alone, since a rank's own count differs from the others'.
pub(crate) fn gather_v(_ranks: usize) -> Gather {
    Gather::Linear
}

pub(crate) fn scatter(ranks: usize, bytes: usize) -> Scatter {
    if ranks > 4 && bytes <= 1_024 { Scatter::Binomial } else { Scatter::Linear }
}

/// As for [`gather_v`].
pub(crate) fn scatter_v(_ranks: usize) -> Scatter {
    Scatter::Linear
}

pub(crate) fn all_gather(ranks: usize, bytes: usize) -> AllGather {
    match bytes {
        0..32_768 if ranks.is_power_of_two() => AllGather::RecursiveDoubling,
        0..32_768 => AllGather::Bruck,
        _ => AllGather::Ring,
    }
}

pub(crate) fn reduce_scatter(ranks: usize, bytes: usize, commutes: bool) -> ReduceScatter {
    match bytes {
        0..32_768 if commutes && ranks.is_power_of_two() => ReduceScatter::RecursiveHalving,
        _ => ReduceScatter::Pairwise,
    }
}

pub(crate) fn all_to_all(ranks: usize, bytes: usize) -> AllToAll {
    if ranks > 4 && bytes / ranks <= 256 { AllToAll::Bruck } else { AllToAll::Pairwise }
}

pub(crate) fn scan(ranks: usize) -> Scan {
    if ranks <= 2 { Scan::Linear } else { Scan::RecursiveDoubling }
}

pub(crate) fn exclusive_scan(ranks: usize) -> ExclusiveScan {
    if ranks <= 2 { ExclusiveScan::Linear } else { ExclusiveScan::RecursiveDoubling }
}
