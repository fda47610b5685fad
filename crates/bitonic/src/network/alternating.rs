//! The bitonic sorter as it is mostly drawn: no flips, but comparators of both directions.
//!
//! Sort the first half the other way round, the second half the right way: the whole falls and then rises, which is
//! bitonic. Half-cleaners at distances of powers of two sort that.
//!
//! ```text
//!         sort  merge
//! falls   0 ──▲───┬─────┬──         ▲ and ▼ are the ends that get the greater key
//!         1 ──┴───┼─┬───▼──
//! rises   2 ──┬───▼─┼───┬──
//!         3 ──▼─────▼───▼──
//! ```
//!
//! For powers of two it doesn't matter which half falls, and most books let the second. For other numbers it does:
//! the merge is the one of the next power of two, without the wires that aren't there. If the result shall rise, those
//! would hold +infinity; and what falls, then rises, and ends with +infinity is bitonic, while what rises, then falls
//! and ends with +infinity isn't.
//!
//! Cost: a merge of n wires has (n - m) + merge(m) + merge(n - m) comparators, m being the greatest power of two below
//! n. That is how many bits are set in all the numbers below n. With it
//!
//! ```text
//! size(n)  = size(⌊n/2⌋) + size(⌈n/2⌉) + merge(n)       n k(k+1)/4 if n = 2^k
//! depth(n) = depth(⌈n/2⌉) + ⌈lg n⌉                       k(k+1)/2 with k = ⌈lg n⌉
//! ```
//!
//! Source: K. E. Batcher, Sorting Networks and Their Applications, 1968; for any n: H. W. Lang, Bitonic sorting network
//! for n not a power of 2.

use super::Comparator;
use super::bitonic::half_clean;
use super::kind::{levels, ones};

pub(super) fn stages(wires: usize) -> Vec<Vec<Comparator>> {
    let mut stages = Vec::new();
    sort(&mut stages, 0, wires, true);
    stages
}

/// Sorts so many wires from the first on, up or down, beginning in stage 0. Answers in how many stages.
fn sort(stages: &mut Vec<Vec<Comparator>>, first: usize, wires: usize, rising: bool) -> usize {
    if wires < 2 {
        return 0;
    }
    // Both halves at once. The second takes no less time, as it isn't the shorter one.
    let half = wires / 2;
    sort(stages, first, half, !rising);
    let mut stage = sort(stages, first + half, wires - half, rising);
    for bit in (0..levels(wires)).rev() {
        let directed = |Comparator { low, high }| match rising {
            true => Comparator { low: first + low, high: first + high },
            false => Comparator { low: first + high, high: first + low },
        };
        stages.resize(stages.len().max(stage + 1), Vec::new());
        stages[stage].extend(half_clean(wires, 1 << bit).into_iter().map(directed));
        stage += 1;
    }
    stage
}

pub(super) fn size(wires: usize) -> usize {
    if wires < 2 {
        return 0;
    }
    let merge: usize = (0..levels(wires)).map(|bit| ones(wires, bit)).sum();
    size(wires / 2) + size(wires - wires / 2) + merge
}
