//! What two ranks do where a network has a comparator: all keys of one become no greater than those of the
//! other.
//!
//! Both blocks are sorted. The one is laid against the other turned over (the *flip* of the bitonic network),
//! and of every pair the low rank keeps the smaller key, the high rank the greater:
//!
//! ```text
//! low's block           2  5  7  9
//!                       │  │  │  │
//! high's, turned over   8  6  3  1
//!
//! low keeps             2  5  3  1      rises, then falls: a hill         merged: 1 2 3 5
//! high keeps            8  6  7  9      falls, then rises: a valley       merged: 6 7 8 9
//! ```
//!
//! Why that is right: one row rises and the other falls, so low keeps the first x of its own keys and the first
//! 4 - x of high's. The last one of either is no greater than the key after it in its own block, which is
//! sorted, nor than the one after the last of the other: those two met. And a hill or a valley is what a
//! bitonic merge sorts, so there is no merge by branches.
//!
//! Each rank needs the whole block of the other; to find out first which keys change sides would make messages
//! depend on the keys. Blocks travel in *pieces* that fit a cache. Both sides look at a piece in the other's
//! memory while it is lent, and write what they keep over their own when both are done looking: no rank ever
//! needs room for a second block.
//!
//! Cost: one round for each piece, all keys of the block. Where blocks are not full: see
//! [`lengths`](super::lengths).
//!
//! Source: G. Baudet, D. Stevenson, Optimal Sorting Algorithms for Parallel Computers, 1978; K. E. Batcher,
//! Sorting Networks and Their Applications, 1968.

use crate::{Direction, Key, vector};
use collectives::{Communicator, Element, Result};

/// Bytes of a piece, at most: three of them (its own, its partner's, what is kept) fit a second-level cache.
pub const PIECE_BYTES: usize = 64 << 10;

/// What moves between two ranks, in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moves {
    /// From the high rank to the low one: the first of its keys, which find room there and are compared with
    /// none.
    pub(super) given: usize,
    /// In both directions: the last of low's keys and the other ones of high's.
    pub(super) compared: usize,
}

impl Moves {
    /// Between ranks that hold `low` and `high` keys, where a block has `room` for so many.
    pub(super) fn of(low: usize, high: usize, room: usize) -> Self {
        let given = high.min(room - low);
        Self { given, compared: high - given }
    }

    /// Messages that the compared ones travel in.
    pub(super) fn pieces(&self, piece: usize) -> usize {
        self.compared.div_ceil(piece)
    }
}

/// One rank's place at a comparator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Keeps the keys that come first.
    Low,
    /// Keeps those that come last.
    High,
}

/// One rank's part in all compare-splits of a sort.
pub(super) struct CompareSplit<'a, K> {
    comm: &'a Communicator,
    direction: Direction,
    /// What is kept of a piece, until the partner has looked at the piece.
    kept: Vec<K>,
}

impl<'a, K: Key + Element> CompareSplit<'a, K> {
    /// With pieces of so many keys.
    pub(super) fn new(comm: &'a Communicator, direction: Direction, piece: usize) -> Self {
        Self { comm, direction, kept: vec![K::LEAST; piece] }
    }

    /// Compares and splits the first `held` of `keys` with the partner's. Afterwards it holds those `given`
    /// more, or less.
    #[track_caller]
    pub(super) fn run(
        &mut self,
        side: Side,
        partner: usize,
        keys: &mut [K],
        held: usize,
        Moves { given, compared }: Moves,
    ) -> Result<()> {
        let piece = self.kept.len();
        let pieces = (0..compared).step_by(piece).map(|start| start..compared.min(start + piece));
        let holds = match side {
            Side::Low => {
                if given > 0 {
                    let found_room = &mut keys[held..held + given];
                    self.comm.recv(partner, found_room)?;
                    found_room.reverse();
                }
                // Turned over: the first piece of high's keys meets low's last.
                for range in pieces {
                    let own = &mut keys[held - range.end..held - range.start];
                    own.copy_from_slice(self.exchange(side, partner, own)?);
                }
                held + given
            }
            Side::High => {
                if given > 0 {
                    self.comm.send(partner, &keys[..given])?;
                }
                for range in pieces {
                    let kept = self.exchange(side, partner, &keys[given + range.start..given + range.end])?;
                    keys[range].copy_from_slice(kept); // the given ones are gone
                }
                compared
            }
        };
        if given + compared > 0 {
            self.merge(side, &mut keys[..holds]);
        }
        Ok(())
    }

    /// Lends the partner a piece and looks at its piece. What is kept of the two.
    #[track_caller]
    fn exchange(&mut self, side: Side, partner: usize, own: &[K]) -> Result<&[K]> {
        let kept = &mut self.kept[..own.len()];
        let smaller = (side == Side::Low) == (self.direction == Direction::Ascending);
        self.comm.send_recv_look(partner, own, partner, own.len(), |theirs| match smaller {
            true => keep::<K, true>(own, theirs, kept),
            false => keep::<K, false>(own, theirs, kept),
        })?;
        Ok(kept)
    }

    /// Sorts what the rank has kept.
    fn merge(&self, side: Side, keys: &mut [K]) {
        match (side, self.direction) {
            (Side::Low, Direction::Ascending) | (Side::High, Direction::Descending) => {
                vector::merge_hill(keys, self.direction);
            }
            (Side::High, Direction::Ascending) | (Side::Low, Direction::Descending) => {
                vector::merge_valley(keys, self.direction);
            }
        }
    }
}

/// Of each key and the one that it meets in the other piece, turned over, the smaller or the greater.
fn keep<K: Key, const SMALLER: bool>(own: &[K], theirs: &[K], kept: &mut [K]) {
    simd::vectorised(
        #[inline(always)]
        || {
            for (kept, (&own, &theirs)) in kept.iter_mut().zip(own.iter().zip(theirs.iter().rev())) {
                *kept = if (theirs.ordered() < own.ordered()) == SMALLER { theirs } else { own };
            }
        },
    );
}
