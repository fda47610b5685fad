//! What each rank sends, to the byte.

use crate::case::{Case, Inputs, Masked, Way, any_case, some_cases};
use crate::outcome::{own, run};
use collectives::{Counts, World};
use layers::Threads;
use layers::multi_head::Sizes;
use ndarray::Array2;
use parallel::tensor::{Attention, Block, BlockSizes, Costs, Embedding, FeedForward, Ranks};
use parallel::tensor::{attention, cross_entropy, feed_forward};
use proptest::prelude::*;

/// Messages and bytes of f64 elements, forward and backward.
fn of_costs(costs: Costs) -> [(u64, u64); 2] {
    [costs.forward, costs.backward].map(|cost| (cost.messages as u64, 8 * cost.elements as u64))
}

fn counted(sent: [Counts; 2]) -> [(u64, u64); 2] {
    sent.map(|counts| (counts.messages, counts.bytes))
}

fn sends_what_the_formula_says(case: &Case) -> Result<(), TestCaseError> {
    let inputs = Inputs::<f64>::of(case);
    let sizes = BlockSizes::of(&inputs.block);
    for (rank, outcome) in run(case, &inputs).iter().enumerate() {
        let costs = sizes.costs((case.batch, case.tokens), case.edges(), case.ranks, rank).unwrap();
        prop_assert_eq!(counted(outcome.sent), of_costs(costs), "rank {} of {:?}", rank, case);
    }
    Ok(())
}

