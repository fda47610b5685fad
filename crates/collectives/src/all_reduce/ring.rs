//! The ring all-reduce: a ring reduce-scatter, then a ring all-gather.
//!
//! ```text
//! P = 4     rank 0   rank 1   rank 2   rank 3
//! start     aaaa     bbbb     cccc     dddd
//!           ...      P-1 steps: each rank sends a partial sum right, and adds to the one from the left
//! middle    .Σ..     ..Σ.     ...Σ     Σ...        rank r has the whole sum of block r+1
//!           ...      P-1 steps: the sums go round
//! end       ΣΣΣΣ     ΣΣΣΣ     ΣΣΣΣ     ΣΣΣΣ
//! ```
//!
//! Invariant: before step s of the first half, rank r holds the sum of s+1 contributions in block r-s; it
//! sends that, and adds its own to block r-s-1, which arrives. In the second half it passes sums on,
//! beginning with r+1.
//!
//! Cost: 2(P-1) rounds; a rank sends 2N - len(r+1) - len(r+2) elements, 2N(P-1)/P if P divides N. No
//! all-reduce can send less than that from its busiest rank, and here all are equally busy; but the rounds
//! grow with P, so it is for long buffers. The order of combination differs from block to block: the
//! reduction must commute. Each block is combined once and then copied, so all ranks get the same bits.
//!
//! Source: P. Patarasuk, X. Yuan, Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations, 2009.

use crate::peers::Peers;
use crate::{Cost, Element, Layout, Reduction, Result, all_gather, reduce_scatter};

pub(super) fn ring<T: Element>(peers: &Peers<'_>, buffer: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
    let blocks = Layout::even(buffer.len(), peers.size());
    reduce_scatter::accumulate(peers, &blocks, buffer, peers.rank(), op)?;
    all_gather::circulate(peers, &blocks, buffer, peers.right(1))
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let blocks = Layout::even(length, ranks);
    let sums = (rank + 1) % ranks;
    let first = Cost { messages: ranks - 1, elements: length - blocks.len(sums), rounds: ranks - 1 };
    first.then(all_gather::circulate_cost(&blocks, sums))
}
