//! Recursive doubling all-gather: in round k, ranks whose numbers differ in bit k swap all they have.
//!
//! ```text
//! P = 4     a...   .b..   ..c.   ...d
//! round 0   ab..   ab..   ..cd   ..cd       0↔1  2↔3
//! round 1   abcd   abcd   abcd   abcd       0↔2  1↔3
//! ```
//!
//! Invariant: before round k an acting rank has the blocks of the aligned run of 2^k acting ranks that it
//! belongs to. Where P is no power of two, some ranks act for two (see [`power`](crate::power)): one round
//! before to hand the block over, and one after, in which the whole result is brought back.
//!
//! Cost: lg P rounds and N(P-1)/P elements for powers of two, the least possible of both; otherwise
//! floor(lg P) + 2 rounds: a block handed over first, and N more elements from each rank that stands in for
//! another.
//!
//! Source: R. Thakur, R. Rabenseifner, W. Gropp, Optimization of Collective Communication Operations in
//! MPICH, 2005.

use crate::layout::disjoint;
use crate::peers::Peers;
use crate::power::{Fold, Role};
use crate::{Cost, Element, Layout, Result};

pub(super) fn recursive_doubling<T: Element>(
    peers: &Peers<'_>,
    blocks: &Layout,
    buffer: &mut [T],
) -> Result<()> {
    let fold = Fold::new(peers.size());
    let (number, stands_in_for) = match fold.role(peers.rank()) {
        Role::Idle { hands_to } => {
            peers.send(hands_to, &buffer[blocks.block(peers.rank())])?;
            return peers.recv(hands_to, buffer);
        }
        Role::Acting { number, stands_in_for } => (number, stands_in_for),
    };
    if let Some(idle) = stands_in_for {
        peers.recv(idle, &mut buffer[blocks.block(idle)])?;
    }
    for k in 0..fold.steps() {
        let partner = fold.rank_of(number ^ (1 << k));
        let (own, other) = runs(number, k);
        let own = blocks.blocks(fold.ranks_of(own));
        let other = blocks.blocks(fold.ranks_of(other));
        let (send, take) = disjoint(buffer, own, other);
        peers.send_recv(partner, send, partner, take)?;
    }
    match stands_in_for {
        Some(idle) => peers.send(idle, buffer),
        None => Ok(()),
    }
}

/// The aligned run of 2^k numbers that `number` belongs to, and the run that is its partner's.
fn runs(number: usize, k: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let width = 1 << k;
    let own = number & !(width - 1);
    let other = own ^ width;
    (own..own + width, other..other + width)
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let fold = Fold::new(blocks.parts());
    let rounds = fold.steps() + fold.fold_rounds();
    match fold.role(rank) {
        Role::Idle { .. } => Cost { messages: 1, elements: blocks.len(rank), rounds },
        Role::Acting { number, stands_in_for } => {
            let sent = |k| blocks.blocks(fold.ranks_of(runs(number, k).0)).len();
            let swapped: usize = (0..fold.steps()).map(sent).sum();
            let brought_back = stands_in_for.map_or(0, |_| blocks.total());
            Cost {
                messages: fold.steps() + usize::from(stands_in_for.is_some()),
                elements: swapped + brought_back,
                rounds,
            }
        }
    }
}
