//! Sorting keys that lie in blocks on many ranks.
//!
//! ```text
//! rank      0         1      2           a rank's block keeps its length, whatever that is, and the blocks one
//! before    7 2 9     4      8 1         after the other are sorted
//! after     1 2 4     7      8 9
//! ```
//!
//! A sorting network sorts ranks as it sorts wires. Every rank sorts its block; then each comparator of the
//! network is a [*compare-split*](compare_split) of two blocks: one rank keeps the smaller half of the keys of
//! both, the other the greater half, and each sorts what it has by one merge. Which ranks meet, when, and how
//! many keys they send is fixed before any key is seen: the messages are a function of the lengths alone.
//!
//! Blocks must be equally long for that. So each is thought to be as long as the longest, filled up with
//! infinities that are never sent ([`lengths`]). They end up on the last ranks, and then the keys are handed to
//! the ranks that had room for them.
//!
//! | way | rounds of the exchange | keys that a rank sends, P ranks with n each |
//! |---|---|---|
//! | bitonic (also `alternating`, and `odd-even-merge` with fewer messages) | lg P (lg P + 1) / 2 | n in each |
//! | odd-even transposition | P | n in each, but none where a rank has no neighbour |
//! | [sample sort](sample) | 2(P - 1), of shorter messages | about n once, and a few |
//!
//! | module | idea |
//! |---|---|
//! | [`mod@compare_split`] | what two ranks do |
//! | [`lengths`] | blocks of different lengths |
//! | [`mod@sample`] | no network: to find out where each key belongs, and to send it there |
//! | [`cost`] | what is sent, by replay |
//!
//! Source: G. Baudet, D. Stevenson, Optimal Sorting Algorithms for Parallel Computers, 1978; H. Shi, J.
//! Schaeffer, Parallel Sorting by Regular Sampling, 1992.

mod agreement;
pub mod compare_split;
pub mod cost;
pub mod lengths;
pub mod sample;
#[cfg(test)]
mod tests;

pub use agreement::Disagreement;
pub use cost::Sent;

use crate::network::Kind;
use crate::{Direction, Key, vector};
use collectives::{Communicator, Element, Result};

/// A way to sort across ranks.
///
/// ```
/// use bitonic::{Direction, network::Kind, ranks::RankSort};
/// use collectives::World;
///
/// let blocks = [vec![7, 2, 9], vec![4], vec![8, 1]];
/// let sorted = World::new(3).run(|comm| {
///     let mut block = blocks[comm.rank()].clone();
///     RankSort::Network(Kind::Bitonic).sort(comm, &mut block, Direction::Ascending)?;
///     Ok(block)
/// })?;
/// assert_eq!(sorted, [vec![1, 2, 4], vec![7], vec![8, 9]]);
/// # Ok::<(), collectives::RunError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RankSort {
    /// A sorting network with a rank on each wire.
    Network(Kind),
    /// Each rank takes samples of its keys; from all of them everyone learns which rank a key belongs to.
    SampleSort,
}

impl RankSort {
    /// All of them.
    pub const ALL: [RankSort; 5] = [
        RankSort::Network(Kind::Bitonic),
        RankSort::Network(Kind::Alternating),
        RankSort::Network(Kind::OddEvenMerge),
        RankSort::Network(Kind::OddEvenTransposition),
        RankSort::SampleSort,
    ];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            RankSort::Network(kind) => kind.name(),
            RankSort::SampleSort => "sample-sort",
        }
    }

    /// What [`sort`] uses for blocks of these lengths: the bitonic network for two ranks, and where blocks are
    /// so short that the number of messages decides; otherwise sample sort. (By what they send; it isn't
    /// measured.)
    pub fn choose(lengths: &[usize], key_bytes: usize) -> Self {
        let longest = lengths.iter().max().map_or(0, |keys| keys * key_bytes);
        match lengths.len() > 2 && longest >= compare_split::PIECE_BYTES {
            true => RankSort::SampleSort,
            false => RankSort::Network(Kind::Bitonic),
        }
    }

    /// Sorts the keys of all ranks. Every rank gives its block, and afterwards has a block of the same length;
    /// one after the other, in the order of the ranks, they are sorted. All ranks call this with the same
    /// direction.
    ///
    /// Keys are compared as [`Key`] says, so no NaN is lost. Memory: at most 64 KiB if the lengths don't need
    /// to be restored (see [`lengths`]), otherwise as much as the longest block; sample sort: as much as the
    /// block and a part of it, and 8 P² keys.
    ///
    /// # Errors
    ///
    /// If the ranks don't mean the same sort, that is a [`Disagreement`], the same on every rank: nothing has
    /// moved, all blocks are as they were, and the communicator is usable.
    ///
    /// Otherwise the world has failed. A rank that is told so before it knows all lengths has its block as it
    /// was; one that is told so before it has met another rank has its own keys, in some order. Later every key
    /// in its block was in some rank's block, but of two keys that met, one may stand in both blocks and the
    /// other in none: ranks that overwrite keys with each other's can't know whether the partner still does.
    /// Who must go on after that keeps a copy.
    #[track_caller]
    pub fn sort<K: Key + Element>(
        self,
        comm: &Communicator,
        block: &mut [K],
        direction: Direction,
    ) -> Result<()> {
        let lengths = agreement::lengths(comm, block.len(), Some(self), direction)?;
        self.sort_agreed(comm, &lengths, block, direction)
    }

    /// What is left to do when everybody knows all lengths.
    #[track_caller]
    fn sort_agreed<K: Key + Element>(
        self,
        comm: &Communicator,
        lengths: &[usize],
        block: &mut [K],
        direction: Direction,
    ) -> Result<()> {
        vector::sort(block, direction);
        match self {
            _ if lengths.len() == 1 => Ok(()),
            RankSort::Network(kind) => {
                let piece = compare_split::PIECE_BYTES / size_of::<K>();
                lengths::sort(comm, &kind.build(lengths.len()), lengths, block, direction, piece)
            }
            RankSort::SampleSort => sample::sort(comm, lengths, block, direction),
        }
    }
}

/// Sorts the keys of all ranks by the way that [`RankSort::choose`] says: see [`RankSort::sort`].
///
/// ```
/// use bitonic::{Direction, ranks};
/// use collectives::World;
///
/// let sorted = World::new(2).run(|comm| {
///     let mut block = [[0.5, f32::NAN], [-0.0, 0.0]][comm.rank()];
///     ranks::sort(comm, &mut block, Direction::Descending)?;
///     Ok(block.map(f32::to_bits))
/// })?;
/// assert_eq!(sorted, [[f32::NAN, 0.5], [0.0, -0.0]].map(|block| block.map(f32::to_bits)));
/// # Ok::<(), collectives::RunError>(())
/// ```
///
/// # Errors
///
/// As [`RankSort::sort`].
#[track_caller]
pub fn sort<K: Key + Element>(comm: &Communicator, block: &mut [K], direction: Direction) -> Result<()> {
    let lengths = agreement::lengths(comm, block.len(), None, direction)?;
    RankSort::choose(&lengths, size_of::<K>()).sort_agreed(comm, &lengths, block, direction)
}
