//! How many (query, key) pairs each rank has to do in each step of a ring.

use super::*;
use attention::mask::{Part, Places};
use attention::{Mask, Shape};

/// Pairs that a rank's queries see of the block that it has in each step, with a causal mask.
fn causal_pairs(placement: Placement, tokens: usize, ranks: usize, rank: usize) -> Vec<usize> {
    let of = |rank: usize| placement.tokens(tokens, ranks, rank);
    let queries = of(rank);
    let pairs = |step: usize| {
        let keys = of((rank + ranks - step) % ranks);
        let part = |at| Places::Some { at, of: tokens };
        let mask = Mask::<f64>::causal().part(Part {
            first_head: 0,
            heads: 1,
            queries: part(&queries),
            keys: part(&keys),
        });
        let shape = Shape {
            batch: 1,
            heads: 1,
            kv_heads: 1,
            queries: queries.len(),
            keys: keys.len(),
            head_dim: 1,
            value_dim: 1,
        };
        mask.resolve(&shape).unwrap().rows().iter().map(|row| row.keys.len()).sum()
    };
    (0..ranks).map(pairs).collect()
}

/// Contiguous: in every step but the first, of the ranks that have anything to do some have a whole block:
/// useful work is P / (2P - 1) of what the steps take, 53.3% at P = 8.
#[test]
fn contiguous_shards_wait() {
    for ranks in 1..=8 {
        let (shard, tokens) = (100, 100 * ranks);
        let steps: Vec<_> =
            (0..ranks).map(|rank| causal_pairs(Placement::Contiguous, tokens, ranks, rank)).collect();
        for (rank, steps) in steps.iter().enumerate() {
            for (step, &pairs) in steps.iter().enumerate() {
                let expected = match step {
                    0 => shard * (shard + 1) / 2,
                    _ if step <= rank => shard * shard,
                    _ => 0,
                };
                assert_eq!(pairs, expected, "rank {rank}, step {step}");
            }
        }
        let slowest: usize =
            (0..ranks).map(|step| steps.iter().map(|steps| steps[step]).max().unwrap()).sum();
        let useful: usize = steps.iter().flatten().sum();
        let efficiency = useful as f64 / (slowest * ranks) as f64;
        let formula = ranks as f64 / (2 * ranks - 1) as f64;
        assert!((efficiency - formula).abs() < 0.006, "P = {ranks}: {efficiency}, {formula}");
    }
}

/// Zigzag: the same number of pairs on every rank, in every step.
#[test]
fn zigzag_shards_are_equal_in_every_step() {
    for ranks in 1..=8 {
        let chunk = 10;
        for rank in 0..ranks {
            let pairs = causal_pairs(Placement::Zigzag, 2 * ranks * chunk, ranks, rank);
            // Its own two chunks: two triangles and the square between them. Of others: two squares of the
            // four.
            assert_eq!(pairs[0], chunk * (chunk + 1) + chunk * chunk);
            assert!(pairs[1..].iter().all(|&pairs| pairs == 2 * chunk * chunk), "rank {rank}: {pairs:?}");
        }
    }
}

/// Striped: a triangle in every step, with its diagonal or without.
#[test]
fn striped_shards_differ_by_a_diagonal() {
    for ranks in 1..=8 {
        let shard = 10;
        for rank in 0..ranks {
            let pairs = causal_pairs(Placement::Striped, ranks * shard, ranks, rank);
            for (step, pairs) in pairs.into_iter().enumerate() {
                let diagonal = step <= rank;
                let expected = if diagonal { shard * (shard + 1) / 2 } else { shard * (shard - 1) / 2 };
                assert_eq!(pairs, expected, "P = {ranks}, rank {rank}, step {step}");
            }
        }
    }
}
