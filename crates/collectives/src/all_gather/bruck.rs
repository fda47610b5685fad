//! Bruck's all-gather: ceil(lg P) rounds for any P, by keeping blocks in an order of one's own.
//!
//! Every rank keeps blocks in the order r, r+1, r+2, ... In round k it sends the first ones to the rank 2^k
//! to its left and appends what it gets from the rank 2^k to its right. At the end it turns them back into
//! rank order.
//!
//! ```text
//! P = 5     rank 0   rank 1   rank 2   rank 3   rank 4
//! start     a        b        c        d        e
//! round 0   ab       bc       cd       de       ea
//! round 1   abcd     bcde     cdea     deab     eabc
//! round 2   abcde    bcdea    cdeab    deabc    eabcd     only 1 block is missing
//! turned    abcde    abcde    abcde    abcde    abcde
//! ```
//!
//! Invariant: before round k a rank has min(2^k, P) blocks, those from its own on. The picture is the
//! dissemination barrier's with data.
//!
//! Cost: ceil(lg P) rounds; a rank sends N(P-1)/P elements if the blocks are equal. The price is the copy
//! at the end.
//!
//! Source: J. Bruck, C.-T. Ho, S. Kipnis, E. Upfal, D. Weathersby, Efficient Algorithms for All-to-All
//! Communications in Multiport Message-Passing Systems, 1997.

use crate::cost::ceil_log2;
use crate::element::scratch;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Result};

pub(super) fn bruck<T: Element>(peers: &Peers<'_>, blocks: &Layout, buffer: &mut [T]) -> Result<()> {
    let (ranks, rank) = (peers.size(), peers.rank());
    let turned = turn(blocks, rank);
    let mut held = scratch(blocks.total());
    held[turned.block(0)].copy_from_slice(&buffer[blocks.block(rank)]);
    for k in 0..ceil_log2(ranks) {
        let have = 1 << k;
        let more = have.min(ranks - have);
        let (first, rest) = held.split_at_mut(turned.start(have));
        let send = &first[turned.blocks(0..more)];
        let take = &mut rest[..turned.blocks(have..have + more).len()];
        peers.send_recv(peers.left(have), send, peers.right(have), take)?;
    }
    for i in 0..ranks {
        buffer[blocks.block((rank + i) % ranks)].copy_from_slice(&held[turned.block(i)]);
    }
    Ok(())
}

/// The same blocks, counted from one's own.
fn turn(blocks: &Layout, rank: usize) -> Layout {
    let ranks = blocks.parts();
    Layout::of_counts((0..ranks).map(|i| blocks.len((rank + i) % ranks)))
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    let ranks = blocks.parts();
    let turned = turn(blocks, rank);
    let rounds = ceil_log2(ranks);
    let sent = |k: usize| turned.start((1 << k).min(ranks - (1 << k)));
    Cost { messages: rounds, elements: (0..rounds).map(sent).sum(), rounds }
}
