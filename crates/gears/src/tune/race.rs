//! Who wins where: all algorithms of an operation at all sizes, on one number of ranks.
//!
//! ```text
//! bytes        8      32     128     512    2048
//! flat        1.0     1.0    1.0     1.04    1.28       times the fastest of a turn, medians
//! binomial    1.2     1.1    1.0     1.0     1.0
//!             └── flat: 1.0 isn't 5% less than 1.04 ──┘└── binomial
//! ```
//!
//! A change of algorithm must pay: who wins by less than [`PAYS`] at a size doesn't take over there. What can't be
//! used always has a second behind it, who is found in the same way among those that can be used more widely, and so
//! on until one can be used always.
//!
//! The runners have several turns at each size, one after the other, and what counts is how far each one was behind the
//! fastest of the same turn, in the median of turns. Times of different turns aren't compared: a host that moves virtual
//! cores about makes all that communicate several times slower or faster from one second to the next, and the best of an
//! algorithm's turns would say how lucky it was.

use collectives::{AllReduce, Barrier, Limits};
use std::io;
use std::time::Duration;
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::gear::{Algorithm, Gear, ladder};
use testkit::timed::start::Repeat;
use testkit::timed::{measure, size};

/// How much less time a change of algorithm must take.
const PAYS: f64 = 0.05;

/// Of each runner at each size ...
const TURNS: usize = 7;
/// ... but one that took so many times as long as the fastest of each turn has no further one.
const BEATEN: f64 = 3.0;
/// After so many.
const FIRST: usize = 3;

/// From so many bytes on these, the fastest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: usize,
    pub(super) best: Vec<Algorithm>,
}

/// An operation on one number of ranks.
pub(super) struct Race {
    runners: Vec<Algorithm>,
    /// By size: how many times as long as the fastest each took, in the order of the runners.
    lags: Vec<(usize, Vec<f64>)>,
}

/// How far each runner was behind the fastest of its turns, at one size.
struct Turns(Vec<Vec<f64>>);

impl Turns {
    /// Has as many as there are to be. `time` measures a runner, by its number.
    fn run(runners: usize, mut time: impl FnMut(usize) -> io::Result<f64>) -> io::Result<Self> {
        let mut all = vec![Vec::new(); runners];
        for _ in 0..TURNS {
            let mut times = Vec::new();
            for (runner, lags) in all.iter().enumerate() {
                if lags.len() < FIRST || lags.iter().any(|&lag| lag <= BEATEN) {
                    times.push((runner, time(runner)?));
                }
            }
            let fastest = times.iter().map(|&(_, time)| time).fold(f64::INFINITY, f64::min);
            for (runner, time) in times {
                all[runner].push(if time > fastest { time / fastest } else { 1.0 });
            }
        }
        Ok(Self(all))
    }

    /// The median of each runner's lags.
    fn lags(mut self) -> Vec<f64> {
        let median = |lags: &mut Vec<f64>| {
            lags.sort_unstable_by(f64::total_cmp);
            lags[lags.len() / 2]
        };
        self.0.iter_mut().map(median).collect()
    }
}

impl Race {
    /// Measures all.
    pub(super) fn run(
        operation: Operation,
        ranks: usize,
        sizes: impl Iterator<Item = usize>,
        repeat: Repeat,
    ) -> io::Result<Self> {
        let runners: Vec<Algorithm> = ladder(operation).into_iter().filter(|&a| runs(a)).collect();
        let mut cases: Vec<Case> =
            sizes.map(|bytes| size::case(operation, ranks, bytes, size_of::<f32>())).collect();
        cases.dedup();
        let mut lags = Vec::new();
        for case in cases {
            let bytes = size::bytes(operation, &case, size_of::<f32>()).unwrap_or(0);
            let turns = Turns::run(runners.len(), |runner| median(runners[runner], &case, repeat))?;
            lags.push((bytes, turns.lags()));
        }
        Ok(Self { runners, lags })
    }

    /// The winners.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut leaders = [None; CLASSES.len()];
        let mut steps: Vec<Step> = Vec::new();
        for (bytes, lags) in &self.lags {
            let mut best = Vec::new();
            for (leader, admits) in leaders.iter_mut().zip(CLASSES) {
                let admitted = (0..self.runners.len()).filter(|&i| admits(self.runners[i]));
                let fastest = admitted.min_by(|&i, &j| lags[i].total_cmp(&lags[j])).expect("one runs always");
                let stays = leader.filter(|&i: &usize| lags[fastest] > (1.0 - PAYS) * lags[i]);
                let now = stays.unwrap_or(fastest);
                *leader = Some(now);
                if !best.contains(&self.runners[now]) {
                    best.push(self.runners[now]);
                }
            }
            // Behind one who can be used always nobody has a turn.
            let last = best.iter().position(|&a| always(a)).expect("the last class");
            best.truncate(last + 1);
            if steps.last().is_none_or(|step| step.best != best) {
                steps.push(Step { from: if steps.is_empty() { 0 } else { *bytes }, best });
            }
        }
        steps
    }
}

