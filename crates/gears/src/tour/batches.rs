//! Who computes what: every global batch is cut into one part a rank.
//!
//! ```text
//! B = 8, P = 3      batch 0            batch 1            the rest
//! samples           0 1 2 3 4 5 6 7    8 9 . . . . . 15   16 17
//! rank              0 0 0 1 1 1 2 2    0 0 0 1 1 1 2 2     0  1
//! ```
//!
//! The batches depend on B alone, so any number of ranks takes the same steps. A rank's parts, its shard,
//! never change; one that finds no sample in a batch still takes part in that step, with a gradient of zeros.

use collectives::Layout;
use std::ops::Range;

/// The samples of each global batch. The last batch may be smaller.
pub(super) fn batches(samples: usize, batch_size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..samples).step_by(batch_size).map(move |start| start..samples.min(start + batch_size))
}

/// The part of a batch that belongs to a rank.
pub(super) fn part(batch: &Range<usize>, ranks: usize, rank: usize) -> Range<usize> {
    let part = Layout::even(batch.len(), ranks).block(rank);
    batch.start + part.start..batch.start + part.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_sample_once() {
        for samples in 0..30 {
            for batch_size in 1..12 {
                for ranks in 1..=9 {
                    let batches = batches(samples, batch_size);
                    let parts = batches.flat_map(|b| (0..ranks).map(move |rank| part(&b, ranks, rank)));
                    let covered: Vec<usize> = parts.flatten().collect();
                    let expected: Vec<usize> = (0..samples).collect();
                    assert_eq!(covered, expected, "{samples} samples, B = {batch_size}, {ranks} ranks");
                }
            }
        }
    }

    #[test]
    fn parts_differ_by_one_sample_at_most() {
        for length in 0..30 {
            let lengths: Vec<usize> = (0..7).map(|rank| part(&(5..5 + length), 7, rank).len()).collect();
            assert!(lengths[0] - lengths[6] <= 1, "{lengths:?}");
        }
    }
}
