//! What the plain methods use, fastest first: see [`choose`](super) for how it is looked up.
//!
//! Machine: 2 cores of an AMD EPYC virtual machine
//! Date: 2026-11
//! By hand, from `gears bench OPERATION --ranks P --algorithm all`. From now on: `gears tune`.

use super::Row;
use crate::*;

pub(super) const BARRIER: &[Row<Barrier>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[Barrier::Dissemination]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[Barrier::Dissemination]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[Barrier::Dissemination]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[Barrier::Dissemination]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[Barrier::Dissemination]),
    ] },
];

pub(super) const BROADCAST: &[Row<Broadcast>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[Broadcast::Flat]),
        (4096, &[Broadcast::SharedColumns, Broadcast::Flat]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[Broadcast::Flat]),
        (1024, &[Broadcast::Binomial]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[Broadcast::Flat]),
        (1024, &[Broadcast::Binomial]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[Broadcast::Flat]),
        (1024, &[Broadcast::Binomial]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[Broadcast::Flat]),
        (1024, &[Broadcast::Binomial]),
    ] },
];

pub(super) const REDUCE: &[Row<Reduce>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[Reduce::Flat]),
        (4096, &[Reduce::SharedColumns, Reduce::Flat]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[Reduce::Flat]),
        (524288, &[Reduce::ReduceScatterGather]),
        (8388608, &[Reduce::Flat]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[Reduce::Flat]),
        (524288, &[Reduce::ReduceScatterGather]),
        (8388608, &[Reduce::Flat]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[Reduce::Flat]),
        (524288, &[Reduce::ReduceScatterGather]),
        (8388608, &[Reduce::Flat]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[Reduce::Flat]),
        (524288, &[Reduce::ReduceScatterGather]),
        (8388608, &[Reduce::Flat]),
    ] },
];

pub(super) const ALL_GATHER: &[Row<AllGather>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[AllGather::Ring]),
        (4096, &[AllGather::SharedColumns, AllGather::Ring]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[AllGather::RecursiveDoubling, AllGather::Bruck]),
        (8192, &[AllGather::RecursiveDoubling, AllGather::Ring]),
        (4194304, &[AllGather::Ring]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[AllGather::RecursiveDoubling, AllGather::Bruck]),
        (8192, &[AllGather::RecursiveDoubling, AllGather::Ring]),
        (4194304, &[AllGather::Ring]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[AllGather::RecursiveDoubling, AllGather::Bruck]),
        (8192, &[AllGather::RecursiveDoubling, AllGather::Ring]),
        (4194304, &[AllGather::Ring]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[AllGather::RecursiveDoubling, AllGather::Bruck]),
        (8192, &[AllGather::RecursiveDoubling, AllGather::Ring]),
        (4194304, &[AllGather::Ring]),
    ] },
];

pub(super) const REDUCE_SCATTER: &[Row<ReduceScatter>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[ReduceScatter::Pairwise]),
        (4096, &[ReduceScatter::SharedColumns, ReduceScatter::Pairwise]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[ReduceScatter::RecursiveHalving, ReduceScatter::Pairwise]),
        (32768, &[ReduceScatter::Pairwise]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[ReduceScatter::RecursiveHalving, ReduceScatter::Pairwise]),
        (32768, &[ReduceScatter::Pairwise]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[ReduceScatter::RecursiveHalving, ReduceScatter::Pairwise]),
        (32768, &[ReduceScatter::Pairwise]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[ReduceScatter::RecursiveHalving, ReduceScatter::Pairwise]),
        (32768, &[ReduceScatter::Pairwise]),
    ] },
];

