//! What is sent equals the formula: messages, bytes and rounds.

use super::*;
use bitonic::ranks::Sent;
use collectives::{Counts, RunError, ceil_log2};

/// What every rank sent.
fn counted<K: Sample + Element>(gear: &impl Gear, blocks: &Blocks<K>) -> Vec<Counts> {
    try_counted(gear, blocks).unwrap()
}

fn try_counted<K: Sample + Element>(gear: &impl Gear, blocks: &Blocks<K>) -> Result<Vec<Counts>, RunError> {
    World::new(blocks.len()).counting(true).run(|comm| {
        gear.sort(comm, &mut blocks[comm.rank()].clone(), Direction::Ascending)?;
        Ok(comm.traffic().expect("the world counts").total)
    })
}

/// What is sent more, or less, than `way` says.
pub(super) fn difference<K: Sample + Element>(
    gear: &impl Gear,
    way: RankSort,
    lengths: &[usize],
    pattern: Pattern,
) -> Option<String> {
    let key_bytes = size_of::<K>();
    let counted = match try_counted::<K>(gear, &blocks(&Input { pattern, length: 0, seed: 5 }, lengths)) {
        Ok(counted) => counted,
        Err(error) => return Some(error.to_string()),
    };
    // The rounds of an operation are those of the rank that is last.
    let rounds = counted.iter().map(|counts| counts.rounds).max();
    counted.iter().enumerate().find_map(|(rank, found)| {
        let sent = way.cost(lengths, rank, key_bytes);
        let same = found.messages == sent.messages as u64
            && sent.allows(found.bytes as usize, key_bytes)
            && rounds == Some(sent.rounds as u64);
        (!same).then(|| format!("rank {rank} of {lengths:?}: {found:?}, rounds {rounds:?} for {sent:?}"))
    })
}

#[test]
fn what_is_sent_is_what_the_formula_says() {
    let mut compared = 0;
    for ranks in 1..=16 {
        let mut lengths: Vec<_> = [0, 1, 50].iter().flat_map(|&size| shapes(ranks, size)).collect();
        if ranks <= 4 {
            lengths.extend(shapes(ranks, 4500)); // two pieces
        }
        for (n, lengths) in lengths.iter().enumerate() {
            for way in RankSort::ALL {
                let exact = way.cost(lengths, 0, 16).keys;
                assert!(
                    exact.start() == exact.end() || way == RankSort::SampleSort,
                    "a network is oblivious"
                );
                let pattern = Pattern::ALL[n % Pattern::ALL.len()];
                let difference = match n % 3 {
                    _ if lengths[0] > 1000 => difference::<u128>(&way, way, lengths, pattern),
                    0 => difference::<u8>(&way, way, lengths, pattern),
                    1 => difference::<f64>(&way, way, lengths, pattern),
                    _ => difference::<u128>(&way, way, lengths, pattern),
                };
                assert_eq!(difference, None, "{}, {pattern:?}", way.name());
                compared += lengths.len();
            }
        }
    }
    println!("{compared} ranks compared");
    assert!(compared > 10_000, "{compared}");
}

/// As many messages, bytes and rounds whatever the keys.
#[test]
fn a_network_is_oblivious() {
    for ranks in [3, 4, 7] {
        for lengths in shapes(ranks, 40) {
            for way in RankSort::ALL {
                let of = |pattern| {
                    let input = Input { pattern, length: 0, seed: 9 };
                    counted::<u32>(&way, &blocks(&input, &lengths))
                };
                let expected = of(Pattern::Random);
                for pattern in Pattern::ALL {
                    let found = of(pattern);
                    let same = match way {
                        RankSort::Network(_) => found == expected,
                        // Messages and rounds, but not how much is in them.
                        RankSort::SampleSort => (found.iter().zip(&expected))
                            .all(|(a, b)| (a.messages, a.rounds) == (b.messages, b.rounds)),
                    };
                    assert!(same, "{}: {found:?} for {pattern:?}, {expected:?} for random keys", way.name());
                }
            }
        }
    }
}

/// The closed forms, for P = 2^k ranks with n keys each, and for any P the rounds of neighbours.
#[test]
fn closed_forms_for_equal_blocks() {
    for n in [1, 50, 16384, 16385, 50000] {
        let pieces = (4_usize * n).div_ceil(64 << 10);
        for k in 0..=6 {
            let ranks = 1 << k;
            let steps = k * (k + 1) / 2;
            for rank in 0..ranks {
                let sent = RankSort::Network(Kind::Bitonic).cost(&vec![n; ranks], rank, 4);
                let expected = Sent {
                    messages: k + steps * pieces,
                    words: 2 * (ranks - 1),
                    keys: n * steps..=n * steps,
                    rounds: k + steps * pieces,
                };
                assert_eq!(sent, expected, "rank {rank} of {ranks}");
            }
        }
        for ranks in 3..=20_usize {
            for rank in 0..ranks {
                let sent = RankSort::Network(Kind::OddEvenTransposition).cost(&vec![n; ranks], rank, 4);
                let splits = match rank {
                    0 => ranks.div_ceil(2),
                    _ if rank == ranks - 1 => ranks / 2,
                    _ => ranks,
                };
                assert_eq!(sent.rounds, ceil_log2(ranks) + ranks * pieces);
                assert_eq!(sent.keys, n * splits..=n * splits, "rank {rank} of {ranks}");
            }
        }
    }
}

/// Sample sort: an all-to-all, and at most an eighth of an average block more.
#[test]
fn sample_sort_moves_keys_once() {
    for ranks in [4, 8, 16, 64] {
        let n = 1 << 16;
        let sent = RankSort::SampleSort.cost(&vec![n; ranks], 1, 4);
        let samples = 8 * ranks * (ranks - 1);
        assert_eq!(*sent.keys.start(), samples);
        let more = sent.keys.end() - samples - n;
        assert!(more <= n / 8 + n / 8 / ranks, "{more} of {n} keys twice");
        assert_eq!(sent.rounds, 3 * ceil_log2(ranks) + 2 * (ranks - 1));
    }
}

/// What happens to random keys: about (P - 1)/P of them travel, and very few twice.
#[test]
fn sample_sort_of_random_keys() {
    for ranks in [2, 4, 8] {
        let (n, input) = (4096, Input { pattern: Pattern::Random, length: 0, seed: 3 });
        let lengths = vec![n; ranks];
        for (rank, found) in
            counted::<u64>(&RankSort::SampleSort, &blocks(&input, &lengths)).into_iter().enumerate()
        {
            let sent = RankSort::SampleSort.cost(&lengths, rank, 8);
            let keys = found.bytes as usize / 8 - sent.words - sent.keys.start();
            let once = n * (ranks - 1) / ranks;
            assert!(keys.abs_diff(once) < n / 10, "{keys} keys of rank {rank}, {once} would be even");
        }
    }
}
