//! Broadcast by shared columns: the root lends its buffer to all, who copy it at the same time.
//!
//! ```text
//!   root  [abcd] ──┬──► 1
//!                  ├──► 2        read where it lies, by all at once
//!                  └──► 3
//! ```
//!
//! The others wait for the root alone, and lend nothing. The root waits until the last one has its copy: for short
//! buffers, which a message carries away, [`flat`](super::flat) lets it go on at once.
//!
//! Cost: the root lends N elements P-1 times, which counts as P-1 rounds; but in shared memory the copies are made
//! by P-1 ranks side by side.

use crate::peers::{Lengths, Loan, Peers, once, share_cost};
use crate::{Cost, Element, Result};

pub(super) fn shared_columns<T: Element>(peers: &Peers<'_>, buffer: &mut [T], root: usize) -> Result<()> {
    let (ranks, length) = (peers.size(), buffer.len());
    let from_root = |rank| Lengths { read: if rank == root { length } else { 0 }, write: 0 };
    if peers.rank() == root {
        // The root's loan to itself, so that it is like the others'; nothing comes of it.
        return peers.share((0..ranks).map(|_| Loan::read(&*buffer)), from_root, once, |_| {});
    }
    peers.share((0..ranks).map(|_| Loan::nothing()), from_root, once, |loans| {
        buffer.copy_from_slice(loans[root].read);
    })
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let lent = if rank == root { length } else { 0 };
    share_cost(ranks, rank, |_| lent, length == 0)
}
