//! Linear all-to-all: every rank exchanges blocks with rank 0, then with rank 1, and so on.
//!
//! ```text
//! P = 4     round 1   0↔1
//!           round 2   0↔2
//!           round 3   0↔3  1↔2           the pair a < b meets in round a + b
//!           round 4   1↔3
//!           round 5   2↔3
//! ```
//!
//! No cycle of waiting can form: of all pairs that have not met, the first in dictionary order can. But
//! everyone begins with rank 0, which can meet one rank at a time.
//!
//! Cost: P-1 messages a rank and all blocks but its own, as few as possible, in 2P-3 rounds where
//! [`pairwise`](super::pairwise) needs P-1.

use super::{Blocks, keep};
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

pub(super) fn linear<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    blocks: Blocks<'_>,
) -> Result<()> {
    keep(peers, input, output, blocks);
    for other in (0..peers.size()).filter(|&other| other != peers.rank()) {
        let send = &input[blocks.sent.block(other)];
        peers.send_recv(other, send, other, &mut output[blocks.taken.block(other)])?;
    }
    Ok(())
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let ranks = blocks.parts();
    Cost {
        messages: ranks - 1,
        elements: blocks.total() - blocks.len(rank),
        rounds: (2 * ranks).saturating_sub(3),
    }
}
