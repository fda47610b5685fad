//! Blocks in pieces of one, two and three keys, so that every edge of a piece is met.

use super::compare_split::Moves;
use super::{RankSort, cost, lengths, sample};
use crate::network::Kind;
use crate::{Direction, Key, vector};
use collectives::World;

/// All vectors of `ranks` lengths up to `most`.
fn all_lengths(ranks: usize, most: usize) -> impl Iterator<Item = Vec<usize>> {
    let digits = move |mut number: usize| {
        let digit = |_| {
            let digit = number % (most + 1);
            number /= most + 1;
            digit
        };
        (0..ranks).map(digit).collect()
    };
    (0..(most + 1).pow(ranks as u32)).map(digits)
}

#[test]
fn every_edge_of_a_piece() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut sorted = 0;
    for (ranks, most) in [(2, 6), (3, 3), (4, 2)] {
        for (case, lengths) in all_lengths(ranks, most).enumerate() {
            let blocks: Vec<Vec<u8>> =
                lengths.iter().map(|&length| (0..length).map(|_| random.u8(..5)).collect()).collect();
            let direction = Direction::ALL[case % 2];
            let kind = Kind::ALL[case / 2 % Kind::ALL.len()];
            let network = kind.build(ranks);
            for piece in 1..=3 {
                let run = World::new(ranks).counting(true).run(|comm| {
                    let mut block = blocks[comm.rank()].clone();
                    vector::sort(&mut block, direction);
                    lengths::sort(comm, &network, &lengths, &mut block, direction, piece)?;
                    Ok((block, comm.traffic().expect("the world counts").total))
                });
                let (found, sent): (Vec<_>, Vec<_>) = run.unwrap().into_iter().unzip();
                let mut expected = blocks.concat();
                expected.sort_by(|a, b| direction.of(a.order(b)));
                assert_eq!(
                    found.concat(),
                    expected,
                    "{kind:?}, {direction:?}, {lengths:?}, pieces of {piece}"
                );
                assert!(found.iter().map(Vec::len).eq(lengths.iter().copied()));

                let agreement = RankSort::Network(kind).cost(&vec![0; ranks], 0, 1);
                for (rank, sent) in sent.iter().enumerate() {
                    let cost = cost::network(&network, &lengths, rank, piece);
                    let expected = (cost.messages - agreement.messages, *cost.keys.start());
                    assert_eq!((sent.messages as usize, sent.bytes as usize), expected, "{lengths:?}");
                }
                let rounds = sent.iter().map(|sent| sent.rounds as usize).max();
                let expected = cost::network(&network, &lengths, 0, piece).rounds - agreement.rounds;
                assert_eq!(rounds, Some(expected), "{kind:?}, {lengths:?}, pieces of {piece}");
                sorted += 1;
            }
        }
    }
    assert_eq!(sorted, 3 * (49 + 64 + 81));
}

#[test]
fn what_moves_between_two_ranks() {
    for room in 0..6 {
        for low in 0..=room {
            for high in 0..=room {
                let Moves { given, compared } = Moves::of(low, high, room);
                assert_eq!(low + given, room.min(low + high), "low has as many as it has room for");
                assert_eq!(given + compared, high);
                assert!(compared <= low);
            }
        }
    }
}

/// A sequence cut in two ways.
#[test]
fn shares_of_blocks() {
    assert_eq!(lengths::shares(&[3, 3, 0], 0, &[1, 3, 2]), [1, 2, 0]);
    assert_eq!(lengths::shares(&[3, 3, 0], 1, &[1, 3, 2]), [0, 1, 2]);
    assert_eq!(lengths::shares(&[3, 3, 0], 2, &[1, 3, 2]), [0, 0, 0]);
}

/// No rank gets more than it should and the excess, whatever the keys: many equal ones, all equal, all of a
/// rank before those of the next, or the other way round.
#[test]
fn samples_bound_the_imbalance() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut worst = 0.0_f64;
    for ranks in [2, 3, 5, 8] {
        let even = vec![700; ranks];
        let uneven: Vec<usize> = (0..ranks).map(|rank| (rank * 977) % 1400).collect();
        let one: Vec<usize> = (0..ranks).map(|rank| if rank == ranks / 2 { 3000 } else { 0 }).collect();
        for (lengths, shape) in [even, uneven, one].iter().flat_map(|l| (0..6).map(move |shape| (l, shape))) {
            let (total, excess): (usize, _) = (lengths.iter().sum(), sample::excess(lengths));
            let mut keys: Vec<i32> = match shape {
                0 => (0..total).map(|_| random.i32(..)).collect(),
                1 => vec![7; total],
                2 => (0..total).map(|_| random.i32(..3)).collect(),
                3 => (0..total as i32).collect(),
                4 => (0..total as i32).rev().collect(),
                _ => (0..total as i32).map(|i| i % 100).collect(),
            };
            let mut blocks: Vec<Vec<i32>> =
                lengths.iter().map(|&length| keys.drain(..length).collect()).collect();
            blocks.iter_mut().for_each(|block| vector::sort(block, Direction::Ascending));
            let run = World::new(ranks).run(|comm| {
                let block = &blocks[comm.rank()];
                Ok(sample::Plan::agree(comm, lengths, block, Direction::Ascending)?.held())
            });
            let held = run.unwrap();
            assert!(held.iter().all(|other| *other == held[0]), "all know the same");
            assert_eq!(held[0].iter().sum::<usize>(), total);
            assert!(excess > 0, "there are keys between samples");
            let (mut is, mut should_be) = (0_usize, 0);
            for (&held, &length) in held[0].iter().zip(lengths) {
                (is, should_be) = (is + held, should_be + length);
                let off = is.abs_diff(should_be);
                assert!(
                    off <= excess.div_ceil(2),
                    "an end at {is}, not {should_be}, shape {shape}, {lengths:?}"
                );
                let off = held.abs_diff(length);
                assert!(off <= excess, "{held} keys in place of {length}, shape {shape}, {lengths:?}");
                worst = worst.max(off as f64 / excess as f64);
            }
        }
    }
    assert!(worst > 0.3, "the bound is said to be near what happens: {worst}");
}
