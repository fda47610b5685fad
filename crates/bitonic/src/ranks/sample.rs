//! Sample sort: find out which rank each key belongs to, and send it there at once.
//!
//! ```text
//! sorted blocks     1 4 8 9     0 2 3 7     2 5 6 6        every g-th key is a sample, here g = 2
//! samples             4   9       2   7       5   6        everyone gets all: 2 4 5 6 7 9
//! splitters         4 and 6                                where the blocks should begin, or nearly
//! sent to rank 0    1 4         0 2 3       2              an all-to-all of uneven blocks
//!         rank 1    -           -           5 6 6
//!         rank 2    8 9         7           -
//! merged            0 1 2 2 3 4     5 6 6     7 8 9
//! handed out        0 1 2 2     3 4 5 6     6 7 8 9        an all-to-all of the few that are too many
//! ```
//!
//! A key travels once, and a few travel twice, where a network sends whole blocks in each of its rounds. In
//! return a rank needs room for what it gets, the messages depend on the keys, and there must be enough keys
//! for samples to say something about them. Below 16 P² keys all of them are samples.
//!
//! *Imbalance.* A sample stands for the g keys of its rank that end with it. If q samples are not after a
//! splitter, at least q g keys are not, and at most q g + P (g - 1): on each rank up to g - 1 more before its
//! next sample. The splitter for a place is the one whose range has the place in its middle, so it is off by at
//! most (P (g - 1) + g) / 2 keys, and a rank gets at most P (g - 1) + g more than it should have. With g = N /
//! 8P² that is an eighth of the average block, and g.
//!
//! *Equal keys* would break that: a splitter by value alone can't cut a run of them, and if all keys are equal
//! one rank gets all. So keys are compared as triples of key, rank and place in the rank's block, of which no
//! two are equal, and a sample says of each block how many of its keys are not after it. (Ties cost nothing on the
//! wire: rank and place are known of a sample by where it stands.)
//!
//! Cost: rounds 3 lg P + 2 (P - 1). A rank sends its block but for what it keeps; then at most P (g - 1) + g
//! keys; the samples of all ranks on their way to all, 8 P (P - 1) to twice as many; P (P - 1) words, in which all ranks
//! tell where they cut. Which messages there are doesn't depend on the keys, but how many keys are in them
//! does.
//!
//! Source: H. Shi, J. Schaeffer, Parallel Sorting by Regular Sampling, 1992; D. Helman, J. JáJá, D. Bader, A
//! New Deterministic Parallel Sorting Algorithm With an Experimental Evaluation, 1998 (more samples,
//! duplicates).

use super::lengths::hand_out;
use crate::{Direction, Key, vector};
use collectives::{AllGather, Communicator, Element, Layout, Result};

/// Samples of an average block are so many times P.
pub const OVERSAMPLING: usize = 8;

/// g: every so many keys there is a sample.
pub fn gap(lengths: &[usize]) -> usize {
    let (ranks, keys): (usize, usize) = (lengths.len(), lengths.iter().sum());
    (keys / (OVERSAMPLING * ranks * ranks)).max(1)
}

/// The most keys that a rank gets besides those that it should: none if every key is a sample.
pub fn excess(lengths: &[usize]) -> usize {
    match gap(lengths) {
        1 => 0,
        gap => lengths.len() * (gap - 1) + gap,
    }
}

/// How many samples each rank takes.
pub(super) fn samples(lengths: &[usize]) -> Layout {
    let gap = gap(lengths);
    Layout::of_counts(lengths.iter().map(|length| length / gap))
}

/// Sorts sorted blocks.
#[track_caller]
pub(super) fn sort<K: Key + Element>(
    comm: &Communicator,
    lengths: &[usize],
    block: &mut [K],
    direction: Direction,
) -> Result<()> {
    let (rank, ranks) = (comm.rank(), comm.size());
    let plan = Plan::agree(comm, lengths, block, direction)?;
    let sent: Vec<usize> = (0..ranks).map(|to| plan.count(rank, to)).collect();
    let taken: Vec<usize> = (0..ranks).map(|from| plan.count(from, rank)).collect();
    let runs = Layout::of_counts(taken.iter().copied());
    let mut keys = vec![K::LEAST; runs.total()];
    let put = |from: usize, run: &[K]| {
        let place = &mut keys[runs.block(from)];
        place.copy_from_slice(run);
        if from % 2 == 1 {
            place.reverse();
        }
    };
    comm.all_to_all_look(block, &sent, &taken, put, || ())?;
    merge(&mut keys, taken, direction);
    if gap(lengths) == 1 {
        // All keys were samples, so the splitters are where the blocks begin.
        block.copy_from_slice(&keys);
        return Ok(());
    }
    hand_out(comm, &plan.held(), lengths, &keys, block)
}

/// Which keys go where, known to all.
pub(super) struct Plan {
    ranks: usize,
    /// P of each rank: its keys for rank r end at the r-th.
    ends: Vec<u64>,
}

