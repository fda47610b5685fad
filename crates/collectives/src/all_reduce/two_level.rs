//! Two-level all-reduce: inside groups, then across them, then inside again.
//!
//! ```text
//! group = 4     [0 1 2 3]     [4 5 6 7]     [8 9]        groups: think of machines
//!                ▲─┴─┴─┘       ▲─┴─┴─┘       ▲─┘         1. reduce to the first rank of each
//!                0 ◄─────────► 4 ◄─────────► 8           2. all-reduce among the first ranks
//!                └─►─►─►       └─►─►─►       └─►         3. broadcast from them
//! ```
//!
//! Only one rank of each group talks to other groups, which pays where links between groups are slower than
//! inside. In one process there are none; but where many ranks share few cores, it is fast because few
//! threads have to hand over to each other.
//!
//! Cost: 2 ceil(lg G) rounds inside for groups of G, and recursive doubling's among the ceil(P/G) first
//! ranks. Groups are runs of ranks, so rank order is kept.

use super::recursive_doubling;
use crate::cost::ceil_log2;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Reduction, Result, broadcast, reduce};

/// Ranks in a group, unless the caller says otherwise: the accelerators of a common machine, halved, so
/// that 8 ranks make two levels.
pub(crate) const GROUP: usize = 4;

pub(super) fn two_level<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
    group: usize,
) -> Result<()> {
    let (first, members) = group_of(peers.size(), peers.rank(), group);
    let inside = peers.subset(first, 1, members);
    reduce::climb(&inside, &Place::new(inside.rank(), members, 0), buffer, op)?;
    if inside.rank() == 0 {
        let across = peers.subset(0, group, peers.size().div_ceil(group));
        recursive_doubling::recursive_doubling(&across, buffer, op)?;
    }
    broadcast::binomial(&inside, buffer, 0)
}

/// The first rank of a rank's group, and how many there are in it: the last group may be short.
fn group_of(ranks: usize, rank: usize, group: usize) -> (usize, usize) {
    let first = rank - rank % group;
    (first, group.min(ranks - first))
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, group: usize) -> Cost {
    let (first, members) = group_of(ranks, rank, group);
    let (groups, inside) = (ranks.div_ceil(group), rank - first);
    let across = recursive_doubling::cost(groups, rank / group, length);
    let down = broadcast::Broadcast::Binomial.cost(members, inside, length, 0);
    let messages = down.messages + if inside == 0 { across.messages } else { 1 };
    Cost { messages, elements: messages * length, rounds: across.rounds + 2 * ceil_log2(group.min(ranks)) }
}
