//! The naive all-reduce: rank 0 takes every rank's buffer, combines them, and sends everyone the result.
//!
//! ```text
//!   1 ──►┐                       ┌──► 1
//!   2 ──►├──► 0: x0 ∘ x1 ∘ x2 ───┼──► 2
//!   3 ──►┘       ∘ x3            └──► 3
//! ```
//!
//! Cost: 2(P-1) rounds in which all 2N(P-1) elements pass through rank 0. The [`ring`](super::ring) moves
//! exactly as many; it only spreads them over all ranks. For very short buffers on few ranks, or where ranks
//! share cores, its small number of messages makes this one fast.

use crate::broadcast::Broadcast;
use crate::peers::Peers;
use crate::reduce::Reduce;
use crate::{Cost, Element, Reduction, Result};

pub(super) fn reduce_broadcast<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    if peers.rank() > 0 {
        peers.send(0, buffer)?;
    } else {
        for other in 1..peers.size() {
            peers.recv_with(other, buffer.len(), |x| op.fold(buffer, x))?;
        }
    }
    Broadcast::Flat.run(peers, buffer, 0)
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let reduce = Reduce::Flat.cost(ranks, rank, length, 0, true);
    reduce.then(Broadcast::Flat.cost(ranks, rank, length, 0))
}
