//! What doesn't fit is an error, which says both sides, before anything is sent.

use crate::case::{Inputs, Way, some_cases};
use attention::mask::{Part, Places};
use collectives::World;
use layers::activation::Activation;
use layers::feed_forward::{self, Mlp};
use layers::multi_head::{Call, Sizes};
use layers::{Linear, Mask, MultiHeadAttention, Options, Threads};
use ndarray::{Array2, Array3};
use parallel::tensor::{
    self, Attention, Block, ColumnParallel, Edges, Embedding, FeedForward, Keep, Ranks, RowParallel,
    cross_entropy,
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

/// For more ranks, or for as many but another of them: heads would be there twice, or not at all.
#[test]
fn a_layer_that_is_cut_for_others() {
    let full = attention(4, 4);
    let edges = Edges::AllReduce;
    let x = || Array3::zeros((1, 3, 4));
    // A part for this many ranks, and so many ranks after this one, in every call.
    let texts = |of: usize, after: usize| {
        let part = |ranks: &Ranks<'_>| Attention::from_full(&full, of, (ranks.rank() + after) % of);
        let saved = full_saved(&full);
        let mut texts = refusals(2, |ranks| part(ranks)?.forward(ranks, edges, x(), &Call::default()));
        texts.extend(refusals(2, |ranks| {
            part(ranks)?.backward(ranks, edges, saved.clone(), x(), &Call::default())
        }));
        texts.extend(refusals(2, |ranks| part(ranks)?.to_full(ranks)));
        texts
    };
    for text in texts(4, 0) {
        assert!(text.contains("the number of ranks is 2, and 4"), "{text}");
    }
    for (index, text) in texts(2, 1).into_iter().enumerate() {
        let (given, cut) = (index % 2, (index + 1) % 2);
        assert_eq!(text, format!("the rank is {given}, and {cut}, as the layer is cut, was expected"));
    }
}

/// What a world of one keeps of an attention: parts that are cut for others don't get as far as to use it.
fn full_saved(full: &MultiHeadAttention<f64>) -> tensor::attention::Saved<f64> {
    let saved = World::new(1).run(|comm| {
        let part = Attention::from_full(full, 1, 0)?;
        let x = Array3::zeros((1, 3, 4));
        Ok(part.forward(&Ranks::new(comm), Edges::AllReduce, x, &Call::default())?.1)
    });
    saved.unwrap().remove(0)
}

/// Half of the hidden elements would be missing, and the rows of most ids zeros: of the right shape.
#[test]
fn parts_that_are_cut_for_others() {
    // Parts for four on two ranks, and each other's of two.
    for (of, after, network, columns, rows, table) in [
        (4, 0, [[0, 3], [0, 6]], [[0, 2], [0, 3]], [[0, 1], [0, 2]], [[0, 2], [0, 4]]),
        (2, 1, [[6, 12], [0, 6]], [[3, 6], [0, 3]], [[2, 4], [0, 2]], [[4, 8], [0, 4]]),
    ] {
        let place = |ranks: &Ranks<'_>| (ranks.rank() + after) % of;
        for text in refused_network(of, place) {
            is_of_rank_0("the range of hidden elements", network, &text);
        }
        for text in refused_columns(of, place) {
            is_of_rank_0("the range of outputs", columns, &text);
        }
        for text in refused_rows(of, place) {
            is_of_rank_0("the range of inputs", rows, &text);
        }
        for text in refused_embedding(of, place) {
            is_of_rank_0("the range of the vocabulary", table, &text);
        }
    }
}

/// That a refusal of rank 0 says which range its part is, and which it should be.
fn is_of_rank_0(what: &str, [given, expected]: [[usize; 2]; 2], text: &str) {
    let of = |[start, end]: [usize; 2]| format!("({start}, {end})");
    let because = "first and end, as from_full cuts it for this rank of so many";
    assert_eq!(text, format!("{what} is {}, and {} was expected: {because}", of(given), of(expected)));
}

/// What rank 0 says, forward, backward, and when the whole is put together.
fn refused_network(of: usize, place: impl Fn(&Ranks<'_>) -> usize + Sync) -> Vec<String> {
    let rng = &mut fastrand::Rng::with_seed(1);
    let full = Mlp::<f64>::random(4, 12, true, Activation::GeluTanh, rng);
    let full = feed_forward::FeedForward::Mlp(full);
    let part = |ranks: &Ranks<'_>| FeedForward::from_full(&full, of, place(ranks));
    let x = || Array3::zeros((1, 3, 4));
    let saved = World::new(1).run(|comm| {
        let whole = FeedForward::from_full(&full, 1, 0);
        Ok(whole.forward(&Ranks::new(comm), Edges::AllReduce, x(), Threads::ONE)?.1)
    });
    let saved = &saved.unwrap()[0];
    let forward = refusals(2, |ranks| part(ranks).forward(ranks, Edges::AllReduce, x(), Threads::ONE));
    let backward =
        refusals(2, |ranks| part(ranks).backward(ranks, Edges::AllReduce, saved.clone(), x(), Threads::ONE));
    let whole = refusals(2, |ranks| part(ranks).to_full(ranks));
    [forward, backward, whole].map(|mut texts| texts.remove(0)).to_vec()
}

fn refused_columns(of: usize, place: impl Fn(&Ranks<'_>) -> usize + Sync) -> Vec<String> {
    let full = Linear::<f64>::random(4, 6, true, &mut fastrand::Rng::with_seed(1));
    let part = |ranks: &Ranks<'_>| ColumnParallel::from_full(&full, of, place(ranks));
    let (edges, x) = (Edges::AllReduce, || Array3::zeros((1, 3, 4)));
    let forward = refusals(2, |ranks| part(ranks).forward(ranks, edges, x(), Threads::ONE));
    let backward = refusals(2, |ranks| {
        let (part, saved) = (part(ranks), tensor::linear::ColumnSaved { x: x().into_shared() });
        let gradient = Array3::zeros((1, 3, part.part.outputs()));
        part.backward(ranks, edges, saved, gradient.view(), Threads::ONE)
    });
    let whole = refusals(2, |ranks| part(ranks).to_full(ranks));
    [forward, backward, whole].map(|mut texts| texts.remove(0)).to_vec()
}

fn refused_rows(of: usize, place: impl Fn(&Ranks<'_>) -> usize + Sync) -> Vec<String> {
    let full = Linear::<f64>::random(4, 6, true, &mut fastrand::Rng::with_seed(1));
    let part = |ranks: &Ranks<'_>| RowParallel::from_full(&full, of, place(ranks));
    let edges = Edges::AllReduce;
    let x = |part: &RowParallel<f64>| Array3::zeros((1, 3, part.part.inputs()));
    let forward = refusals(2, |ranks| {
        let part = part(ranks);
        part.forward(ranks, edges, x(&part), Threads::ONE)
    });
    let backward = refusals(2, |ranks| {
        let part = part(ranks);
        let saved = tensor::linear::RowSaved { x: x(&part).into_shared() };
        part.backward(ranks, edges, saved, Array3::zeros((1, 3, 6)), Threads::ONE)
    });
    let whole = refusals(2, |ranks| part(ranks).to_full(ranks));
    [forward, backward, whole].map(|mut texts| texts.remove(0)).to_vec()
}

fn refused_embedding(of: usize, place: impl Fn(&Ranks<'_>) -> usize + Sync) -> Vec<String> {
    let (table, ids) = (Array2::<f64>::ones((8, 2)), ndarray::array![[7, 0]]);
    let part = |ranks: &Ranks<'_>| Embedding::from_full(table.view(), of, place(ranks));
    let edges = Edges::AllReduce;
    let forward = refusals(2, |ranks| part(ranks).forward(ranks, edges, ids.view()));
    let backward = refusals(2, |ranks| {
        let saved = tensor::embedding::Saved { ids: ids.clone() };
        part(ranks).backward(ranks, edges, saved, Array3::zeros((1, 2, 2)))
    });
    let whole = refusals(2, |ranks| part(ranks).to_full(ranks));
    [forward, backward, whole].map(|mut texts| texts.remove(0)).to_vec()
}

/// Which heads a rank computes is not the caller's to say: the part would be lost, and another one taken.
#[test]
fn a_mask_of_a_part() {
    let full = attention(4, 4);
    let part = Part { first_head: 0, heads: 4, queries: Places::All, keys: Places::All };
    let call = Call { options: Options::masked(Mask::causal().part(part)), ..Call::default() };
    let (edges, x) = (Edges::AllReduce, || Array3::zeros((1, 3, 4)));
    let layer = |ranks: &Ranks<'_>| Attention::from_full(&full, 2, ranks.rank());
    let saved = full_saved(&full);
    let mut texts = refusals(2, |ranks| layer(ranks)?.forward(ranks, edges, x(), &call));
    texts.extend(refusals(2, |ranks| layer(ranks)?.backward(ranks, edges, saved.clone(), x(), &call)));
    for text in texts {
        assert_eq!(text, "the mask is that of a part, and that of the whole sequence was expected");
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
fn edges_know_how_long_a_shard_is_and_the_whole() {
    for ranks in 1..=3 {
        let edges = Edges::GatherScatter { tokens: 7, keep: Keep::Whole };
        let shard = || Array3::<f32>::zeros((1, 8, 2)).into_shared();
        let texts = refusals(ranks, |ranks| edges.enter(ranks, shard()));
        assert!(texts.iter().all(|text| text.contains("the shard is (1, 8, 2)")), "{texts:?}");
        let texts = refusals(ranks, |ranks| edges.leave_backward(ranks, shard()));
        assert!(texts.iter().all(|text| text.contains("the shard is (1, 8, 2)")), "{texts:?}");
        // And how long the whole is, which would be cut as if it were another.
        let whole = || Array3::<f32>::zeros((1, 9, 2));
        let said = "is (1, 9, 2), and (1, 7, 2) was expected: (B, T, dim), T as the edges say";
        let texts = refusals(ranks, |ranks| edges.leave(ranks, whole()));
        assert!(texts.iter().all(|text| *text == format!("the partial result {said}")), "{texts:?}");
        let texts = refusals(ranks, |ranks| edges.enter_backward(ranks, whole()));
        assert!(texts.iter().all(|text| *text == format!("the partial gradient {said}")), "{texts:?}");
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
