//! A specimen: the "ring all-reduce" of many tutorials, which sends whole buffers round the ring.
//!
//! ```text
//! P = 4     in each of P-1 steps every rank passes on a whole buffer: a, then d, then c, ...
//! ```
//!
//! It gives the right sum, and it *is* a ring; what it isn't is a ring all-reduce. Every rank sends N(P-1)
//! elements where the [`ring`](super::ring) sends 2N(P-1)/P: at 8 ranks four times as many. To be
//! the same bits everywhere it must also keep all P buffers and combine them in one order; the
//! tutorials add them up as they come, which rounds differently on every rank.
//!
//! Cost: P-1 rounds, N(P-1) elements sent by every rank, NP elements of memory. Only its number of rounds,
//! half the ring's, speaks for it; recursive doubling needs fewer for P = 4 and from 6 on.
//!
//! Found in the wild: PyTorch's distributed tutorial (see pytorch issue 31572, which is about a worse
//! mistake in it), ARENA 3.0 (pull request 407).

use crate::element::scratch;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Reduction, Result, all_gather};

pub(super) fn whole_buffer_ring<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let buffers = Layout::even(buffer.len() * peers.size(), peers.size());
    let mut all = scratch(buffers.total());
    all[buffers.block(peers.rank())].copy_from_slice(buffer);
    all_gather::circulate(peers, &buffers, &mut all, peers.rank())?;
    buffer.copy_from_slice(&all[buffers.block(0)]);
    for rank in 1..peers.size() {
        op.fold(buffer, &all[buffers.block(rank)]);
    }
    Ok(())
}

pub(super) fn cost(ranks: usize, length: usize) -> Cost {
    Cost { messages: ranks - 1, elements: (ranks - 1) * length, rounds: ranks - 1 }
}
