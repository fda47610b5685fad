//! The binomial tree, which broadcast, reduce, gather and scatter walk.
//!
//! Ranks are renumbered so that the root is 0: v = (r - root) mod P. The parent of v is v without its lowest
//! set bit; the children of v are v + 2^k for every 2^k below that bit (any, for the root) with v + 2^k < P.
//!
//! ```text
//!  P = 8          0                 the subtree of v is the run of ranks v..v + 2^l,
//!           ┌─────┼──┐              where 2^l is its lowest set bit, cut off at P:
//!           4     2  1              so what a subtree holds is contiguous
//!         ┌─┴┐    │
//!         6  5    3
//!         │
//!         7
//! ```
//!
//! Cost: ceil(lg P) rounds, since in each round the number of ranks that have been reached doubles.

use crate::cost::ceil_log2;

/// One rank's place in the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// This rank, renumbered: 0 is the root.
    pub(crate) v: usize,
    size: usize,
    root: usize,
    /// The subtree's bound: 2^l, or for the root the power of two that covers all.
    reach: usize,
}

impl Place {
    pub(crate) fn new(rank: usize, size: usize, root: usize) -> Self {
        let v = (rank + size - root) % size;
        let reach = match v {
            0 => 1 << ceil_log2(size),
            v => 1 << v.trailing_zeros(),
        };
        Self { v, size, root, reach }
    }

    /// The parent's rank; none for the root.
    pub(crate) fn parent(&self) -> Option<usize> {
        (self.v != 0).then(|| self.rank_of(self.v & (self.v - 1)))
    }

    /// The children, renumbered, nearest (and smallest subtree) first.
    pub(crate) fn children(self) -> impl DoubleEndedIterator<Item = usize> {
        let steps = self.reach.trailing_zeros();
        let children = (0..steps).map(move |k| self.v + (1 << k));
        // Not `take_while`: the iterator must also run backwards.
        children.filter(move |child| *child < self.size)
    }

    /// The renumbered ranks of the subtree of `v`, `v` included.
    pub(crate) fn subtree(&self) -> std::ops::Range<usize> {
        self.v..(self.v + self.reach).min(self.size)
    }

    /// The subtree of a child.
    pub(crate) fn subtree_of(&self, child: usize) -> std::ops::Range<usize> {
        Self::new(child, self.size, 0).subtree()
    }

    /// The rank whose renumbered rank is `v`.
    pub(crate) fn rank_of(&self, v: usize) -> usize {
        (v + self.root) % self.size
    }
}
