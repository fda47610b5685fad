//! Binomial tree reduce: the broadcast tree with its arrows turned round.
//!
//! ```text
//! P = 8    round 0    0 ◄ 1   2 ◄ 3   4 ◄ 5   6 ◄ 7
//!          round 1    0 ◄──── 2       4 ◄──── 6
//!          round 2    0 ◄──────────── 4
//! ```
//!
//! Invariant: after round k, rank v (a multiple of 2^(k+1)) holds the combination of the 2^(k+1) ranks from v
//! on. These runs are in rank order if the root is rank 0. A reduction that doesn't commute is
//! therefore always combined on rank 0, and then sent to the root.
//!
//! Cost: ceil(lg P) rounds, one message of N elements from every rank but the root; where the order matters
//! and the root isn't rank 0, one round and one message more.

use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Reduction, Result};

pub(super) fn binomial<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
    root: usize,
) -> Result<()> {
    let top = if op.commutes() { root } else { 0 };
    let place = Place::new(peers.rank(), peers.size(), top);
    if peers.rank() == root && root == top {
        output.copy_from_slice(input);
        return climb(peers, &place, output, op);
    }
    match place.parent() {
        Some(parent) if place.children().next().is_none() => peers.send(parent, input)?,
        _ => {
            let mut partial = input.to_vec();
            climb(peers, &place, &mut partial, op)?;
            if peers.rank() == top {
                peers.send(root, &partial)?;
            }
        }
    }
    if peers.rank() == root {
        peers.recv(top, output)?;
    }
    Ok(())
}

/// Combines the subtree's contributions in `buffer`, then sends them to the parent, if there is one.
pub(crate) fn climb<T: Element>(
    peers: &Peers<'_>,
    place: &Place,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    for child in place.children() {
        peers.recv_with(place.rank_of(child), buffer.len(), |x| op.fold(buffer, x))?;
    }
    match place.parent() {
        Some(parent) => peers.send(parent, buffer),
        None => Ok(()),
    }
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize, commutes: bool) -> Cost {
    let top = if commutes { root } else { 0 };
    let up = usize::from(rank != top);
    let over = usize::from(rank == top && root != top);
    Cost {
        messages: up + over,
        elements: (up + over) * length,
        rounds: ceil_log2(ranks) + usize::from(root != top),
    }
}
