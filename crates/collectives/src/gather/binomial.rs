//! Binomial tree gather: every rank collects its subtree's blocks, then sends them on as one message.
//!
//! ```text
//! P = 8    round 0    0 ◄ 1   2 ◄ 3   4 ◄ 5   6 ◄ 7       1 block each
//!          round 1    0 ◄──── 2       4 ◄──── 6           2 blocks each
//!          round 2    0 ◄──────────── 4                   4 blocks
//! ```
//!
//! Invariant: a subtree is a run of ranks counted from the root, so what it holds is contiguous in that
//! order. In rank order the run may wrap round the end of the buffer once; the root then copies it in two
//! pieces.
//!
//! Cost: ceil(lg P) rounds instead of P-1, one message from every rank but the root. A block travels once per
//! tree edge on its way, up to lg P times: good for short blocks.

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
        output[blocks.block(root)].copy_from_slice(input);
        for child in place.children() {
            let [run, wrapped] = blocks.run(&place, child);
            let count = run.len() + wrapped.len();
            peers.recv_with(place.rank_of(child), count, |x| {
                let (first, rest) = x.split_at(run.len());
                output[run].copy_from_slice(first);
                output[wrapped].copy_from_slice(rest);
            })?;
        }
        return Ok(());
    };
    if place.subtree().len() == 1 {
        return peers.send(parent, input);
    }
    let mut held = scratch(blocks.held_by(&place, place.v));
    held[..input.len()].copy_from_slice(input);
    let mut end = input.len();
    for child in place.children() {
        let start = end;
        end += blocks.held_by(&place, child);
        peers.recv(place.rank_of(child), &mut held[start..end])?;
    }
    peers.send(parent, &held)
}

pub(crate) fn cost(blocks: &Layout, rank: usize, root: usize) -> Cost {
    let place = Place::new(rank, blocks.parts(), root);
    let sends = rank != root;
    Cost {
        messages: usize::from(sends),
        elements: if sends { blocks.held_by(&place, place.v) } else { 0 },
        rounds: ceil_log2(blocks.parts()),
    }
}