/// From all to those that can be used always.
const CLASSES: [fn(Algorithm) -> bool; 4] =
    [|_| true, |a| !a.limits().lends, |a| !a.limits().lends && !a.limits().reorders, always];

/// What a plain method may choose: not what needs a power of two, and not the specimen of a mistake.
fn runs(algorithm: Algorithm) -> bool {
    let never = [Algorithm::Barrier(Barrier::Butterfly), AllReduce::WholeBufferRing.into()];
    !never.contains(&algorithm)
}

/// On any number of ranks as well as on a power of two, too.
fn always(algorithm: Algorithm) -> bool {
    algorithm.limits() == Limits::default()
}

fn median(algorithm: Algorithm, case: &Case, repeat: Repeat) -> io::Result<f64> {
    let failed = |what: String| {
        let name = format!("{} {}", algorithm.operation().name(), algorithm.name());
        io::Error::other(format!("{name}, {case}: {what}"))
    };
    let measured = measure::<f32>(Choice::Algorithm(algorithm), case, repeat);
    let measured = measured.map_err(|error| failed(error.to_string()))?;
    if measured.wrong > 0 {
        return Err(failed(format!("{} wrong elements", measured.wrong)));
    }
    let mut times = measured.times;
    times.sort_unstable();
    Ok(times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use AllReduce::{HalvingDoubling, RecursiveDoubling, Ring, SharedColumns};

    fn steps(runners: &[AllReduce], lags: &[(usize, &[f64])]) -> Vec<(usize, Vec<Algorithm>)> {
        let runners = runners.iter().map(|&a| a.into()).collect();
        let lags = lags.iter().map(|&(bytes, lags)| (bytes, lags.to_vec())).collect();
        Race { runners, lags }.steps().into_iter().map(|step| (step.from, step.best)).collect()
    }

    fn all(algorithms: &[AllReduce]) -> Vec<Algorithm> {
        algorithms.iter().map(|&a| a.into()).collect()
    }

    /// By runner: the times of its turns, one after the other.
    fn lags(times: [[f64; TURNS]; 3]) -> (Vec<f64>, [usize; 3]) {
        let mut turns = [0; 3];
        let time = |runner: usize| {
            turns[runner] += 1;
            Ok(times[runner][turns[runner] - 1])
        };
        (Turns::run(3, time).unwrap().lags(), turns)
    }

    #[test]
    fn a_lucky_turn_does_not_win() {
        // Cores are near in the third turn, from the second runner on, and in the fifth, until it ends.
        let (lags, turns) = lags([
            [2.0, 2.0, 2.0, 2.0, 0.4, 2.0, 2.0],
            [4.0, 4.0, 0.8, 4.0, 0.8, 4.0, 4.0],
            [3.0, 3.0, 0.6, 3.0, 0.6, 3.0, 3.0],
        ]);
        assert_eq!(lags, [1.0, 2.0, 1.5]);
        assert_eq!(turns, [TURNS; 3]);
    }

    #[test]
    fn who_is_far_behind_from_the_start_has_no_further_turn() {
        let (lags, turns) = lags([[1.0; TURNS], [4.0; TURNS], [5.0, 5.0, 2.9, 5.0, 5.0, 5.0, 5.0]]);
        assert_eq!(lags, [1.0, 4.0, 5.0]);
        assert_eq!(turns, [TURNS, 3, TURNS]);
    }

    #[test]
    fn a_change_must_pay() {
        let two = [RecursiveDoubling, AllReduce::ReduceBroadcast];
        let lags: [(usize, &[f64]); 4] =
            [(8, &[1.0, 1.2]), (32, &[1.04, 1.0]), (128, &[1.06, 1.0]), (512, &[1.0, 1.04])];
        // At 512 the first is faster again, by less than 5%.
        let expected = vec![(0, all(&two[..1])), (128, all(&two[1..]))];
        assert_eq!(steps(&two, &lags), expected);
    }

    #[test]
    fn seconds_stand_behind_what_cannot_be_used_always() {
        let runners = [SharedColumns, Ring, HalvingDoubling, RecursiveDoubling];
        let lags: [(usize, &[f64]); 3] =
            [(8, &[4.0, 3.0, 2.0, 1.0]), (32, &[1.0, 2.0, 3.0, 4.0]), (128, &[1.0, 4.0, 2.0, 3.0])];
        let expected = vec![
            (0, all(&[RecursiveDoubling])),
            (32, all(&[SharedColumns, Ring, HalvingDoubling, RecursiveDoubling])),
            (128, all(&[SharedColumns, HalvingDoubling, RecursiveDoubling])),
        ];
        assert_eq!(steps(&runners, &lags), expected);
    }

    #[test]
    fn every_operation_has_one_that_can_be_used_always() {
        for operation in Operation::ALL {
            let runners: Vec<_> = ladder(operation).into_iter().filter(|&a| runs(a)).collect();
            assert!(runners.iter().any(|&a| always(a)), "{operation:?}");
            let supports = |ranks| runners.iter().all(|a| a.supports(&Case::new(ranks, 1), true));
            assert!(supports(3) && supports(4), "{operation:?}");
        }
    }
}
