//! Any number of ranks for algorithms that pair ranks by a bit of their number.
//!
//! Such an algorithm needs Q = 2^k ranks. With P = Q + extra, the first 2 extra ranks form pairs: the odd
//! one of each pair *acts* for both, the even one hands over its contribution before and gets its result
//! after. The Q acting ranks are numbered 0..Q in rank order, so that runs of acting ranks stand for runs of
//! ranks, and a reduction that doesn't commute stays in order.
//!
//! ```text
//! P = 6, Q = 4, extra = 2     rank    0 1   2 3   4   5
//!                                     └►1   └►3   │   │      even hands over to odd
//!                             acting    0     1   2   3
//!                             stands   0,1   2,3  4   5      for these ranks
//! ```

use crate::peers::Peers;
use crate::{Element, Reduction, Result};
use std::ops::Range;

/// One rank's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Hands its contribution to this acting rank, and gets the result from it.
    Idle {
        /// A rank, not an acting number.
        hands_to: usize,
    },
    /// Takes part under this number.
    Acting {
        /// 0..Q.
        number: usize,
        /// The rank that it acts for besides itself.
        stands_in_for: Option<usize>,
    },
}

/// The largest power of two among P ranks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fold {
    /// Q.
    pub(crate) acting: usize,
    extra: usize,
}

impl Fold {
    pub(crate) fn new(ranks: usize) -> Self {
        let acting = 1 << ranks.ilog2();
        Self { acting, extra: ranks - acting }
    }

    /// lg Q
    pub(crate) fn steps(&self) -> usize {
        self.acting.ilog2() as usize
    }

    /// Rounds to hand over and to bring back: none if P is a power of two.
    pub(crate) fn fold_rounds(&self) -> usize {
        if self.extra > 0 { 2 } else { 0 }
    }

    pub(crate) fn role(&self, rank: usize) -> Role {
        if rank >= 2 * self.extra {
            let number = rank - self.extra;
            Role::Acting { number, stands_in_for: None }
        } else if rank.is_multiple_of(2) {
            Role::Idle { hands_to: rank + 1 }
        } else {
            let stands_in_for = Some(rank - 1);
            Role::Acting { number: rank / 2, stands_in_for }
        }
    }

    /// The rank that acts under a number.
    pub(crate) fn rank_of(&self, number: usize) -> usize {
        self.ranks_of(number..number + 1).end - 1
    }

    /// The ranks for which a run of acting ranks stands.
    pub(crate) fn ranks_of(&self, numbers: Range<usize>) -> Range<usize> {
        let start = |number: usize| number + number.min(self.extra);
        start(numbers.start)..start(numbers.end)
    }
}

/// All-reduces `buffer` by `among_acting`, an algorithm for the Q acting ranks, which is given this rank's
/// acting number.
///
/// An idle rank lends its contribution and its wait; the ranks on both sides of a pair are neighbours, so
/// rank order is kept.
pub(crate) fn all_reduce_folded<T: Element>(
    peers: &Peers<'_>,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
    among_acting: impl FnOnce(&Fold, usize, &mut [T]) -> Result<()>,
) -> Result<()> {
    let fold = Fold::new(peers.size());
    match fold.role(peers.rank()) {
        Role::Idle { hands_to } => {
            peers.send(hands_to, buffer)?;
            peers.recv(hands_to, buffer)
        }
        Role::Acting { number, stands_in_for: None } => among_acting(&fold, number, buffer),
        Role::Acting { number, stands_in_for: Some(idle) } => {
            peers.recv_with(idle, buffer.len(), |x| op.fold_left(x, buffer))?;
            among_acting(&fold, number, buffer)?;
            peers.send(idle, buffer)
        }
    }
}
