//! What doesn't fit is an error, which says both sides, before anything is sent.

use crate::case::{Inputs, Way, some_cases};
use collectives::World;
use layers::multi_head::{Call, Sizes};
use layers::{Linear, MultiHeadAttention, Threads};
use ndarray::{Array2, Array3};
use parallel::tensor::{
    Attention, Block, ColumnParallel, Edges, Embedding, Keep, Ranks, RowParallel, cross_entropy,
};
use parallel::{Error, Result};

/// What a call says on each of so many ranks, when nothing is to be sent.
fn refusals<R>(ranks: usize, call: impl Fn(&Ranks<'_>) -> Result<R> + Sync) -> Vec<String> {
    let texts = World::new(ranks).counting(true).run(|comm| {
        let ranks = Ranks::new(comm);
        let error = call(&ranks).err().expect("it is refused");
        assert_eq!(comm.traffic().unwrap().total.messages, 0, "{error}");
        Ok(error.to_string())
    });
    texts.unwrap()
}

fn attention(heads: usize, kv_heads: usize) -> MultiHeadAttention<f64> {
    let sizes = Sizes { dim: 4, heads, kv_heads, head_dim: 2 };
    MultiHeadAttention::random(sizes, false, &mut fastrand::Rng::with_seed(1))
}

#[test]
fn more_ranks_than_heads() {
    for text in refusals(4, |ranks| Ranks::for_heads(ranks.comm(), 3, 3).map(|_| ())) {
        assert!(text.contains("3 query heads") && text.contains("4 ranks"), "{text}");
    }
    assert!(matches!(Attention::from_full(&attention(3, 3), 4, 0), Err(Error::Heads { heads: 3, ranks: 4 })));
}

/// They would never add their gradients up, and the replicas would drift apart.
#[test]
fn ranks_that_do_not_know_with_whom_they_share() {
    let full = attention(4, 2);
    let texts = refusals(4, |ranks| {
        let part = Attention::from_full(&full, 4, ranks.rank())?;
        part.forward(ranks, Edges::AllReduce, Array3::zeros((1, 3, 4)), &Call::default())
    });
    for text in texts {
        assert!(text.contains("is 1, and 2, as Ranks::for_heads finds them"), "{text}");
    }
}

#[test]
fn a_layer_that_is_cut_for_others() {
    let full = attention(4, 4);
    let texts = refusals(2, |ranks| {
        let part = Attention::from_full(&full, 4, ranks.rank())?;
        part.forward(ranks, Edges::AllReduce, Array3::zeros((1, 3, 4)), &Call::default())
    });
    for text in texts {
        assert!(text.contains("the number of ranks is 2, and 4"), "{text}");
    }
}

/// A shard of the wrong length would move everybody's tokens.
#[test]
fn shards_of_other_lengths() {
    let edges = Edges::GatherScatter { tokens: 7, keep: Keep::Shard };
    let layer = Linear::<f64>::random(4, 6, true, &mut fastrand::Rng::with_seed(1));
    let texts = refusals(3, |ranks| {
        let columns = ColumnParallel::from_full(&layer, 3, ranks.rank());
        columns.forward(ranks, edges, Array3::zeros((2, 1, 4)), Threads::ONE)
    });
    assert!(texts[0].contains("(2, 1, 4), and (2, 3, 4)"), "{}", texts[0]);
    assert!(texts[2].contains("(2, 1, 4), and (2, 2, 4)"), "{}", texts[2]);
    // What leaves is checked while it is whole.
    let texts = refusals(3, |ranks| {
        let rows = RowParallel::from_full(&layer, 3, ranks.rank());
        rows.forward(ranks, edges, Array3::zeros((2, 6, rows.part.inputs())), Threads::ONE)
    });
    assert!(texts[0].contains("(2, 6, 2), and (2, 7, 2)"), "{}", texts[0]);
    // Also where there is one rank, and nothing would be moved.
    let texts = refusals(1, |ranks| {
        let columns = ColumnParallel::from_full(&layer, 1, 0);
        columns.forward(ranks, edges, Array3::zeros((2, 6, 4)), Threads::ONE)
    });
    assert!(texts[0].contains("(2, 6, 4), and (2, 7, 4)"), "{}", texts[0]);
}

/// Edges by themselves, on any number of ranks: also on one, where nothing is moved.
#[test]
fn edges_know_how_long_a_shard_is() {
    for ranks in 1..=3 {
        let edges = Edges::GatherScatter { tokens: 7, keep: Keep::Whole };
        let shard = || Array3::<f32>::zeros((1, 8, 2)).into_shared();
        let texts = refusals(ranks, |ranks| edges.enter(ranks, shard()));
        assert!(texts.iter().all(|text| text.contains("the shard is (1, 8, 2)")), "{texts:?}");
        let texts = refusals(ranks, |ranks| edges.leave_backward(ranks, shard()));
        assert!(texts.iter().all(|text| text.contains("the shard is (1, 8, 2)")), "{texts:?}");
    }
}

/// x and gradients of a block, in every dimension.
#[test]
fn what_does_not_fit_a_block() {
    for case in some_cases() {
        let inputs = Inputs::<f64>::of(&case);
        let (edges, call) = (case.edges(), inputs.call());
        World::new(case.ranks)
            .counting(true)
            .run(|comm| {
                let ranks = Ranks::for_heads(comm, case.sizes.heads, case.sizes.kv_heads)?;
                let block = Block::from_full(&inputs.block, comm.size(), comm.rank())?;
                let (batch, tokens, dim) = crate::outcome::own(&case, &inputs.x, comm.rank()).dim();
                let forward = |shape| block.forward(&ranks, edges, Array3::zeros(shape), &call);
                let (y, saved) = forward((batch, tokens, dim))?;
                let backward =
                    |shape| block.backward(&ranks, edges, saved.clone(), Array3::zeros(shape), &call);
                comm.reset_traffic();
                assert!(forward((batch, tokens, dim + 1)).is_err());
                assert!(backward((batch, tokens, dim + 1)).is_err());
                assert!(backward((batch, tokens + 1, dim)).is_err());
                assert!(backward((batch + 1, tokens, dim)).is_err());
                assert!(case.way == Way::Tensor || forward((batch, tokens + 1, dim)).is_err());
                assert_eq!(comm.traffic().unwrap().total.messages, 0);
                assert_eq!(y.dim(), (batch, tokens, dim));
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn ids_and_targets_that_do_not_exist() {
    let table = Array2::<f32>::zeros((5, 2));
    let texts = refusals(2, |ranks| {
        let embedding = Embedding::from_full(table.view(), 2, ranks.rank());
        embedding.forward(ranks, Edges::AllReduce, ndarray::array![[0, 4, 5]].view())
    });
    assert!(texts.iter().all(|text| text == "id 5 doesn't exist: there are 5"), "{texts:?}");
    let texts = refusals(2, |ranks| {
        let logits = Array2::<f32>::zeros((1, [3, 2][ranks.rank()]));
        cross_entropy::forward(ranks, logits, 5, &[7], Threads::ONE)
    });
    assert!(texts.iter().all(|text| text == "target 7 doesn't exist: there are 5"), "{texts:?}");
    let texts = refusals(2, |ranks| {
        cross_entropy::forward(ranks, Array2::<f32>::zeros((1, 5)), 5, &[1], Threads::ONE)
    });
    assert!(texts[0].contains("(1, 5), and (1, 3)") && texts[1].contains("(1, 5), and (1, 2)"), "{texts:?}");
}
