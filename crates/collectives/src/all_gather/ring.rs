//! Ring all-gather: every rank passes on to its right what it got from its left in the step before.
//!
//! ```text
//! P = 4     rank 0   rank 1   rank 2   rank 3
//! start     a...     .b..     ..c.     ...d
//! step 0    a..d     ab..     .bc.     ..cd
//! step 1    a.cd     ab.d     abc.     .bcd
//! step 2    abcd     abcd     abcd     abcd
//! ```
//!
//! Invariant: after s steps a rank has its own block and the s blocks to the left of it. In step s it sends
//! block own - s, which it got in the step before (or owned), and takes block own - s - 1.
//!
//! Cost: P-1 rounds, in each of which every rank sends one block: all blocks but the one to the right of
//! its own. Every line is busy in every round, and
//! no all-gather sends fewer elements, so it is for long blocks; for short ones P-1 latencies are many.

use crate::layout::disjoint;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

/// Rank r holds block `own` of `buffer`; the rank to its right holds the next one, and so on. Afterwards
/// everyone holds all blocks.
pub(crate) fn circulate<T: Element>(
    peers: &Peers<'_>,
    blocks: &Layout,
    buffer: &mut [T],
    own: usize,
) -> Result<()> {
    let ranks = peers.size();
    for step in 0..ranks - 1 {
        let sent = (own + ranks - step) % ranks;
        let taken = (own + ranks - step - 1) % ranks;
        let (send, take) = disjoint(buffer, blocks.block(sent), blocks.block(taken));
        peers.send_recv(peers.right(1), send, peers.left(1), take)?;
    }
    Ok(())
}

pub(crate) fn cost(blocks: &Layout, own: usize) -> Cost {
    let ranks = blocks.parts();
    let never_sent = blocks.len((own + 1) % ranks);
    Cost { messages: ranks - 1, elements: blocks.total() - never_sent, rounds: ranks - 1 }
}
