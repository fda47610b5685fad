use super::*;
use crate::timed::arithmetic::attention::Setting;
use ::attention::{Algorithm, Shape};
use ::parallel::{Exchange, Placement, Strategy};
use collectives::transport::Threads as Ranks;
use std::thread::sleep;

const STRATEGIES: [Strategy; 5] = [
    Strategy::Ulysses,
    Strategy::Ring { placement: Placement::Zigzag, both: false },
    Strategy::Ring { placement: Placement::Contiguous, both: true },
    Strategy::AllGather { placement: Placement::Striped },
    Strategy::UlyssesRing { ulysses: 2, placement: Placement::Zigzag, both: false },
];

fn whole<T: Float>(pass: Pass, heads: usize) -> Attention<T> {
    let shape = Shape { batch: 2, heads, kv_heads: 3, queries: 21, keys: 21, head_dim: 4, value_dim: 4 };
    let setting =
        Setting { algorithm: Algorithm::Flash, pass, shape, causal: true, threads: Threads::new(2) };
    Attention::new(setting).expect("sizes")
}

fn on(strategy: Strategy) -> OnRanks {
    OnRanks { strategy, exchange: Exchange::Fused, ranks: 4 }
}

#[test]
fn every_strategy_is_right_and_is_timed() {
    for strategy in STRATEGIES {
        for pass in Pass::ALL {
            let whole = whole::<f32>(pass, 6);
            let measured =
                measure(&whole, on(strategy), Some(Threads::new(2)), Repeat::times(3)).expect("it runs");
            assert_eq!((measured.wrong, measured.times.len()), (0, 3), "{strategy:?}");
            assert_eq!((measured.one_thread.len(), measured.threads.len()), (3, 3), "{strategy:?}");
            assert!((0.0..=1.0).contains(&measured.communicating), "{measured:?}");
            let sent = (0..4).map(|rank| {
                let sent = strategy.cost(&sizes(&whole), 4, rank).expect("it fits");
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
    let measured = measure(&whole::<f64>(Pass::Forward, 6), on(Strategy::Ulysses), None, Repeat::times(2));
    let measured = measured.expect("it runs");
    assert_eq!((measured.times.len(), measured.one_thread.len()), (2, 0));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let measured = measure(&whole::<f32>(Pass::Forward, 3), on(Strategy::Ulysses), None, Repeat::times(1));
    let error = measured.expect_err("3 heads on 4 ranks").to_string();
    assert!(error.contains("3 query heads can't be shared out among 4 ranks"), "{error}");
}

/// Answers that of another sequence: what is checked is not only the shape.
#[test]
fn a_wrong_answer_is_found() {
    struct Late;
    impl crate::attention::AttentionGear for Late {
        fn forward<T: Float>(
            &self,
            query: ArrayView4<'_, T>,
            key: ArrayView4<'_, T>,
            value: ArrayView4<'_, T>,
            options: &Options<'_, T>,
        ) -> ::attention::Result<::attention::algorithm::Attended<T>> {
            let mut attended = Algorithm::Flash.forward(query, key, value, options)?;
            attended.output[(1, 5, 20, 3)] += T::of(0.01);
            Ok(attended)
        }
        fn backward<T: Float>(
            &self,
            query: ArrayView4<'_, T>,
            key: ArrayView4<'_, T>,
            value: ArrayView4<'_, T>,
            upstream: ::attention::algorithm::Upstream<'_, T>,
            options: &Options<'_, T>,
        ) -> ::attention::Result<::attention::algorithm::Gradients<T>> {
            let mut gradients = Algorithm::Flash.backward(query, key, value, upstream, options)?;
            gradients.key[(0, 2, 0, 0)] += T::of(0.01);
            Ok(gradients)
        }
    }
    assert_eq!(whole::<f64>(Pass::Forward, 6).wrong_by(&Late), 1);
    assert!(whole::<f64>(Pass::Training, 6).wrong_by(&Late) >= 2);
}

#[test]
fn a_clock_runs_in_transfers_alone() {
    let pause = Duration::from_millis(20);
    let clocks = Ranks::new(2).run(|endpoint| {
        let clock = Rc::new(Clock::default());
        let comm = Communicator::new(Box::new(Clocked::new(Box::new(endpoint), Rc::clone(&clock))));
        let (other, mut x) = (1 - comm.rank(), [0_u32; 3]);
        clock.reset();
        let start = Instant::now();
        comm.send_recv_during(other, &[1; 3], other, &mut x, || sleep(pause))?;
        let (rest, time, sent) = (start.elapsed().saturating_sub(pause), clock.time(), clock.sent());
        comm.split(Some(0), 0)?.expect("a color was given").barrier()?;
        Ok::<_, collectives::Error>((time, rest, sent, clock.time()))
    });
    for (time, rest, sent, later) in clocks.expect("they end well") {
        assert_eq!(sent, 12);
        assert!(time <= rest, "{time:?}, {rest:?} without the pause");
        assert!(time > Duration::ZERO && later > time, "{time:?}, {later:?}");
    }
}

#[test]
fn the_slowest_rank_and_the_mean_share_count() {
    let ms = Duration::from_millis;
    let lap = |time, transfers, sent| Lap { time: ms(time), transfers: ms(transfers), sent, alone: None };
    let first = Lap { alone: Some([ms(20), ms(11)]), ..lap(10, 1, 5) };
    let measured = together(vec![vec![first; 3], vec![lap(8, 4, 7); 3]], 1);
    assert_eq!(measured.times, [ms(10); 2]);
    assert_eq!(
        (measured.one_thread.as_slice(), measured.threads.as_slice()),
        (&[ms(20); 2][..], &[ms(11); 2][..])
    );
    assert_eq!((measured.sent, measured.wrong), (7, 0));
    assert!((measured.communicating - 0.3).abs() < 1e-12);
}
