//! All-gather by shared columns: every rank lends its block to all, and copies theirs.
//!
//! ```text
//! P = 3     output of 0   output of 1   output of 2
//! start     [a . .]       [. b .]       [. . c]
//!             └──────────►──│──┼──────────►                 a is read where it lies, by both at once
//! end       [a b c]       [a b c]       [a b c]
//! ```
//!
//! Nothing is passed on, so no rank waits for what another one has to get first, as it would in a
//! [`ring`](super::ring).
//!
//! Cost: P-1 rounds, the rank's own block lent P-1 times. On average over the ranks no all-gather sends less.

use crate::peers::{Lengths, Loan, Peers, once, per_rank, share_cost};
use crate::{Cost, Element, Layout, Result};

pub(super) fn shared_columns<T: Element>(peers: &Peers<'_>, blocks: &Layout, buffer: &mut [T]) -> Result<()> {
    let expected = |rank| Lengths { read: blocks.len(rank), write: 0 };
    let mut taken = per_rank(blocks.cut(buffer));
    let own = &*std::mem::take(&mut taken[peers.rank()]);
    let row = (0..peers.size()).map(|_| Loan::read(own));
    peers.share(row, expected, once, |loans| {
        for (place, loan) in taken.iter_mut().zip(loans) {
            if !place.is_empty() {
                place.copy_from_slice(loan.read);
            }
        }
    })
}

pub(super) fn cost(blocks: &Layout, rank: usize) -> Cost {
    share_cost(blocks.parts(), rank, |_| blocks.len(rank), blocks.total() == 0)
}
