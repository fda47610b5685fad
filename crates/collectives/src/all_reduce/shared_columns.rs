//! All-reduce by shared columns: every rank sums its column of all ranks' buffers, and stores the sum to each.
//!
//! ```text
//! P = 3               column 0   column 1   column 2
//!    buffer of 0     [   a     |    a     |    a   ]
//!    buffer of 1     [   b     |    b     |    b   ]
//!    buffer of 2     [   c     |    c     |    c   ]
//!                        ▲          ▲          ▲
//!                      rank 0     rank 1     rank 2      Σ = a∘b∘c, stored three times
//! ```
//!
//! Column q of its buffer every rank lends to rank q, which meanwhile holds column q of all buffers: nobody else
//! sees it. The contributions stand side by side, so they are combined in rank order, and the reduction need not
//! commute. Each sum is computed once, so all ranks get the same bits.
//!
//! Cost: P-1 rounds, since a rank takes P-1 loans; each element that isn't in a rank's own column changes sides
//! twice, to be read and to be stored: 2N - 2 len(r) elements, the ring's 2N(P-1)/P. But no partial sum is ever
//! stored: each byte of each buffer is loaded once and stored once, 2 bytes touched per byte, where the ring
//! touches 5(P-1)/P. No all-reduce can touch fewer.

use crate::peers::{Lengths, Loan, Peers, per_rank, share_cost, updated};
use crate::{Cost, Element, Layout, Reduction, Result};

/// Results are finished.
pub(super) fn shared_columns<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let columns = Layout::even(buffer.len(), peers.size());
    let own = Lengths { read: 0, write: columns.len(peers.rank()) };
    let expected = |_| own;
    let row = columns.cut(buffer).map(Loan::write);
    peers.share(row, expected, updated, |loans| {
        let mut column = per_rank(loans.iter_mut().map(|loan| &mut *loan.write));
        op.all_reduce_columns(&mut column);
    })
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let columns = Layout::even(length, ranks);
    share_cost(ranks, rank, |other| 2 * columns.len(other), length == 0)
}
