//! What ranks send equals the formula: messages, bytes and rounds, forward and backward, on every rank.

use super::*;
use attention::Options;
use collectives::{Cost, Counts, Layout, World};
use ndarray::{ArcArray, Array4, Ix4};
use parallel::SequenceParallelAttention;
use parallel::heads::HeadMap;
use parallel::redistribute::{Heads, Redistribution};
use parallel::strategy::Sizes;

/// What every rank sent, forward and backward.
fn counted(gear: &OnRanks, sizes: &Sizes) -> Vec<[Counts; 2]> {
    let &Sizes { batch, tokens, heads, kv_heads, head_dim } = sizes;
    let run = World::new(gear.ranks).counting(true).run(|comm| {
        let attention = SequenceParallelAttention::new(comm, gear.strategy)?.exchange(gear.exchange);
        let own = attention.tokens(tokens).len();
        let of = |heads| ArcArray::<f64, Ix4>::ones((batch, heads, own, head_dim));
        let count = || comm.traffic().expect("the world counts").total;
        comm.reset_traffic();
        let options = Options::default();
        let (output, saved) = attention.forward(tokens, of(heads), of(kv_heads), of(kv_heads), &options)?;
        let forward = count();
        comm.reset_traffic();
        attention.backward(&saved, output.view(), &options)?;
        Ok([forward, count()])
    });
    run.unwrap_or_else(|error| panic!("{gear:?}, {sizes:?}: {error}"))
}

/// Sizes that divide by everything, that divide by nothing, fewer tokens than ranks, none.
fn sizes() -> Vec<Sizes> {
    let mut all = Vec::new();
    for tokens in [0, 5, 29] {
        for (batch, heads, kv_heads, head_dim) in
            [(1, 8, 8, 2), (2, 9, 3, 1), (1, 12, 4, 3), (1, 8, 1, 2), (3, 14, 7, 1)]
        {
            all.push(Sizes { batch, tokens, heads, kv_heads, head_dim });
        }
    }
    all
}

#[test]
fn what_is_sent_is_what_the_formula_says() {
    let mut compared = 0;
    for ranks in 1..=8 {
        for gear in gears(ranks) {
            // An exchange of each tensor has the bytes of one of all, and more messages.
            let more = |fused: Cost, exchanges: usize| match gear.exchange {
                Exchange::Fused => fused,
                Exchange::Separate => {
                    let extra = exchanges * (gear.line() - 1);
                    Cost { messages: fused.messages + extra, rounds: fused.rounds + extra, ..fused }
                }
            };
            for sizes in sizes().into_iter().filter(|sizes| sizes.heads >= gear.line()) {
                let counted = counted(&gear, &sizes);
                let costs: Vec<_> =
                    (0..ranks).map(|rank| gear.strategy.cost(&sizes, ranks, rank).unwrap()).collect();
                for pass in 0..2 {
                    // The rounds of an operation are those of the rank that is last.
                    let rounds = counted.iter().map(|counted| counted[pass].rounds).max();
                    for (rank, cost) in costs.iter().enumerate() {
                        let cost = more([cost.forward, cost.backward][pass], 2);
                        let found = counted[rank][pass];
                        let expected =
                            (cost.messages as u64, 8 * cost.elements as u64, Some(cost.rounds as u64));
                        assert_eq!(
                            (found.messages, found.bytes, rounds),
                            expected,
                            "messages, bytes, rounds of rank {rank} in pass {pass}: {gear:?}, {sizes:?}"
                        );
                        compared += 1;
                    }
                }
            }
        }
    }
    println!("{compared} counts compared");
    assert!(compared > 10_000, "{compared}");
}

/// The paper's claim: 4 N h / P elements a layer, times (P - 1) / P for what stays where it is. Backward as
/// much.
#[test]
fn ulysses_sends_what_its_paper_says() {
    for ranks in [1, 2, 4, 8] {
        let (tokens, heads, head_dim) = (64, 8, 4);
        let sizes = Sizes { batch: 1, tokens, heads, kv_heads: heads, head_dim };
        let paper = 4 * tokens * heads * head_dim / ranks * (ranks - 1) / ranks;
        for rank in 0..ranks {
            let sent = Strategy::Ulysses.cost(&sizes, ranks, rank).unwrap();
            assert_eq!([sent.forward.elements, sent.backward.elements], [paper; 2]);
        }
    }
}

/// With grouped heads: (P - 1) / P · N / P · d (2 H + 2 G'), where G' is G, or P if there are fewer key-value
/// heads than ranks.
#[test]
fn ulysses_with_grouped_heads() {
    for (heads, kv_heads, ranks) in [(8, 4, 2), (8, 4, 4), (8, 2, 8), (8, 1, 4), (16, 2, 4)] {
        let (tokens, head_dim) = (64, 4);
        let sizes = Sizes { batch: 1, tokens, heads, kv_heads, head_dim };
        let expected =
            tokens * head_dim * (2 * heads + 2 * kv_heads.max(ranks)) * (ranks - 1) / ranks / ranks;
        for rank in 0..ranks {
            let sent = Strategy::Ulysses.cost(&sizes, ranks, rank).unwrap();
            assert_eq!(
                [sent.forward.elements, sent.backward.elements],
                [expected; 2],
                "{sizes:?} on {ranks}"
            );
        }
    }
}

