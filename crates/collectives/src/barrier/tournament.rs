//! The tournament barrier: a knock-out in which the lower rank always wins.
//!
//! In round k the rank with bit k set reports to the one without and waits; rank 0 is never beaten. When
//! it has beaten everyone, everyone has come, and the release travels down the same tree.
//!
//! ```text
//! P = 6      0 ◄─ 1   2 ◄─ 3   4 ◄─ 5        up: who arrived
//!            0 ◄───── 2        4
//!            0 ◄────────────── 4             then the same arrows back
//! ```
//!
//! Cost: 2(P-1) messages in all (no more than the central barrier) in 2 ceil(lg P) rounds.
//!
//! Source: D. Hensgen, R. Finkel, U. Manber, Two Algorithms for Barrier Synchronization, 1988. Their
//! champion raises one shared flag; between ranks that share nothing the release has to walk back.

use super::SIGNAL;
use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Result};

pub(super) fn tournament(peers: &Peers<'_>) -> Result<()> {
    let place = Place::new(peers.rank(), peers.size(), 0);
    for loser in place.children() {
        peers.recv(loser, &mut [0_u8; 0])?;
    }
    if let Some(winner) = place.parent() {
        peers.send(winner, SIGNAL)?;
        peers.recv(winner, &mut [0_u8; 0])?;
    }
    for loser in place.children().rev() {
        peers.send(loser, SIGNAL)?;
    }
    Ok(())
}

pub(super) fn cost(ranks: usize, rank: usize) -> Cost {
    let children = Place::new(rank, ranks, 0).children().count();
    Cost { messages: children + usize::from(rank > 0), elements: 0, rounds: 2 * ceil_log2(ranks) }
}
