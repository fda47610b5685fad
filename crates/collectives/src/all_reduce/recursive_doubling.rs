//! Recursive doubling all-reduce: in round k, ranks whose numbers differ in bit k swap and combine.
//!
//! ```text
//! P = 4     a        b        c        d
//! round 0   ab       ab       cd       cd           0↔1  2↔3
//! round 1   abcd     abcd     abcd     abcd         0↔2  1↔3
//! ```
//!
//! Invariant: before round k all ranks of an aligned run of 2^k hold the combination of that run, in rank
//! order: of two partners both compute lower ∘ upper, so they get the same bits, and the reduction need not
//! commute. Where P is no power of two, some ranks act for two (see [`power`](crate::power)).
//!
//! Cost: lg P rounds of N elements (floor(lg P) + 2 if P is no power of two): the fewest rounds that
//! are possible for powers of two; and, from 3 ranks on, more elements than the ring. For short buffers.
//!
//! Source: R. Thakur, R. Rabenseifner, W. Gropp, Optimization of Collective Communication Operations in
//! MPICH, 2005.

use crate::peers::Peers;
use crate::power::{Fold, Role, all_reduce_folded};
use crate::{Cost, Element, Reduction, Result};

pub(super) fn recursive_doubling<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    all_reduce_folded(peers, buffer, op, |fold, number, buffer| {
        // The buffer is lent to the partner while its own arrives, so the combination goes elsewhere; then
        // the two swap roles.
        let other = if fold.steps() > 0 { buffer.len() } else { 0 };
        peers.with_scratch(other, |other| {
            let (mut now, mut next) = (buffer, other);
            for k in 0..fold.steps() {
                let partner = fold.rank_of(number ^ (1 << k));
                let partner_is_lower = number & (1 << k) != 0;
                peers.send_recv_with(partner, now, partner, now.len(), |x| match partner_is_lower {
                    true => op.combine(next, x, now),
                    false => op.combine(next, now, x),
                })?;
                std::mem::swap(&mut now, &mut next);
            }
            if !fold.steps().is_multiple_of(2) {
                next.copy_from_slice(now);
            }
            Ok(())
        })
    })
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let fold = Fold::new(ranks);
    let messages = match fold.role(rank) {
        Role::Idle { .. } => 1,
        Role::Acting { stands_in_for, .. } => fold.steps() + usize::from(stands_in_for.is_some()),
    };
    Cost { messages, elements: messages * length, rounds: fold.steps() + fold.fold_rounds() }
}