/// Uneven heads and tokens: rank r sends n_r d (H - H_r) for each of q, k and v, and H_r d (N - n_r) for the
/// output.
#[test]
fn ulysses_with_uneven_heads() {
    let (tokens, heads, head_dim, ranks) = (29, 7, 3, 4);
    let sizes = Sizes { batch: 1, tokens, heads, kv_heads: heads, head_dim };
    for (rank, (own_tokens, own_heads)) in [(8, 2), (7, 2), (7, 2), (7, 1)].into_iter().enumerate() {
        let to_heads = own_tokens * head_dim * (heads - own_heads);
        let to_tokens = own_heads * head_dim * (tokens - own_tokens);
        let sent = Strategy::Ulysses.cost(&sizes, ranks, rank).unwrap();
        assert_eq!(sent.forward.elements, 3 * to_heads + to_tokens);
        assert_eq!(sent.backward.elements, to_heads + 3 * to_tokens);
    }
}

/// Forward 2 (P - 1) N / P · G d, backward twice that; all-gathered keys: as much, and 3/2 of it.
#[test]
fn a_ring_sends_what_its_paper_says() {
    let placement = Placement::Contiguous;
    for ranks in [1, 2, 4, 8] {
        let (tokens, kv_heads, head_dim) = (64, 2, 4);
        let sizes = Sizes { batch: 1, tokens, heads: 8, kv_heads, head_dim };
        let paper = 2 * (ranks - 1) * tokens / ranks * kv_heads * head_dim;
        for rank in 0..ranks {
            for both in [false, true] {
                let sent = Strategy::Ring { placement, both }.cost(&sizes, ranks, rank).unwrap();
                assert_eq!([sent.forward.elements, sent.backward.elements], [paper, 2 * paper]);
                assert_eq!(sent.forward.rounds, ranks - 1);
            }
            let sent = Strategy::AllGather { placement }.cost(&sizes, ranks, rank).unwrap();
            assert_eq!([sent.forward.elements, sent.backward.elements], [paper, 2 * paper]);
        }
    }
}

/// Values may have another dimension than queries and keys: each tensor counts with its own.
#[test]
fn values_of_another_dimension() {
    let (tokens, heads, kv_heads, head_dim, value_dim) = (13, 9, 3, 2, 5);
    for ranks in 1..=6 {
        for gear in gears(ranks) {
            let counted = World::new(ranks).counting(true).run(|comm| {
                let attention = SequenceParallelAttention::new(comm, gear.strategy)?.exchange(gear.exchange);
                let own = attention.tokens(tokens).len();
                let of = |heads, dim| ArcArray::<f64, Ix4>::ones((1, heads, own, dim));
                let (q, k, v) = (of(heads, head_dim), of(kv_heads, head_dim), of(kv_heads, value_dim));
                comm.reset_traffic();
                let (output, saved) = attention.forward(tokens, q, k, v, &Options::default())?;
                let forward = comm.traffic().expect("the world counts").total.bytes;
                attention.backward(&saved, output.view(), &Options::default())?;
                Ok([forward, comm.traffic().expect("the world counts").total.bytes])
            });
            for (rank, [forward, both]) in counted.unwrap().into_iter().enumerate() {
                let (line, of_line) = (gear.line(), rank % gear.line());
                // On the axis of Ulysses q and k count with D, v and the output with E.
                let placed: Vec<usize> = (rank - of_line..rank - of_line + line)
                    .map(|rank| gear.strategy.tokens(tokens, ranks, rank).len())
                    .collect();
                let redistribution = Redistribution {
                    heads: HeadMap::new(heads, kv_heads, line).unwrap(),
                    tokens: Layout::of_counts(placed),
                };
                let [q, k] = [Heads::Query, Heads::KeyValue].map(|heads| {
                    let there = redistribution.cost_to_heads(heads, of_line).elements;
                    (there, redistribution.cost_to_tokens(heads, of_line).elements)
                });
                let there = q.0 * head_dim + k.0 * (head_dim + value_dim) + q.1 * value_dim;
                let back = q.0 * value_dim + q.1 * head_dim + k.1 * (head_dim + value_dim);
                // On that of the ring a block is keys and values: with D = E = 1 two numbers.
                let ones = Sizes { batch: 1, tokens, heads, kv_heads, head_dim: 1 };
                let sent = gear.strategy.cost(&ones, ranks, rank).unwrap();
                let ring = [
                    sent.forward.elements - (q.0 + 2 * k.0 + q.1),
                    sent.backward.elements - (q.0 + q.1 + 2 * k.1),
                ];
                let ring = ring.map(|elements| elements / 2 * (head_dim + value_dim));
                assert_eq!(forward, 8 * (there + ring[0]) as u64, "{gear:?}, rank {rank}");
                assert_eq!(both - forward, 8 * (back + ring[1]) as u64, "{gear:?}, rank {rank}, backward");
            }
        }
    }
}

/// What is saved for the backward pass: q, k, v, the output and the log-sum-exp, of the rank's part.
#[test]
fn saved_bytes() {
    let (tokens, heads, kv_heads, head_dim) = (24, 8, 4, 2);
    for ranks in [1, 2, 4] {
        for gear in gears(ranks) {
            let saved = World::new(ranks).run(|comm| {
                let attention = SequenceParallelAttention::new(comm, gear.strategy)?;
                let own = attention.tokens(tokens).len();
                let of = |heads| Array4::<f32>::ones((1, heads, own, head_dim)).into_shared();
                let (_, saved) =
                    attention.forward(tokens, of(heads), of(kv_heads), of(kv_heads), &Options::default())?;
                Ok(saved.bytes())
            });
            let elements = tokens * (heads * (2 * head_dim + 1) + kv_heads * 2 * head_dim);
            assert_eq!(saved.unwrap(), vec![4 * elements / ranks; ranks], "{gear:?}");
        }
    }
}
