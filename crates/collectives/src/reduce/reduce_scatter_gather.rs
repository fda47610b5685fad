//! Reduce of long buffers: every rank combines one part of it, then the root collects the parts.
//!
//! ```text
//!   [aaaa] [bbbb] [cccc] [dddd]            every rank's buffer
//!   [Σ...] [.Σ..] [..Σ.] [...Σ]            reduce-scatter: the work is shared
//!   [ΣΣΣΣ]                                 gather
//! ```
//!
//! The tree makes the root combine ceil(lg P) whole buffers; here everyone combines P-1 parts of N/P
//! elements.
//!
//! Cost: P-1 + ceil(lg P) rounds; every rank sends N(P-1)/P elements, and then its subtree's parts of the
//! result.
//!
//! Source: R. Rabenseifner, Optimization of Collective Reduction Operations, 2004 (there with recursive
//! halving; here pairwise, which needs no power of two and keeps rank order).

use crate::element::scratch;
use crate::peers::Peers;
use crate::{Cost, Element, Layout, Reduction, Result, gather, reduce_scatter};

pub(super) fn reduce_scatter_gather<T: Element>(
    peers: &Peers<'_>,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
    root: usize,
) -> Result<()> {
    let parts = Layout::even(input.len(), peers.size());
    let mut part = scratch(parts.len(peers.rank()));
    reduce_scatter::pairwise(peers, input, &parts, &mut part, op)?;
    gather::binomial(peers, &part, &parts, output, root)
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize, root: usize) -> Cost {
    let parts = Layout::even(length, ranks);
    let share = reduce_scatter::pairwise_cost(&parts, rank);
    share.then(gather::binomial_cost(&parts, rank, root))
}
