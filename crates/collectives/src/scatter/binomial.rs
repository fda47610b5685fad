//! Binomial tree scatter: the gather tree with its arrows turned round.
//!
//! ```text
//! P = 8    round 0    0 ────────────► 4                   4 blocks
//!          round 1    0 ────► 2       4 ────► 6           2 blocks each
//!          round 2    0 ► 1   2 ► 3   4 ► 5   6 ► 7       1 block each
//! ```
//!
//! Every message carries the blocks of a whole subtree, in order from the subtree's first rank. If such a
//! run wraps round the end of the root's buffer, the root joins its two pieces first; one child at most has
//! such a run.
//!
//! Cost: ceil(lg P) rounds, one message to every rank but the root; rank v sends what the ranks below it get.

use crate::cost::ceil_log2;
use crate::element::scratch;
use crate::peers::Peers;
use crate::tree::Place;
use crate::{Cost, Element, Layout, Result};

pub(crate) fn binomial<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    blocks: &Layout,
    output: &mut [T],
    root: usize,
) -> Result<()> {
    let place = Place::new(peers.rank(), peers.size(), root);
    let Some(parent) = place.parent() else {
        for child in place.children().rev() {
            let to = place.rank_of(child);
            match blocks.run(&place, child) {
                [run, wrapped] if wrapped.is_empty() => peers.send(to, &input[run])?,
                [run, wrapped] => peers.send(to, &[&input[run], &input[wrapped]].concat())?,
            }
        }
        output.copy_from_slice(&input[blocks.block(root)]);
        return Ok(());
    };
    if place.subtree().len() == 1 {
        return peers.recv(parent, output);
    }
    let mut held = scratch(blocks.held_by(&place, place.v));
    peers.recv(parent, &mut held)?;
    let mut end = held.len();
    for child in place.children().rev() {
        let start = end - blocks.held_by(&place, child);
        peers.send(place.rank_of(child), &held[start..end])?;
        end = start;
    }
    output.copy_from_slice(&held[..end]);
    Ok(())
}

pub(crate) fn cost(blocks: &Layout, rank: usize, root: usize) -> Cost {
    let place = Place::new(rank, blocks.parts(), root);
    Cost {
        messages: place.children().count(),
        elements: blocks.held_by(&place, place.v) - blocks.len(rank),
        rounds: ceil_log2(blocks.parts()),
    }
}
