//! Mistakes: a bitonic sort of ranks, written plainly, with one of these in it. Each is rejected, by these
//! checks.

use super::*;
use bitonic::network::{Comparator, Network};
use collectives::AllGather;

/// A compare-split sort with a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    /// Without one.
    Healthy,
    /// The last comparator's low rank keeps the greater keys.
    WrongHalf,
    /// The first comparator of the last stage is left out.
    ComparatorMissing,
    /// The last stage is left out.
    StageMissing,
    /// Neighbours, in P - 1 rounds.
    RoundMissing,
    /// Key x meets the partner's key x.
    NotTurnedOver,
    /// What is kept isn't sorted before the next comparator.
    MergeForgotten,
    /// A block is compared with as many keys as the shorter one has, and has room for no others.
    NoInfinities,
    /// Blocks keep the lengths that the network leaves them with.
    NotHandedOut,
    /// Blocks are handed out, but for the last rank's.
    LastNotHandedOut,
    /// Ranks beyond a power of two are left alone.
    CutOff,
    /// Each rank sorts its own block upwards, whatever the direction.
    LocalDirection,
    /// Empty parts are sent, too.
    EmptyMessages,
}

use Mutant::*;

const ALL: [Mutant; 13] = [
    Healthy,
    WrongHalf,
    ComparatorMissing,
    StageMissing,
    RoundMissing,
    NotTurnedOver,
    MergeForgotten,
    NoInfinities,
    NotHandedOut,
    LastNotHandedOut,
    CutOff,
    LocalDirection,
    EmptyMessages,
];

impl Mutant {
    /// The network to which it owes its messages.
    fn kind(self) -> Kind {
        if self == RoundMissing { Kind::OddEvenTransposition } else { Kind::Bitonic }
    }

    fn network(self, ranks: usize) -> Network {
        let wires = if self == CutOff { 1 << ranks.ilog2() } else { ranks };
        let mut stages = self.kind().build(wires).stages().to_vec();
        match self {
            StageMissing => drop(stages.pop()),
            RoundMissing if ranks > 2 => drop(stages.pop()),
            ComparatorMissing => {
                let last = stages.iter_mut().rev().find(|stage| !stage.is_empty());
                last.map(|stage| stage.remove(0));
            }
            _ => {}
        }
        Network::new(ranks, stages).expect("a part of a network")
    }
}

impl Gear for Mutant {
    fn sort<K: Sample + Element>(
        &self,
        comm: &Communicator,
        block: &mut [K],
        direction: Direction,
    ) -> Result<()> {
        let (rank, ranks) = (comm.rank(), comm.size());
        let mut told = vec![0_u64; 2 * ranks];
        comm.all_gather_with(AllGather::Bruck, &[block.len() as u64, 0], &mut told)?;
        let lengths: Vec<usize> = told.chunks(2).map(|words| words[0] as usize).collect();
        let room = lengths.iter().max().copied().unwrap_or(0);

        let mut keys = oracle(block, if self == &LocalDirection { Direction::Ascending } else { direction });
        let mut held = lengths.clone();
        let network = self.network(ranks);
        let last = network.comparators().last();
        for comparator in network.comparators() {
            let Comparator { low, high } = comparator;
            let (given, compared) = match self {
                NoInfinities => (0, held[low].min(held[high])),
                _ => {
                    let given = held[high].min(room - held[low]);
                    (given, held[high] - given)
                }
            };
            if rank == low || rank == high {
                let is_low = rank == low;
                keys =
                    self.compare_split(comm, is_low, low + high - rank, keys, [given, compared], |a, b| {
                        // Whether a low rank keeps a.
                        direction.of(a.std_order(b)).is_lt()
                            != (self == &WrongHalf && Some(comparator) == last)
                    })?;
                if self != &MergeForgotten {
                    keys = oracle(&keys, direction);
                }
            }
            held[low] += given;
            held[high] -= given;
        }
        if held == lengths || self == &NotHandedOut {
            let both = keys.len().min(block.len());
            block[..both].copy_from_slice(&keys[..both]);
            return Ok(());
        }
        let whole = hand_out(comm, &held, &lengths, &keys)?;
        if self != &LastNotHandedOut || rank + 1 < ranks {
            block.copy_from_slice(&whole);
        }
        Ok(())
    }
}

