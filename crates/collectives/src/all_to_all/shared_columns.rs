//! All-to-all by shared columns: the loans are the transposition.
//!
//! ```text
//! P = 3              for 0   for 1   for 2
//!    input of 0     [  a   |   b   |   c  ]
//!    input of 1     [  d   |   e   |   f  ]         output of rank 1 = b e h, its column
//!    input of 2     [  g   |   h   |   i  ]
//! ```
//!
//! Each block is copied once, from where it lies to where it belongs, as [`pairwise`](super::pairwise) does it; but
//! a rank that is ready doesn't wait for a partner who isn't, P-1 times over: it waits once, for all.
//!
//! Cost: P-1 rounds, all blocks but the rank's own, the least possible. A block without elements isn't lent, so
//! where lengths differ there may be fewer rounds: as many as the most loans that one rank grants or takes.

use super::Blocks;
use crate::peers::{Lengths, Loan, Peers, once, share_cost};
use crate::{Cost, Element, Layout, Result};

pub(super) fn shared_columns<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    blocks: Blocks<'_>,
) -> Result<()> {
    let expected = |rank| Lengths { read: blocks.taken.len(rank), write: 0 };
    let row = (0..peers.size()).map(|rank| Loan::read(&input[blocks.sent.block(rank)]));
    peers.share(row, expected, once, |loans| {
        for (place, loan) in blocks.taken.cut(output).zip(loans) {
            place.copy_from_slice(loan.read);
        }
    })
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    share_cost(blocks.parts(), rank, |other| blocks.len(other), blocks.total() == 0)
}
