//! What a sort across ranks sends, from the lengths of the blocks alone.
//!
//! For networks that is exact: who sends whom how many keys is fixed by the lengths, so the sort is *replayed*
//! with numbers of keys in place of keys. Rounds are counted as everywhere: a transfer takes each rank to the
//! later of its own round and the one in which its partner sent, and one further.
//!
//! For P = 2^k ranks with n keys each it comes to
//!
//! ```text
//! bitonic                  rounds k + k(k+1)/2 pieces    keys of a rank n k(k+1)/2
//! odd-even transposition   rounds k + P pieces           keys of a rank n P, of the first and the last half of it
//! ```
//!
//! where `pieces` is how many [pieces](super::compare_split::PIECE_BYTES) a block has, and k rounds are for the
//! lengths. (Two ranks need one compare-split by any network.) Of sample sort messages, words and rounds are
//! exact. How many keys a rank sends depends on the keys.

use super::compare_split::{Moves, PIECE_BYTES};
use super::lengths::{settled, shares, stay};
use super::{RankSort, agreement, sample};
use crate::network::{Comparator, Network};
use collectives::{AllGather, Cost, Layout, ceil_log2};
use std::ops::RangeInclusive;

/// What one rank sends in one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Messages.
    pub messages: usize,
    /// Words of 8 bytes: lengths and the like.
    pub words: usize,
    /// Keys, from so many to so many: whatever they are.
    pub keys: RangeInclusive<usize>,
    /// Rounds until the last rank is done.
    pub rounds: usize,
}

impl Sent {
    /// That so many bytes are what this says.
    pub fn allows(&self, bytes: usize, key_bytes: usize) -> bool {
        let of = |keys: usize| 8 * self.words + key_bytes * keys;
        (of(*self.keys.start())..=of(*self.keys.end())).contains(&bytes)
            && (bytes - 8 * self.words).is_multiple_of(key_bytes)
    }
}

impl RankSort {
    /// What rank `rank` sends if rank r's block has `lengths[r]` keys of so many bytes.
    ///
    /// ```
    /// use bitonic::{network::Kind, ranks::{RankSort, Sent}};
    ///
    /// let sent = RankSort::Network(Kind::Bitonic).cost(&[1000; 4], 3, 4);
    /// // Twice two words for the lengths, then three compare-splits.
    /// assert_eq!(sent, Sent { messages: 2 + 3, words: 6, keys: 3000..=3000, rounds: 2 + 3 });
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such rank, or keys have no bytes.
    pub fn cost(self, lengths: &[usize], rank: usize, key_bytes: usize) -> Sent {
        assert!(rank < lengths.len(), "rank {rank} of {}", lengths.len());
        match self {
            RankSort::Network(kind) => {
                network(&kind.build(lengths.len()), lengths, rank, (PIECE_BYTES / key_bytes).max(1))
            }
            RankSort::SampleSort => sample_sort(lengths, rank),
        }
    }
}

/// An all-gather in which every rank gives so many elements.
fn gather(ranks: usize, elements: usize, rank: usize) -> Cost {
    AllGather::Bruck.cost(&Layout::of_counts((0..ranks).map(|_| elements)), rank)
}

/// Replays a network, in pieces of so many keys.
pub(super) fn network(network: &Network, lengths: &[usize], rank: usize, piece: usize) -> Sent {
    let (ranks, room) = (lengths.len(), lengths.iter().max().copied().unwrap_or(0));
    let agreement = gather(ranks, agreement::WORDS, rank);
    let (mut messages, mut keys) = (agreement.messages, 0);
    let mut rounds = vec![ceil_log2(ranks); ranks];
    let mut held = lengths.to_vec();
    for Comparator { low, high } in network.comparators() {
        let moves = Moves::of(held[low], held[high], room);
        let Moves { given, compared } = moves;
        if given > 0 {
            rounds[low] = rounds[low].max(rounds[high]) + 1;
            rounds[high] += 1;
        }
        if compared > 0 {
            let together = rounds[low].max(rounds[high]) + moves.pieces(piece);
            (rounds[low], rounds[high]) = (together, together);
        }
        if rank == low || rank == high {
            messages += moves.pieces(piece);
            keys += compared;
        }
        if rank == high {
            messages += usize::from(given > 0);
            keys += given;
        }
        held[low] += given;
        held[high] -= given;
    }
    if !stay(network, lengths) {
        let held = settled(lengths);
        keys += held[rank] - shares(&held, rank, lengths)[rank];
        messages += ranks - 1;
        for distance in 1..ranks {
            let before = rounds.clone();
            for (to, round) in rounds.iter_mut().enumerate() {
                *round = (*round).max(before[(to + ranks - distance) % ranks]) + 1;
            }
        }
    }
    let rounds = rounds.into_iter().max().unwrap_or(0);
    Sent { messages, words: agreement.elements, keys: keys..=keys, rounds }
}

/// In every step all ranks do the same, so rounds add up.
fn sample_sort(lengths: &[usize], rank: usize) -> Sent {
    let ranks = lengths.len();
    if ranks == 1 {
        return Sent { messages: 0, words: 0, keys: 0..=0, rounds: 0 };
    }
    let words = gather(ranks, agreement::WORDS, rank).then(gather(ranks, ranks, rank));
    let samples = AllGather::Bruck.cost(&sample::samples(lengths), rank);
    let excess = sample::excess(lengths);
    let exchanges = if excess == 0 { 1 } else { 2 };
    Sent {
        messages: words.messages + samples.messages + exchanges * (ranks - 1),
        words: words.elements,
        // Of its own keys it may keep all, or none.
        keys: samples.elements..=samples.elements + lengths[rank] + excess,
        rounds: words.rounds + samples.rounds + exchanges * (ranks - 1),
    }
}