impl Mutant {
    /// What a rank keeps.
    fn compare_split<K: Sample + Element>(
        self,
        comm: &Communicator,
        is_low: bool,
        partner: usize,
        mut own: Vec<K>,
        [given, compared]: [usize; 2],
        low_keeps: impl Fn(&K, &K) -> bool,
    ) -> Result<Vec<K>> {
        let mut found_room = vec![K::LEAST; if is_low { given } else { 0 }];
        if given > 0 || self == EmptyMessages {
            match is_low {
                true => comm.recv(partner, &mut found_room)?,
                false => comm.send(partner, &own.drain(..given).collect::<Vec<_>>())?,
            }
        }
        let first = if is_low { own.len() - compared } else { 0 };
        let mine = &mut own[first..first + compared];
        let mut theirs = vec![K::LEAST; compared];
        if compared > 0 {
            comm.send_recv(partner, mine, partner, &mut theirs)?;
        }
        if self != NotTurnedOver {
            theirs.reverse();
        }
        for (mine, theirs) in mine.iter_mut().zip(theirs) {
            if low_keeps(&theirs, mine) == is_low {
                *mine = theirs;
            }
        }
        own.extend(found_room);
        Ok(own)
    }
}

/// Blocks of other lengths.
fn hand_out<K: Element>(
    comm: &Communicator,
    held: &[usize],
    lengths: &[usize],
    keys: &[K],
) -> Result<Vec<K>> {
    let starts = |lengths: &[usize]| -> Vec<usize> {
        (0..=lengths.len()).map(|rank| lengths[..rank].iter().sum()).collect()
    };
    let (from, to, rank) = (starts(held), starts(lengths), comm.rank());
    let common = |a: usize, b: usize| from[a + 1].min(to[b + 1]).saturating_sub(from[a].max(to[b]));
    let sent: Vec<usize> = (0..comm.size()).map(|other| common(rank, other)).collect();
    let taken: Vec<usize> = (0..comm.size()).map(|other| common(other, rank)).collect();
    let mut whole = vec![K::zeroed(); lengths[rank]];
    comm.all_to_all_v(keys, &sent, &mut whole, &taken)?;
    Ok(whole)
}

/// The checks that it fails, on a few ranks.
fn rejections(mutant: Mutant) -> Vec<&'static str> {
    let mut failed = Vec::new();
    let equal = |blocks: &Blocks<u8>| blocks.iter().all(|block| block.len() == blocks[0].len());
    let (mut even, mut uneven) = (false, false);
    for (ranks, most) in [(2, 3), (3, 2), (4, 2), (5, 1)] {
        let cases = all_zeros_and_ones(ranks, most);
        let (alike, others): (Vec<_>, Vec<_>) = cases.into_iter().partition(|(blocks, _)| equal(blocks));
        even |= problem(&mutant, ranks, &alike).is_some();
        uneven |= problem(&mutant, ranks, &others).is_some();
    }
    if even {
        failed.push("equal blocks");
    }
    if uneven {
        failed.push("uneven blocks");
    }
    let way = RankSort::Network(mutant.kind());
    let sends =
        |lengths: &Vec<usize>| traffic::difference::<u16>(&mutant, way, lengths, Pattern::Random).is_some();
    if (2..=5).any(|ranks| shapes(ranks, 9).iter().any(sends)) {
        failed.push("traffic");
    }
    failed
}

#[track_caller]
fn rejected(mutant: Mutant, checks: &[&str]) {
    assert_eq!(rejections(mutant), checks, "{mutant:?}");
}

const SORTED: [&str; 2] = ["equal blocks", "uneven blocks"];

#[test]
fn without_a_mistake_it_passes() {
    rejected(Healthy, &[]);
}

#[test]
fn mistakes_at_a_comparator() {
    rejected(WrongHalf, &SORTED);
    rejected(NotTurnedOver, &SORTED);
    rejected(MergeForgotten, &SORTED);
    rejected(LocalDirection, &SORTED);
}

#[test]
fn mistakes_in_the_network() {
    rejected(ComparatorMissing, &[SORTED[0], SORTED[1], "traffic"]);
    rejected(StageMissing, &[SORTED[0], SORTED[1], "traffic"]);
    rejected(RoundMissing, &[SORTED[0], SORTED[1], "traffic"]);
    rejected(CutOff, &[SORTED[0], SORTED[1], "traffic"]);
}

/// None of them shows as long as blocks are equally long.
#[test]
fn mistakes_with_uneven_blocks() {
    rejected(NoInfinities, &["uneven blocks", "traffic"]);
    rejected(NotHandedOut, &["uneven blocks", "traffic"]);
    rejected(LastNotHandedOut, &["uneven blocks"]);
}

#[test]
fn messages_for_nothing() {
    rejected(EmptyMessages, &["traffic"]);
}

#[test]
fn no_mistake_is_missing_here() {
    let source: String = include_str!("mutants.rs").split_whitespace().collect();
    for mutant in ALL {
        assert!(source.contains(&format!("rejected({mutant:?},")), "{mutant:?} has no test");
    }
}