pub(super) const ALL_REDUCE: &[Row<AllReduce>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[AllReduce::RecursiveDoubling]),
        (4096, &[AllReduce::SharedColumns, AllReduce::Ring, AllReduce::HalvingDoubling]),
        (4194304, &[AllReduce::SharedColumns, AllReduce::SegmentedRing { segment: 65536 }, AllReduce::HalvingDoubling]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[AllReduce::RecursiveDoubling]),
        (16384, &[AllReduce::HalvingDoubling, AllReduce::Ring]),
        (4194304, &[AllReduce::SegmentedRing { segment: 65536 }, AllReduce::HalvingDoubling]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[AllReduce::RecursiveDoubling]),
        (16384, &[AllReduce::HalvingDoubling, AllReduce::Ring]),
        (4194304, &[AllReduce::SegmentedRing { segment: 65536 }, AllReduce::HalvingDoubling]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[AllReduce::ReduceBroadcast]),
        (1024, &[AllReduce::TwoLevel { group: 4 }]),
        (131072, &[AllReduce::HalvingDoubling, AllReduce::Ring]),
        (4194304, &[AllReduce::SegmentedRing { segment: 65536 }, AllReduce::HalvingDoubling]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[AllReduce::ReduceBroadcast]),
        (1024, &[AllReduce::TwoLevel { group: 4 }]),
        (131072, &[AllReduce::HalvingDoubling, AllReduce::Ring]),
        (4194304, &[AllReduce::SegmentedRing { segment: 65536 }, AllReduce::HalvingDoubling]),
    ] },
];

pub(super) const ALL_TO_ALL: &[Row<AllToAll>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[AllToAll::Pairwise]),
        (4096, &[AllToAll::SharedColumns, AllToAll::Pairwise]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[AllToAll::Bruck]),
        (8192, &[AllToAll::Pairwise]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[AllToAll::Bruck]),
        (16384, &[AllToAll::Pairwise]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[AllToAll::Bruck]),
        (32768, &[AllToAll::Pairwise]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[AllToAll::Bruck]),
        (131072, &[AllToAll::Pairwise]),
    ] },
];

pub(super) const GATHER: &[Row<Gather>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[Gather::Linear]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[Gather::Linear]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[Gather::Linear]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[Gather::Linear]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[Gather::Linear]),
    ] },
];

pub(super) const SCATTER: &[Row<Scatter>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[Scatter::Linear]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[Scatter::Linear]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[Scatter::Linear]),
        (8192, &[Scatter::Binomial]),
        (524288, &[Scatter::Linear]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[Scatter::Linear]),
        (16384, &[Scatter::Binomial]),
        (1048576, &[Scatter::Linear]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[Scatter::Linear]),
        (65536, &[Scatter::Binomial]),
        (4194304, &[Scatter::Linear]),
    ] },
];

pub(super) const SCAN: &[Row<Scan>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[Scan::Linear]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[Scan::RecursiveDoubling]),
        (1024, &[Scan::Linear]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[Scan::RecursiveDoubling]),
        (1024, &[Scan::Linear]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[Scan::RecursiveDoubling]),
        (1024, &[Scan::Linear]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[Scan::RecursiveDoubling]),
        (1024, &[Scan::Linear]),
    ] },
];

pub(super) const EXCLUSIVE_SCAN: &[Row<ExclusiveScan>] = &[
    Row { ranks: 2, oversubscribed: false, steps: &[
        (0, &[ExclusiveScan::Linear]),
    ] },
    Row { ranks: 4, oversubscribed: true, steps: &[
        (0, &[ExclusiveScan::RecursiveDoubling]),
        (1024, &[ExclusiveScan::Linear]),
    ] },
    Row { ranks: 8, oversubscribed: true, steps: &[
        (0, &[ExclusiveScan::RecursiveDoubling]),
        (1024, &[ExclusiveScan::Linear]),
    ] },
    Row { ranks: 16, oversubscribed: true, steps: &[
        (0, &[ExclusiveScan::RecursiveDoubling]),
        (1024, &[ExclusiveScan::Linear]),
    ] },
    Row { ranks: 64, oversubscribed: true, steps: &[
        (0, &[ExclusiveScan::RecursiveDoubling]),
        (1024, &[ExclusiveScan::Linear]),
    ] },
];
