//! What doesn't fit is an error that says what was expected, and is found before anything is sent.

use collectives::{Communicator, World};
use layers::multi_head::{Call, Sizes};
use layers::rotary::{Convention, Frequencies, Positions, Rotary};
use layers::{MultiHeadAttention, Options, Threads};
use ndarray::{Array2, Array3};
use parallel::{Exchange, Result, SequenceParallelAttention, Strategy, multi_head};
use std::sync::Arc;

const SIZES: Sizes = Sizes { dim: 6, heads: 4, kv_heads: 2, head_dim: 2 };
const TOKENS: usize = 7;

fn layer() -> MultiHeadAttention<f64> {
    let layer = MultiHeadAttention::random(SIZES, true, &mut fastrand::Rng::with_seed(1));
    let frequencies = Frequencies::new(2, 100.0).unwrap();
    let rotary = Rotary::new(&frequencies, Convention::HalfSplit, 10);
    MultiHeadAttention { rotary: Some(Arc::new(rotary)), ..layer }
}

fn call(positions: Positions<'_>) -> Call<'_, f64> {
    Call { options: Options::default().threads(Threads::ONE), positions, ..Call::default() }
}

/// What every rank of two is told, none of which has sent anything.
fn refused<R: Send>(
    exchange: Exchange,
    attempt: impl Fn(&Communicator, &SequenceParallelAttention) -> Result<R> + Sync,
) -> [String; 2] {
    let told = World::new(2).counting(true).run(|comm| {
        let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?.exchange(exchange);
        comm.reset_traffic();
        let error = attempt(comm, &attention).err().expect("it is refused");
        assert_eq!(comm.traffic().expect("it counts").total.messages, 0, "{error}");
        Ok(error.to_string())
    });
    told.unwrap().try_into().expect("two ranks")
}

#[test]
fn x_of_other_tokens() {
    for exchange in [Exchange::Fused, Exchange::Separate] {
        // The whole, on each rank.
        let told = refused(exchange, |_, attention| {
            let x = Array3::zeros((1, TOKENS, 6));
            multi_head::forward(&layer(), attention, TOKENS, x, &call(Positions::default()))
        });
        let expected = |own| format!("x is (1, 7, 6), and (1, {own}, 6) was expected");
        for (told, own) in told.iter().zip([4, 3]) {
            assert!(told.starts_with(&expected(own)), "{told}");
        }
        let told = refused(exchange, |_, attention| {
            let x = Array3::zeros((1, attention.tokens(TOKENS).len(), 5));
            multi_head::forward(&layer(), attention, TOKENS, x, &call(Positions::default()))
        });
        assert!(told[1].starts_with("x is (1, 3, 5), and (1, 3, 6) was expected"), "{}", told[1]);
    }
}

/// Positions are those of the whole: a rank's own are no substitute.
#[test]
fn positions_of_the_shard_alone() {
    let per_sequence = Array2::zeros((2, TOKENS));
    for exchange in [Exchange::Fused, Exchange::Separate] {
        for (positions, expected) in [
            (Positions::Each(&[0, 1, 2]), "the array of positions is (3), and (7) was expected"),
            (
                Positions::PerSequence(per_sequence.view()),
                "the array of positions is (2, 7), and (1, 7) was expected",
            ),
        ] {
            let told = refused(exchange, |_, attention| {
                let x = Array3::zeros((1, attention.tokens(TOKENS).len(), 6));
                multi_head::forward(&layer(), attention, TOKENS, x, &call(positions))
            });
            assert!(told.iter().all(|told| told.starts_with(expected)), "{told:?}");
        }
    }
}

/// The last rank has the last token, and both refuse.
#[test]
fn a_position_past_the_last() {
    let each = [1, 2, 3, 4, 5, 6, 10];
    let sequences = Array2::from_shape_fn((1, TOKENS), |(_, token)| each[token]);
    for exchange in [Exchange::Fused, Exchange::Separate] {
        for positions in
            [Positions::From(4), Positions::Each(&each), Positions::PerSequence(sequences.view())]
        {
            let told = refused(exchange, |_, attention| {
                let x = Array3::zeros((1, attention.tokens(TOKENS).len(), 6));
                multi_head::forward(&layer(), attention, TOKENS, x, &call(positions))
            });
            assert_eq!(told, ["position 10 doesn't exist: there are 10"; 2]);
        }
    }
}

#[test]
fn a_gradient_of_another_shape() {
    let told = World::new(2).counting(true).run(|comm| {
        let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?;
        let x = Array3::zeros((1, attention.tokens(TOKENS).len(), 6));
        let (layer, call) = (layer(), call(Positions::default()));
        let (_, saved) = multi_head::forward(&layer, &attention, TOKENS, x, &call)?;
        comm.reset_traffic();
        let gradient = Array3::zeros((1, TOKENS, 6));
        let error = multi_head::backward(&layer, &attention, &saved, gradient.view(), &call).unwrap_err();
        assert_eq!(comm.traffic().expect("it counts").total.messages, 0, "{error}");
        Ok(error.to_string())
    });
    let told = told.unwrap();
    assert!(told[0].starts_with("the gradient is (1, 7, 6), and (1, 4, 6) was expected"), "{}", told[0]);
}

#[test]
fn more_ranks_than_heads() {
    let told = World::new(5).run(|comm| {
        let attention = SequenceParallelAttention::new(comm, Strategy::Ulysses)?;
        let x = Array3::zeros((1, attention.tokens(TOKENS).len(), 6));
        let error =
            multi_head::forward(&layer(), &attention, TOKENS, x, &call(Positions::default())).unwrap_err();
        Ok(error.to_string())
    });
    for told in told.unwrap() {
        assert!(told.starts_with("4 query heads can't be shared out among 5 ranks"), "{told}");
    }
}
