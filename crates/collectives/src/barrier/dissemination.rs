//! The dissemination barrier: in round k, every rank tells the one 2^k to its right.
//!
//! ```text
//! P = 5            who has rank 4 heard from?
//! round 0   0→1→2→3→4→0     distance 1:  3 4
//! round 1   0→2→4→1→3→0     distance 2:  1 2 3 4
//! round 2   0→4→3→2→1→0     distance 4:  0 1 2 3 4 (some twice, which does no harm)
//! ```
//!
//! Invariant: after round k a rank has heard, directly or not, from the 2^(k+1) - 1 ranks to its left. After
//! ceil(lg P) rounds these are all, for any P: the circle wraps, so there is always a rank to tell.
//! Fewer rounds can't do: what a rank knows can at most double in a round.
//!
//! Cost: ceil(lg P) messages a rank, ceil(lg P) rounds.
//!
//! Source: D. Hensgen, R. Finkel, U. Manber, Two Algorithms for Barrier Synchronization, 1988.

use super::SIGNAL;
use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::{Cost, Result};

pub(super) fn dissemination(peers: &Peers<'_>) -> Result<()> {
    for k in 0..ceil_log2(peers.size()) {
        let distance = 1 << k;
        peers.send_recv(peers.right(distance), SIGNAL, peers.left(distance), &mut [])?;
    }
    Ok(())
}

pub(super) fn cost(ranks: usize) -> Cost {
    let rounds = ceil_log2(ranks);
    Cost { messages: rounds, elements: 0, rounds }
}
