//! Halving-doubling (Rabenseifner's) all-reduce: a reduce-scatter by halving, then an all-gather by doubling.
//!
//! ```text
//! P = 4     rank 0   rank 1   rank 2   rank 3
//! start     aaaa     bbbb     cccc     dddd
//! round 0   AA..     ..AA     BB..     ..BB         0↔1  2↔3     A = a∘b, B = c∘d
//! round 1   Σ...     ..Σ.     .Σ..     ...Σ         0↔2  1↔3     Σ = A∘B
//! round 2   ΣΣ..     ..ΣΣ     ΣΣ..     ..ΣΣ         0↔2  1↔3
//! round 3   ΣΣΣΣ     ΣΣΣΣ     ΣΣΣΣ     ΣΣΣΣ         0↔1  2↔3
//! ```
//!
//! Invariant: after round k of the first half a rank holds the combination of an aligned run of 2^(k+1)
//! ranks, in rank order, in a part of the buffer that is half as long as before. Neighbours go first, so
//! that the order is kept (and on a real machine the longest messages take the shortest ways); which part a
//! rank ends up with is its number with the bits reversed, which doesn't matter, since the second half
//! retraces the steps.
//!
//! Cost: the rounds of a tree and the bytes of a ring: 2 lg P rounds, 2N(P-1)/P elements for powers of two.
//! Otherwise two rounds more, and from the ranks that act for two (see [`power`](crate::power)) N elements
//! more, after as many received: there the ring wins for long buffers.
//!
//! Source: R. Rabenseifner, Optimization of Collective Reduction Operations, 2004.

use crate::layout::disjoint;
use crate::peers::Peers;
use crate::power::{Fold, Role, all_reduce_folded};
use crate::{Cost, Element, Layout, Reduction, Result};
use std::ops::Range;

pub(super) fn halving_doubling<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    all_reduce_folded(peers, buffer, op, |fold, number, buffer| {
        let parts = Layout::even(buffer.len(), fold.acting);
        for k in 0..fold.steps() {
            let partner = fold.rank_of(number ^ (1 << k));
            let partner_is_lower = number & (1 << k) != 0;
            let (keep, give) = halves(fold, number, k);
            let (send, extend) = disjoint(buffer, parts.blocks(give), parts.blocks(keep));
            let count = extend.len();
            peers.send_recv_with(partner, send, partner, count, |x| match partner_is_lower {
                true => op.fold_left(x, extend),
                false => op.fold(extend, x),
            })?;
        }
        for k in (0..fold.steps()).rev() {
            let partner = fold.rank_of(number ^ (1 << k));
            let (have, lack) = halves(fold, number, k);
            let (send, take) = disjoint(buffer, parts.blocks(have), parts.blocks(lack));
            peers.send_recv(partner, send, partner, take)?;
        }
        Ok(())
    })
}

/// The half of its run of parts that a rank keeps in round k, and the half it gives its partner. Where bit
/// k of the number is set it keeps the upper half.
fn halves(fold: &Fold, number: usize, k: usize) -> (Range<usize>, Range<usize>) {
    let mut keep = 0..fold.acting;
    let mut give = 0..0;
    for bit in 0..=k {
        let middle = keep.start + keep.len() / 2;
        let (low, high) = (keep.start..middle, middle..keep.end);
        (keep, give) = if number & (1 << bit) == 0 { (low, high) } else { (high, low) };
    }
    (keep, give)
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let fold = Fold::new(ranks);
    let rounds = 2 * fold.steps() + fold.fold_rounds();
    match fold.role(rank) {
        Role::Idle { .. } => Cost { messages: 1, elements: length, rounds },
        Role::Acting { number, stands_in_for } => {
            let parts = Layout::even(length, fold.acting);
            let kept = |k| parts.blocks(halves(&fold, number, k).0).len();
            // Down: all but the part that is kept to the end. Up: in each round what the rank has by then.
            let own = fold.steps().checked_sub(1).map_or(length, kept);
            let collected: usize = (0..fold.steps()).map(kept).sum();
            let brought_back = stands_in_for.map_or(0, |_| length);
            Cost {
                messages: 2 * fold.steps() + usize::from(stands_in_for.is_some()),
                elements: length - own + collected + brought_back,
                rounds,
            }
        }
    }
}
