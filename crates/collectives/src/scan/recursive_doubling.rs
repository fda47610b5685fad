//! Scan by doubling distances: in round k a rank tells the one 2^k further on what it has.
//!
//! ```text
//! P = 5     rank 0   rank 1   rank 2   rank 3   rank 4
//! start     a        b        c        d        e
//! round 0   a        ab       bc       cd       de          distance 1
//! round 1   a        ab       abc      abcd     bcde        distance 2
//! round 2   a        ab       abc      abcd     abcde       distance 4
//! ```
//!
//! Invariant: before round k rank r has the combination of the last 2^k ranks up to r (or of all, if there
//! are fewer). What arrives covers the 2^k ranks before these, so it goes to the left.
//!
//! Cost: ceil(lg P) rounds; rank r sends N elements for each 2^k < P - r. About P lg P messages in all where
//! the linear form has P-1, for a logarithm of the rounds.
//!
//! Source: W. D. Hillis, G. L. Steele, Data Parallel Algorithms, 1986.

use crate::cost::ceil_log2;
use crate::element::scratch;
use crate::peers::Peers;
use crate::{Cost, Element, Reduction, Result};

pub(super) fn inclusive<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    double(peers, buffer, op, |_| ())
}

/// The same walk, with what arrives collected apart from the rank's own contribution.
pub(super) fn exclusive<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let mut before = scratch(0);
    double(peers, &mut buffer.to_vec(), op, |arrived| {
        if before.is_empty() {
            before = arrived.to_vec();
        } else {
            op.fold_left(arrived, &mut before);
        }
    })?;
    if peers.rank() > 0 {
        buffer.copy_from_slice(&before);
    }
    Ok(())
}

fn double<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
    mut arrives: impl FnMut(&[T]),
) -> Result<()> {
    let (rank, ranks, count) = (peers.rank(), peers.size(), buffer.len());
    // The buffer is lent to the next rank while the combination with what arrives is formed elsewhere.
    let mut other = scratch(if rank > 0 { count } else { 0 });
    let (mut now, mut next) = (&mut *buffer, &mut other[..]);
    let mut swapped = false;
    for k in 0..ceil_log2(ranks) {
        let distance = 1 << k;
        let to = rank + distance;
        let Some(from) = rank.checked_sub(distance) else {
            if to < ranks {
                peers.send(to, now)?;
            }
            continue;
        };
        let take = |arrived: &[T]| {
            arrives(arrived);
            op.combine(next, arrived, now);
        };
        if to < ranks {
            peers.send_recv_with(to, now, from, count, take)?;
        } else {
            peers.recv_with(from, count, take)?;
        }
        std::mem::swap(&mut now, &mut next);
        swapped = !swapped;
    }
    if swapped {
        next.copy_from_slice(now);
    }
    Ok(())
}

pub(super) fn cost(ranks: usize, rank: usize, length: usize) -> Cost {
    let rounds = ceil_log2(ranks);
    let messages = (0..rounds).filter(|k| rank + (1 << k) < ranks).count();
    Cost { messages, elements: messages * length, rounds }
}