impl Plan {
    /// From the sorted block of every rank.
    #[track_caller]
    pub(super) fn agree<K: Key + Element>(
        comm: &Communicator,
        lengths: &[usize],
        block: &[K],
        direction: Direction,
    ) -> Result<Self> {
        let ranks = comm.size();
        let own = cuts(&splitters(comm, lengths, block, direction)?, comm.rank(), block, direction);
        let mut ends = vec![0; ranks * ranks];
        comm.all_gather_with(AllGather::Bruck, &own, &mut ends)?;
        Ok(Self { ranks, ends })
    }

    /// Keys that a rank sends another.
    fn count(&self, from: usize, to: usize) -> usize {
        let ends = &self.ends[from * self.ranks..][..self.ranks];
        let start = if to == 0 { 0 } else { ends[to - 1] };
        (ends[to] - start) as usize
    }

    /// Keys that each rank gets.
    pub(super) fn held(&self) -> Vec<usize> {
        (0..self.ranks).map(|to| (0..self.ranks).map(|from| self.count(from, to)).sum()).collect()
    }
}

/// Between what one rank gets and what the next one gets.
enum Splitter<K> {
    /// The first ranks get nothing.
    Start,
    /// After this sample of this rank, the one at this place in its block.
    After { key: K, rank: usize, place: usize },
    /// The last ranks get nothing.
    End,
}

/// The ends of what the ranks get, the last one's left out.
#[track_caller]
fn splitters<K: Key + Element>(
    comm: &Communicator,
    lengths: &[usize],
    block: &[K],
    direction: Direction,
) -> Result<Vec<Splitter<K>>> {
    let (ranks, gap, layout) = (comm.size(), gap(lengths), samples(lengths));
    let counts: Vec<usize> = (0..ranks).map(|rank| layout.len(rank)).collect();
    let own: Vec<K> = block.chunks_exact(gap).map(|keys| keys[gap - 1]).collect();
    let mut all = vec![K::LEAST; layout.total()];
    comm.all_gather_v_with(AllGather::Bruck, &own, &counts, &mut all)?;

    // In the order of key, rank and place: ranks and places are in order already, and this sort keeps the order
    // of equal ones.
    let mut order: Vec<(usize, usize)> =
        (0..ranks).flat_map(|rank| (0..counts[rank]).map(move |sample| (rank, sample))).collect();
    let key = |&(rank, sample): &(usize, usize)| all[layout.start(rank) + sample];
    order.sort_by(|a, b| direction.of(key(a).order(&key(b))));

    let ends = Layout::of_counts(lengths.iter().copied());
    let splitter = |rank| {
        // q samples not after it: q g .. q g + P (g - 1) keys.
        let middle = ends.start(rank).saturating_sub(ranks * (gap - 1) / 2);
        match (middle + gap / 2) / gap {
            0 => Splitter::Start,
            q if q > order.len() => Splitter::End,
            q => {
                let (rank, sample) = order[q - 1];
                Splitter::After { key: key(&order[q - 1]), rank, place: (sample + 1) * gap - 1 }
            }
        }
    };
    Ok((1..ranks).map(splitter).collect())
}

/// How many of a rank's keys are not after each splitter; and, last, how many it has.
fn cuts<K: Key>(splitters: &[Splitter<K>], own: usize, block: &[K], direction: Direction) -> Vec<u64> {
    let cut = |splitter: &Splitter<K>| match splitter {
        Splitter::Start => 0,
        Splitter::End => block.len(),
        &Splitter::After { place, rank, .. } if own == rank => place + 1,
        // Equal keys of ranks before the sample's come before it, those of ranks after it come after it.
        Splitter::After { key, rank, .. } if own < *rank => {
            block.partition_point(|other| direction.of(other.order(key)).is_le())
        }
        Splitter::After { key, .. } => block.partition_point(|other| direction.of(other.order(key)).is_lt()),
    };
    splitters.iter().map(cut).chain([block.len()]).map(|cut| cut as u64).collect()
}

/// Sorts runs that lie one after the other, every second of them turned over: two neighbours make a hill or a
/// valley. Merged to one way and the other in turns, they do so again.
///
/// ```text
/// /  \  /  \  /        five runs
/// /\    /\    /
/// /     \     /        /    \     the last one has no neighbour, and is turned over
/// ```
fn merge<K: Key>(keys: &mut [K], mut lengths: Vec<usize>, direction: Direction) {
    let other = match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    };
    while lengths.len() > 1 {
        let mut rest = &mut *keys;
        let mut merged = Vec::with_capacity(lengths.len().div_ceil(2));
        for (pair, runs) in lengths.chunks(2).enumerate() {
            let (now, later) = rest.split_at_mut(runs.iter().sum());
            let to = if pair % 2 == 0 { direction } else { other };
            match (runs.len(), direction) {
                (1, _) if to == direction => {}
                (1, _) => now.reverse(),
                (_, Direction::Ascending) => vector::merge_hill(now, to),
                (_, Direction::Descending) => vector::merge_valley(now, to),
            }
            merged.push(now.len());
            rest = later;
        }
        lengths = merged;
    }
}
