//! The butterfly barrier: in round k, ranks whose numbers differ in bit k tell each other.
//!
//! ```text
//! round 0   0 ↔ 1   2 ↔ 3   4 ↔ 5   6 ↔ 7
//! round 1   0 ↔ 2   1 ↔ 3   4 ↔ 6   5 ↔ 7
//! round 2   0 ↔ 4   1 ↔ 5   2 ↔ 6   3 ↔ 7
//! ```
//!
//! Invariant: after round k a rank has heard, directly or not, from all 2^(k+1) ranks that agree with it in
//! the bits above k. After lg P rounds these are all ranks.
//!
//! Cost: lg P messages a rank, lg P rounds. Only for powers of two: elsewhere a rank's partner may not
//! exist, and skipping it lets ranks leave early. [`dissemination`](super::dissemination) has no such limit.
//!
//! Source: E. D. Brooks III, The Butterfly Barrier, 1986.

use super::SIGNAL;
use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::{Cost, Result};

pub(super) fn butterfly(peers: &Peers<'_>) -> Result<()> {
    for k in 0..ceil_log2(peers.size()) {
        let partner = peers.rank() ^ (1 << k);
        peers.send_recv(partner, SIGNAL, partner, &mut [])?;
    }
    Ok(())
}

pub(super) fn cost(ranks: usize) -> Cost {
    let rounds = ceil_log2(ranks);
    Cost { messages: rounds, elements: 0, rounds }
}
