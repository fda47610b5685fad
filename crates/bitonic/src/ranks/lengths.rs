//! A network of ranks whose blocks differ in length.
//!
//! A comparator lets two keys change places. A [compare-split](super::compare_split) does so for blocks, if
//! both have room for as many keys. If not, no network need sort any more: a rank without keys lets nothing
//! through.
//!
//! ```text
//! rank      0    1    2
//! blocks    2    -    1      neighbours are compared, and there is nothing to compare: 2 stays before 1
//! ```
//!
//! So every block is thought to have as much room as the longest, and behind its keys stand infinities:
//!
//! ```text
//! lengths 1, 3, 2        5 ∞ ∞   4 2 6   1 3 ∞
//! after the network      1 2 3   4 5 6   ∞ ∞ ∞      the infinities are the greatest: they are last
//! handed out             1   2 3 4   5 6
//! ```
//!
//! An infinity is no key: it isn't stored, compared or sent, it is only where a block has room. How many keys
//! each rank holds is known to all at every comparator: the low rank gets as many as there are, up to its room.
//!
//! Where no rank ever finds room for a key of another, keys stay where they are, in the blocks: for equal
//! lengths, or in most networks if all ranks but the last ones are full. Otherwise the rank works in a buffer
//! of the longest block's length.
//!
//! Cost: see [`cost`](super::cost). Handing out is an all-to-all: P - 1 messages of a rank, most of them empty.

use super::compare_split::{CompareSplit, Moves, Side};
use crate::network::{Comparator, Network};
use crate::{Direction, Key};
use collectives::{Communicator, Element, Layout, Result};

/// Keys on each rank when a network has sorted blocks of these lengths.
///
/// ```
/// use bitonic::ranks::lengths::settled;
///
/// assert_eq!(settled(&[1, 3, 2]), [3, 3, 0]);
/// assert_eq!(settled(&[4, 4, 1]), [4, 4, 1]); // as before
/// ```
pub fn settled(lengths: &[usize]) -> Vec<usize> {
    let room = lengths.iter().max().copied().unwrap_or(0);
    let mut left: usize = lengths.iter().sum();
    let fill = |_| {
        let held = room.min(left);
        left -= held;
        held
    };
    lengths.iter().map(fill).collect()
}

/// Sorts sorted blocks by a network with a wire for each rank, in pieces of so many keys.
#[track_caller]
pub(super) fn sort<K: Key + Element>(
    comm: &Communicator,
    network: &Network,
    lengths: &[usize],
    block: &mut [K],
    direction: Direction,
    piece: usize,
) -> Result<()> {
    let room = lengths.iter().max().copied().unwrap_or(0);
    let compare_split = CompareSplit::new(comm, direction, piece.clamp(1, room.max(1)));
    if stay(network, lengths) {
        return pass(comm.rank(), network, lengths, block, compare_split);
    }
    let mut keys = Vec::with_capacity(room);
    keys.extend_from_slice(block);
    keys.resize(room, K::LEAST);
    pass(comm.rank(), network, lengths, &mut keys, compare_split)?;
    let settled = settled(lengths);
    hand_out(comm, &settled, lengths, &keys[..settled[comm.rank()]], block)
}

/// Whether every rank always holds as many keys as in the beginning.
pub(super) fn stay(network: &Network, lengths: &[usize]) -> bool {
    let room = lengths.iter().max().copied().unwrap_or(0);
    network
        .comparators()
        .all(|Comparator { low, high }| Moves::of(lengths[low], lengths[high], room).given == 0)
}

/// One rank's way through the network.
#[track_caller]
fn pass<K: Key + Element>(
    rank: usize,
    network: &Network,
    lengths: &[usize],
    keys: &mut [K],
    mut compare_split: CompareSplit<'_, K>,
) -> Result<()> {
    let room = lengths.iter().max().copied().unwrap_or(0);
    let mut held = lengths.to_vec();
    for Comparator { low, high } in network.comparators() {
        let moves = Moves::of(held[low], held[high], room);
        if rank == low {
            compare_split.run(Side::Low, high, keys, held[low], moves)?;
        } else if rank == high {
            compare_split.run(Side::High, low, keys, held[high], moves)?;
        }
        held[low] += moves.given;
        held[high] -= moves.given;
    }
    Ok(())
}

/// Gives every rank as many keys as `lengths` say, out of blocks that hold as many as `held` says. Together the
/// blocks are sorted, before and after.
#[track_caller]
pub(super) fn hand_out<K: Key + Element>(
    comm: &Communicator,
    held: &[usize],
    lengths: &[usize],
    keys: &[K],
    block: &mut [K],
) -> Result<()> {
    let (sent, taken) = (shares(held, comm.rank(), lengths), shares(lengths, comm.rank(), held));
    let places = Layout::of_counts(taken.iter().copied());
    let put = |from: usize, keys: &[K]| block[places.block(from)].copy_from_slice(keys);
    comm.all_to_all_look(keys, &sent, &taken, put, || ())
}

/// A sequence is cut into blocks in two ways. How many elements block `i` of the one has in common with each of
/// the other.
pub(super) fn shares(blocks: &[usize], i: usize, others: &[usize]) -> Vec<usize> {
    let own = Layout::of_counts(blocks.iter().copied()).block(i);
    let others = Layout::of_counts(others.iter().copied());
    let common = |other| {
        let other = others.block(other);
        own.end.min(other.end).saturating_sub(own.start.max(other.start))
    };
    (0..others.parts()).map(common).collect()
}
