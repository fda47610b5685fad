//! Linear scan: each rank takes the prefix of the one before it, adds its own, and passes it on.
//!
//! ```text
//!   0 ──a──► 1 ──ab──► 2 ──abc──► 3
//! ```
//!
//! Cost: P-1 rounds, one message of N elements from every rank but the last: the fewest possible.

use crate::element::scratch;
use crate::peers::Peers;
use crate::{Cost, Element, Reduction, Result};

pub(super) fn inclusive<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let rank = peers.rank();
    if rank > 0 {
        peers.recv_with(rank - 1, buffer.len(), |prefix| op.fold_left(prefix, buffer))?;
    }
    if rank + 1 < peers.size() {
        peers.send(rank + 1, buffer)?;
    }
    Ok(())
}

/// What arrives is the result; with the rank's own contribution it is what the next one needs.
pub(super) fn exclusive<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (rank, last) = (peers.rank(), peers.size() - 1);
    if rank == last {
        return if rank == 0 { Ok(()) } else { peers.recv(rank - 1, buffer) };
    }
    if rank == 0 {
        return peers.send(1, buffer);
    }
    let mut inclusive = scratch(buffer.len());
    peers.recv_with(rank - 1, buffer.len(), |prefix| {
        op.combine(&mut inclusive, prefix, buffer);
        buffer.copy_from_slice(prefix);
    })?;
    peers.send(rank + 1, &inclusive)
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let messages = usize::from(rank + 1 < ranks);
    Cost { messages, elements: messages * length, rounds: ranks - 1 }
}
