//! What can't be is an error that says what was expected, on every rank that sees it.

use attention::mask::{Part, Places};
use attention::{Mask, Options};
use collectives::{Communicator, Layout, World};
use ndarray::{ArcArray, Ix4};
use parallel::heads::HeadMap;
use parallel::redistribute::{Heads, Redistribution};
use parallel::{Placement, SequenceParallelAttention, Strategy};

fn zeros(heads: usize, tokens: usize, dim: usize) -> ArcArray<f64, Ix4> {
    ArcArray::zeros((1, heads, tokens, dim))
}

/// What the ranks say: all the same.
#[track_caller]
fn says(ranks: usize, call: impl Fn(&Communicator) -> parallel::Result<()> + Sync) -> String {
    let errors = World::new(ranks).run(|comm| Ok(call(comm).map_err(|error| error.to_string()))).unwrap();
    let first = errors[0].clone().expect_err("an error");
    assert!(errors.iter().all(|error| error.as_ref() == Err(&first)), "{errors:?}");
    first
}

#[test]
fn more_ranks_than_heads() {
    let error = says(4, |comm| {
        let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?;
        let [q, k] = [3, 1].map(|heads| zeros(heads, 2, 2));
        attention.forward(8, q, k.clone(), k, &Options::default()).map(drop)
    });
    assert!(
        error.starts_with("3 query heads can't be shared out among 4 ranks: at most 3 ranks was expected"),
        "{error}"
    );
    assert!(error.ends_with("along two axes, as UlyssesRing { ulysses: 2, .. }"), "{error}");
}

#[test]
fn a_mesh_that_is_none() {
    let strategy = Strategy::UlyssesRing { ulysses: 2, placement: Placement::Zigzag, both: false };
    let error = says(3, |comm| SequenceParallelAttention::new(comm, strategy).map(drop));
    assert_eq!(error, "a mesh of ring 1 x ulysses 2 was asked for, and there are 3 ranks");
    let strategy = Strategy::UlyssesRing { ulysses: 0, placement: Placement::Zigzag, both: false };
    let error = says(3, |comm| SequenceParallelAttention::new(comm, strategy).map(drop));
    assert_eq!(error, "a mesh of ring 0 x ulysses 0 was asked for, and there are 3 ranks");
}

#[test]
fn shards_of_another_length() {
    for strategy in super::strategies(2) {
        let error = says(2, |comm| {
            let attention = SequenceParallelAttention::new(comm, strategy)?;
            attention
                .forward(8, zeros(2, 5, 3), zeros(2, 5, 3), zeros(2, 5, 3), &Options::default())
                .map(drop)
        });
        assert!(error.starts_with("query is (1, 2, 5, 3), and (1, 2, 4, 3) was expected"), "{error}");
        let error = says(2, |comm| {
            let attention = SequenceParallelAttention::new(comm, strategy)?;
            attention
                .forward(8, zeros(2, 4, 3), zeros(2, 4, 2), zeros(2, 4, 3), &Options::default())
                .map(drop)
        });
        assert!(error.starts_with("key is (1, 2, 4, 2), and (1, 2, 4, 3) was expected"), "{error}");
        let error = says(2, |comm| {
            let attention = SequenceParallelAttention::new(comm, strategy)?;
            let (_, saved) =
                attention.forward(8, zeros(2, 4, 3), zeros(2, 4, 3), zeros(2, 4, 1), &Options::default())?;
            attention.backward(&saved, zeros(2, 4, 3).view(), &Options::default()).map(drop)
        });
        let expected = "the gradient of the output is (1, 2, 4, 3), and (1, 2, 4, 1) was expected";
        assert!(error.starts_with(expected), "{error}");
    }
}

/// A mask is that of the whole.
#[test]
fn a_mask_of_a_part() {
    let part = Part { first_head: 0, heads: 4, queries: Places::All, keys: Places::All };
    let error = says(2, |comm| {
        let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?;
        let options = Options::masked(Mask::causal().part(part));
        attention.forward(8, zeros(2, 4, 3), zeros(2, 4, 3), zeros(2, 4, 3), &options).map(drop)
    });
    assert_eq!(error, "the mask is that of a part, and that of the whole sequence was expected");
    for strategy in super::strategies(2) {
        let error = says(2, |comm| {
            let attention = SequenceParallelAttention::new(comm, strategy)?;
            let options = Options::masked(Mask::none().alibi(&[0.5]));
            attention.forward(8, zeros(2, 4, 3), zeros(2, 4, 3), zeros(2, 4, 3), &options).map(drop)
        });
        assert!(error.starts_with("the slopes is (1), and (2) was expected"), "{error}");
    }
}

/// A redistribution for other ranks than there are.
#[test]
fn a_redistribution_for_fewer_ranks() {
    let redistribution = Redistribution { heads: HeadMap::new(4, 2, 2).unwrap(), tokens: Layout::even(6, 3) };
    let error = says(3, |comm| {
        let tensors = [(Heads::Query, zeros(4, 2, 2))];
        redistribution.to_heads(comm, &[(tensors[0].0, tensors[0].1.view())], || ()).map(drop)
    });
    let expected =
        "the shares of heads and of tokens is (2, 3), and (3, 3) was expected: one of each for each rank";
    assert_eq!(error, expected);
}
