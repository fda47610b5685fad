//! The central barrier: rank 0 counts the others in, then releases them.
//!
//! ```text
//!   1 ──►┐            ┌──► 1
//!   2 ──►├──► 0 ──────┼──► 2
//!   3 ──►┘            └──► 3
//!     P - 1 rounds, then P - 1 rounds
//! ```
//!
//! Rank 0 can only release the first rank after it has heard from the last, so nobody leaves early.
//!
//! Cost: 2(P-1) messages in all, as few as a barrier can do with, in 2(P-1) rounds, because everything passes
//! through rank 0.

use super::SIGNAL;
use crate::peers::Peers;
use crate::{Cost, Result};

pub(super) fn central(peers: &Peers<'_>) -> Result<()> {
    if peers.rank() > 0 {
        peers.send(0, SIGNAL)?;
        return peers.recv(0, &mut [0_u8; 0]);
    }
    for other in 1..peers.size() {
        peers.recv(other, &mut [0_u8; 0])?;
    }
    for other in 1..peers.size() {
        peers.send(other, SIGNAL)?;
    }
    Ok(())
}

pub(super) fn cost(ranks: usize, rank: usize) -> Cost {
    Cost { messages: if rank == 0 { ranks - 1 } else { 1 }, elements: 0, rounds: 2 * (ranks - 1) }
}
