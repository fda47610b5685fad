//! Attention across ranks.

use attention::algorithm::{Attended, Gradients, Upstream};
use attention::{Algorithm, Options, Shape, Threads};
use ndarray::ArrayView4;
use parallel::strategy::Sizes;
use parallel::{Exchange, Float, Placement, Strategy};
use testkit::attention::AttentionGear;
use testkit::parallel::OnRanks;
use testkit::timed::arithmetic::Pass;
use testkit::timed::arithmetic::attention::{Attention, Setting};
use testkit::timed::arithmetic::dtype::{F32, F64};
use testkit::timed::start::Repeat;

const STRATEGIES: [Strategy; 5] = [
    Strategy::Ulysses,
    Strategy::Ring { placement: Placement::Zigzag, both: false },
    Strategy::Ring { placement: Placement::Contiguous, both: true },
    Strategy::AllGather { placement: Placement::Striped },
    Strategy::UlyssesRing { ulysses: 2, placement: Placement::Zigzag, both: false },
];

fn setting(pass: Pass, heads: usize) -> Setting {
    let shape = Shape { batch: 2, heads, kv_heads: 3, queries: 21, keys: 21, head_dim: 4, value_dim: 4 };
    Setting { algorithm: Algorithm::Flash, pass, shape, causal: true, threads: Threads::new(2) }
}

fn on(strategy: Strategy) -> OnRanks {
    OnRanks { strategy, exchange: Exchange::Fused, ranks: 4 }
}

#[test]
fn every_strategy_is_right_and_is_timed() {
    for strategy in STRATEGIES {
        for pass in Pass::ALL {
            let alone = Some(Threads::new(2));
            let measured =
                (F32.on_ranks)(setting(pass, 6), on(strategy), alone, Repeat::times(3)).expect("it runs");
            assert_eq!((measured.wrong, measured.times.len()), (0, 3), "{strategy:?}");
            assert_eq!((measured.one_thread.len(), measured.threads.len()), (3, 3), "{strategy:?}");
            assert!((0.0..=1.0).contains(&measured.communicating), "{measured:?}");
            let sizes = Sizes { batch: 2, tokens: 21, heads: 6, kv_heads: 3, head_dim: 4 };
            let sent = (0..4).map(|rank| {
                let sent = strategy.cost(&sizes, 4, rank).expect("it fits");
                let [forward, backward] = [sent.forward.elements, sent.backward.elements];
                match pass {
                    Pass::Forward => forward,
                    Pass::Backward => backward,
                    Pass::Training => forward + backward,
                }
            });
            assert_eq!(Some(measured.sent), sent.max().map(|elements| 4 * elements), "{strategy:?} {pass:?}");
        }
    }
}

#[test]
fn one_rank_need_not_be_timed() {
    let measured = (F64.on_ranks)(setting(Pass::Forward, 6), on(Strategy::Ulysses), None, Repeat::times(2));
    let measured = measured.expect("it runs");
    assert_eq!((measured.times.len(), measured.one_thread.len()), (2, 0));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let measured = (F32.on_ranks)(setting(Pass::Forward, 3), on(Strategy::Ulysses), None, Repeat::times(1));
    let error = measured.expect_err("3 heads on 4 ranks").to_string();
    assert!(error.contains("3 query heads can't be shared out among 4 ranks"), "{error}");
}

/// Answers that of another sequence: what is checked is not only the shape.
#[test]
fn a_wrong_answer_is_found() {
    struct Late;
    impl AttentionGear for Late {
        fn forward<T: Float>(
            &self,
            query: ArrayView4<'_, T>,
            key: ArrayView4<'_, T>,
            value: ArrayView4<'_, T>,
            options: &Options<'_, T>,
        ) -> attention::Result<Attended<T>> {
            let mut attended = Algorithm::Flash.forward(query, key, value, options)?;
            attended.output[(1, 5, 20, 3)] += T::of(0.01);
            Ok(attended)
        }
        fn backward<T: Float>(
            &self,
            query: ArrayView4<'_, T>,
            key: ArrayView4<'_, T>,
            value: ArrayView4<'_, T>,
            upstream: Upstream<'_, T>,
            options: &Options<'_, T>,
        ) -> attention::Result<Gradients<T>> {
            let mut gradients = Algorithm::Flash.backward(query, key, value, upstream, options)?;
            gradients.key[(0, 2, 0, 0)] += T::of(0.01);
            Ok(gradients)
        }
    }
    let wrong = |pass| Attention::<f64>::new(setting(pass, 6)).expect("sizes").wrong_by(&Late);
    assert_eq!(wrong(Pass::Forward), 1);
    assert!(wrong(Pass::Training) >= 2);
}