#[test]
fn a_block_sends_what_its_formula_says() {
    for case in some_cases() {
        sends_what_the_formula_says(&case).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_block_sends_what_its_formula_says(case in any_case()) {
        sends_what_the_formula_says(&case)?;
    }
}

/// Without biases and replicas, and with norms of no consequence, these are the papers' formulas.
fn llama(ranks: usize, way: Way, batch: usize, tokens: usize) -> Case {
    let sizes = Sizes { dim: 8, heads: 8, kv_heads: 8, head_dim: 2 };
    Case {
        ranks,
        way,
        batch,
        tokens,
        sizes,
        hidden: 24,
        gated: true,
        biases: false,
        fused: false,
        turned: true,
        masked: Masked::Causal,
        seed: 1,
    }
}

/// Bytes of each rank, forward and backward, without the sum of the norms' gradients: 2 dim elements.
fn bytes(ranks: usize, way: Way, batch: usize, tokens: usize) -> Vec<[u64; 2]> {
    let case = llama(ranks, way, batch, tokens);
    let outcomes = run(&case, &Inputs::<f64>::of(&case));
    let norms = |rank| 8 * case.edges().sum_over_shards_cost(2 * 8, ranks, rank).elements as u64;
    let sent = outcomes.iter().enumerate();
    sent.map(|(rank, outcome)| [outcome.sent[0].bytes, outcome.sent[1].bytes - norms(rank)]).collect()
}

/// The papers' words: an all-reduce is a reduce-scatter and an all-gather, so both parallelisms send as much.
/// Each rank, where the ranks divide the tokens; and always all of them together.
#[test]
fn tensor_and_sequence_parallel_send_equal_bytes() {
    for ranks in 1..=8 {
        for batch in [1, 2] {
            for tokens in [ranks, 3 * ranks, 5, 1] {
                let [tensor, whole, shard] = [Way::Tensor, Way::SequenceWhole, Way::Sequence]
                    .map(|way| bytes(ranks, way, batch, tokens));
                if tokens.is_multiple_of(ranks) {
                    assert_eq!(tensor, whole, "{ranks} ranks, {tokens} tokens");
                }
                let all =
                    |sent: &[[u64; 2]]| sent.iter().fold([0; 2], |sum, s| [sum[0] + s[0], sum[1] + s[1]]);
                assert_eq!(all(&tensor), all(&whole), "{ranks} ranks, {tokens} tokens");
                // To gather twice more is half as much again, backward alone.
                let [forward, backward] = all(&tensor);
                assert_eq!(all(&shard), [forward, backward + backward / 2], "{ranks} ranks, {tokens} tokens");
            }
        }
    }
}

/// Two all-reduces each way of N elements, 2N(P-1)/P each.
#[test]
fn a_rank_sends_4_n_p_minus_1_over_p_each_way() {
    for ranks in [1_u64, 2, 4, 8] {
        let n = 16 * 8; // T dim
        let expected = 8 * 4 * n * (ranks - 1) / ranks;
        for way in [Way::Tensor, Way::SequenceWhole] {
            assert_eq!(bytes(ranks as usize, way, 1, 16), vec![[expected; 2]; ranks as usize]);
        }
    }
}

/// By operation: which collectives they are, and no others.
#[test]
fn the_collectives_are_those_of_the_paper() {
    for (way, forward, backward) in [
        (Way::Tensor, [2, 0, 0], [2, 0, 0]),
        (Way::SequenceWhole, [0, 2, 2], [1, 2, 2]), // the all-reduce is that of the norms' gradients
        (Way::Sequence, [0, 2, 2], [1, 4, 2]),
    ] {
        let case = llama(4, way, 2, 8);
        let inputs = Inputs::<f64>::of(&case);
        let call = inputs.call();
        let calls = World::new(4).counting(true).run(|comm| {
            let ranks = Ranks::for_heads(comm, 8, 8)?;
            let block = Block::from_full(&inputs.block, 4, comm.rank())?;
            // A ring sends 3 messages a collective, an all-reduce twice as many.
            let calls = || {
                let traffic = comm.traffic().unwrap();
                let of = |operation, messages| traffic.of(operation).messages / messages;
                let known = [of("all_reduce", 6), of("all_gather_v", 3), of("reduce_scatter_v", 3)];
                assert_eq!(traffic.total.messages, 6 * known[0] + 3 * known[1] + 3 * known[2], "no others");
                known
            };
            let own = |x| own(&case, x, comm.rank());
            let (_, saved) = block.forward(&ranks, case.edges(), own(&inputs.x), &call)?;
            let forward = calls();
            comm.reset_traffic();
            block.backward(&ranks, case.edges(), saved, own(&inputs.dy), &call)?;
            Ok((forward, calls()))
        });
        assert_eq!(calls.unwrap(), [(forward, backward); 4], "{way:?}");
    }
}

/// As many steps as the formulas say, if a rank can send one message and receive one at a time.
#[test]
fn rounds_are_those_of_the_collectives() {
    for ranks in 1..=8 {
        for way in Way::ALL {
            let case = llama(ranks, way, 2, 5);
            let inputs = Inputs::<f64>::of(&case);
            let (sizes, call) = (BlockSizes::of(&inputs.block), inputs.call());
            let rounds = World::new(ranks).counting(true).run(|comm| {
                let ranks = Ranks::for_heads(comm, 8, 8)?; // sends nothing: everyone has a key-value head
                let block = Block::from_full(&inputs.block, comm.size(), comm.rank())?;
                let rounds = || comm.traffic().unwrap().total.rounds as usize;
                let own = |x| own(&case, x, comm.rank());
                let (_, saved) = block.forward(&ranks, case.edges(), own(&inputs.x), &call)?;
                let forward = rounds();
                block.backward(&ranks, case.edges(), saved, own(&inputs.dy), &call)?;
                Ok((forward, rounds() - forward))
            });
            for (rank, rounds) in rounds.unwrap().into_iter().enumerate() {
                let costs = sizes.costs((2, 5), case.edges(), ranks, rank).unwrap();
                assert_eq!(rounds, (costs.forward.rounds, costs.backward.rounds), "{way:?} on {ranks} ranks");
            }
        }
    }
}

#[test]
fn one_rank_sends_nothing() {
    for way in Way::ALL {
        let case = Case { biases: true, ..llama(1, way, 2, 5) };
        for outcome in run(&case, &Inputs::<f64>::of(&case)) {
            assert_eq!(counted(outcome.sent), [(0, 0); 2]);
        }
    }
}

/// The embedding and the loss: V isn't in what they send.
#[test]
fn embedding_and_loss_send_what_their_formulas_say() {
    for ranks in 1..=8 {
        for (vocabulary, tokens) in [(100, 6), (3, 5), (1000, 1), (8, 0)] {
            for edges in Way::ALL.map(|way| way.edges(tokens)) {
                let table = Array2::<f64>::ones((vocabulary, 4));
                let ids = Array2::from_shape_fn((2, tokens), |(b, t)| (b + 3 * t) % vocabulary);
                let sent = World::new(ranks).counting(true).run(|comm| {
                    let ranks = Ranks::new(comm);
                    let sent = || {
                        let sent = comm.traffic().unwrap().total;
                        comm.reset_traffic();
                        sent
                    };
                    let embedding = Embedding::from_full(table.view(), comm.size(), comm.rank());
                    let (y, saved) = embedding.forward(&ranks, edges, ids.view())?;
                    let forward = sent();
                    embedding.backward(&ranks, edges, saved, y)?;
                    let embedded = [forward, sent()];
                    let logits = Array2::<f64>::zeros((2 * tokens, embedding.rows.nrows()));
                    let targets: Vec<usize> = ids.iter().copied().collect();
                    let (_, saved) =
                        cross_entropy::forward(&ranks, logits, vocabulary, &targets, Threads::ONE)?;
                    let forward = sent();
                    cross_entropy::backward(&saved, 1.0, Threads::ONE);
                    Ok((counted(embedded), counted([forward, sent()])))
                });
                for (rank, (embedded, lost)) in sent.unwrap().into_iter().enumerate() {
                    let leave = edges.leave_costs([2, tokens, 4], ranks, rank);
                    assert_eq!(embedded, of_costs(leave), "{ranks} ranks, {tokens} tokens, {edges:?}");
                    assert_eq!(lost, of_costs(cross_entropy::costs(2 * tokens, ranks, rank)));
                }
            }
        }
    }
}

/// The formulas of a layer alone, which its own backward pass completes.
#[test]
fn layers_alone_send_what_their_formulas_say() {
    for case in some_cases() {
        let inputs = Inputs::<f64>::of(&case);
        let (edges, call) = (case.edges(), inputs.call());
        let sent = World::new(case.ranks).counting(true).run(|comm| {
            let ranks = Ranks::for_heads(comm, case.sizes.heads, case.sizes.kv_heads)?;
            let own = |x| own(&case, x, comm.rank());
            let sent = || {
                let sent = comm.traffic().unwrap().total;
                comm.reset_traffic();
                sent
            };
            sent();
            let part = Attention::from_full(&inputs.block.attention, comm.size(), comm.rank())?;
            let (_, saved) = part.forward(&ranks, edges, own(&inputs.x), &call)?;
            let forward = sent();
            part.backward(&ranks, edges, saved, own(&inputs.dy), &call)?;
            let of_attention = counted([forward, sent()]);
            let network = FeedForward::from_full(&inputs.block.feed_forward, comm.size(), comm.rank());
            let (_, saved) = network.forward(&ranks, edges, own(&inputs.x), call.options.threads)?;
            let forward = sent();
            network.backward(&ranks, edges, saved, own(&inputs.dy), call.options.threads)?;
            Ok((of_attention, counted([forward, sent()])))
        });
        let x = [case.batch, case.tokens, case.sizes.dim];
        for (rank, (of_attention, of_network)) in sent.unwrap().into_iter().enumerate() {
            let costs = attention::costs(
                &case.sizes,
                (case.batch, case.tokens),
                case.biases,
                edges,
                case.ranks,
                rank,
            );
            assert_eq!(of_attention, of_costs(costs.unwrap()), "{case:?}");
            let costs = feed_forward::costs(x, case.biases, edges, case.ranks, rank);
            assert_eq!(of_network, of_costs(costs), "{case:?}");
        }
    }
}

/// Gathered again or not, an input is the same.
#[test]
fn what_is_kept_does_not_change_what_comes_out() {
    let [shard, whole] = [Way::Sequence, Way::SequenceWhole].map(|way| {
        let case = llama(3, way, 2, 7);
        run(&case, &Inputs::<f64>::of(&case))
    });
    for (shard, whole) in shard.iter().zip(&whole) {
        assert_eq!((&shard.y, &shard.dx, &shard.gradient), (&whole.y, &whole.dx, &whole.gradient));
        assert!(shard.saved < whole.saved && shard.sent[1].bytes > whole.sent[1].bytes);
    }
}
