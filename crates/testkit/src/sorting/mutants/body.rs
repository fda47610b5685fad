//! One run through the network, with the mistakes in it.

use super::Mutant::{self, *};
use bitonic::{Direction, Key};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the mutants take for a block.
const BLOCK: usize = 64;

pub(super) fn sort<K: Key>(mutant: Mutant, keys: &mut [K], direction: Direction) {
    let direction = if mutant == DirectionIgnored { Direction::Ascending } else { direction };
    let start = match mutant {
        AlignedPartOnly => (0..keys.len()).find(|&i| (&raw const keys[i] as usize).is_multiple_of(64)),
        _ => Some(0),
    };
    let keys = &mut keys[start.unwrap_or(0)..];
    // Keys that are equal have the same bits: it doesn't matter whether they are swapped.
    let compare = |a: &K, b: &K| match mutant {
        ZerosMerged if a == b => Ordering::Equal,
        SignedCompare => bytemuck::cast::<K, K::Ordered>(*a).cmp(&bytemuck::cast(*b)),
        _ => a.order(b),
    };
    if !matches!(mutant, NanLost | KeyOverwritten) {
        return sort_by(mutant, keys, |a, b| direction.of(compare(a, b)));
    }
    let network = network(mutant, keys.len());
    let last = network.iter().rposition(|pair| *pair == (0, 1));
    for (index, &(first, second)) in network.iter().enumerate() {
        let (a, b) = (keys[first], keys[second]);
        let (less, greater) = match mutant {
            NanLost => (if a < b { a } else { b }, if a > b { a } else { b }),
            _ if a.order(&b).is_le() => (a, b),
            _ => (b, a),
        };
        (keys[first], keys[second]) =
            if direction == Direction::Ascending { (less, greater) } else { (greater, less) };
        if mutant == KeyOverwritten && Some(index) == last {
            keys[second] = keys[first];
        }
    }
}

pub(super) fn sort_by<T>(mutant: Mutant, items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let length = items.len();
    match mutant {
        EarlyExit if items.is_sorted_by(|a, b| compare(a, b).is_le()) => return,
        _ => {}
    }
    let network = network(mutant, length);
    loop {
        for &(first, second) in &network {
            let order = match mutant {
                PanicSwallowed => catch_unwind(AssertUnwindSafe(|| compare(&items[first], &items[second])))
                    .unwrap_or(Ordering::Equal),
                _ => compare(&items[first], &items[second]),
            };
            if order == Ordering::Greater {
                items.swap(first, second);
            }
        }
        if mutant != UntilSorted || items.is_sorted_by(|a, b| compare(a, b).is_le()) {
            return;
        }
    }
}

/// The comparators, each with the wire for the smaller item first.
fn network(mutant: Mutant, length: usize) -> Vec<(usize, usize)> {
    let wires = if mutant == RestLeftAlone { length.next_power_of_two() / 2 } else { length };
    let wires = if length.is_power_of_two() { length } else { wires };
    let levels = match mutant {
        LevelsRoundedDown => length.max(1).ilog2(),
        _ => length.next_power_of_two().ilog2(),
    };
    let mut network = Vec::new();
    for level in 1..=levels {
        for stage in 0..level {
            let is_last = (level, stage) == (levels, level - 1);
            let mask = match (stage, 1 << level) {
                (0, group) if mutant == FlipNotReversed => group / 2,
                (0, group) => group - 1,
                (_, group) => group >> (stage + 1),
            };
            let times = match mutant {
                StageMissing if is_last => 0,
                StageTwice if is_last => 2,
                _ => 1,
            };
            let pairs =
                (0..wires).map(|low| (low, low ^ mask)).filter(|&(low, high)| low < high && high < wires);
            let pairs = pairs.filter(|&(low, high)| {
                let beyond = level > BLOCK.ilog2() && mask < BLOCK;
                !(mutant == BlockOffByOne
                    && beyond
                    && [low, high].iter().any(|wire| wire % BLOCK == BLOCK - 1))
            });
            let pairs = pairs.map(|(low, high)| {
                let reversed = match mutant {
                    ComparatorReversed => is_last && low == wires / 4 * 2,
                    WrongDirectionAtBlockEdge => level <= BLOCK.ilog2() && low / BLOCK == 1,
                    _ => false,
                };
                if reversed { (high, low) } else { (low, high) }
            });
            let pairs: Vec<_> = pairs.collect();
            (0..times).for_each(|_| network.extend(&pairs));
        }
    }
    network
}
