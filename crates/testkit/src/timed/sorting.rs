//! Sorts, by turns: what `cargo bench` and `gears bench` share.
//!
//! ```text
//! round    draw keys   copy │▓ simd ▓│   copy │▓▓▓▓▓▓ std ▓▓▓▓▓▓│   copy │▓▓ rayon ▓▓│   │▓ minima ▓│   draw keys ...
//! ```
//!
//! A machine changes its pace from minute to minute, so all contenders sort the same keys one after the other, and a
//! ratio is one of neighbours. And a processor learns: who sorts one array of 100 keys again and again measures a
//! sort whose branches are all foreseen. So in every round the keys are new, and there are as many arrays of them as it
//! takes to have 2^16 keys. To draw and to copy them isn't timed; the copy leaves them in the second cache if they
//! fit there.
//!
//! | module | idea |
//! |---|---|
//! | [`keys`] | the key types, and how the standard library and rayon sort them |
//! | [`contender`] | who sorts, by name; and whether the answer is right |
//! | [`dtype`] | the key types, by name |
//! | [`minima`] | how many minima and maxima a core takes a second: what bounds every network |
//! | [`ranks`] | sorts across ranks, by turns with one process |

pub mod contender;
#[cfg(feature = "dtypes")]
pub mod dtype;
pub mod keys;
pub mod minima;
pub mod ranks;

use super::start::Repeat;
use crate::sorting::{Input, Pattern, Sample};
use crate::values::mix;
use contender::{Contender, Work};
use keys::Keys;
use minima::Minima;
use std::time::{Duration, Instant};

/// So many keys at least are sorted in a round, in arrays of the length asked for.
const ROUND: usize = 1 << 16;

/// What is sorted, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// How the keys lie.
    pub pattern: Pattern,
    /// Keys of an array.
    pub length: usize,
    /// Who sorts, in turn.
    pub contenders: Vec<Contender>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Arrays that were sorted in each round.
    pub arrays: usize,
    /// For each contender.
    pub contenders: Vec<Timed>,
    /// Minima and maxima of keys that one core took in a second, in each round.
    pub minima: Vec<f64>,
}

/// What came of one contender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    /// Keys that were wrong, in checked sorts before the timed ones.
    pub wrong: usize,
    /// Of each round: the time for all arrays.
    pub times: Vec<Duration>,
}

/// Checks the answers, then times all contenders, round by round.
pub fn measure<K: Keys>(setting: &Setting, repeat: Repeat) -> Measured {
    let mut work = Work::default();
    let mut minima = Minima::<K>::default();
    let keys = draw::<K>(setting.pattern, setting.length, 0);
    let mut measured = Measured { arrays: arrays(setting.length), ..Measured::default() };
    for contender in &setting.contenders {
        let wrong = contender.wrong(&mut work, &keys, setting.length);
        measured.contenders.push(Timed { wrong, times: Vec::new() });
    }
    let (mut began, mut round) = (None, 0);
    while repeat.goes_on(round, began) {
        if round == repeat.warm_up {
            began = Some(Instant::now());
        }
        let keys = draw::<K>(setting.pattern, setting.length, 1 + round as u64);
        for (contender, timed) in setting.contenders.iter().zip(&mut measured.contenders) {
            contender.prepare(&mut work, &keys, setting.length);
            let start = Instant::now();
            contender.sort(&mut work, setting.length);
            let time = start.elapsed();
            timed.times.extend((round >= repeat.warm_up).then_some(time));
        }
        let rate = minima.rate();
        measured.minima.extend((round >= repeat.warm_up).then_some(rate));
        round += 1;
    }
    measured
}

/// Keys that a contender gets wrong, in arrays that aren't timed.
pub fn wrong<K: Keys>(pattern: Pattern, length: usize, contender: Contender) -> usize {
    contender.wrong(&mut Work::default(), &draw::<K>(pattern, length, 0), length)
}

/// How long a contender takes to sort so many arrays, no two of them the same.
pub fn laps<K: Keys>(pattern: Pattern, length: usize, contender: Contender, count: u64) -> Duration {
    let mut work = Work::default();
    let (mut left, mut time) = (count as usize, Duration::ZERO);
    for round in 0.. {
        if left == 0 {
            break;
        }
        let some = left.min(arrays(length));
        let keys = draw::<K>(pattern, length, round);
        contender.prepare(&mut work, &keys[..some * length], length);
        let start = Instant::now();
        contender.sort(&mut work, length);
        time += start.elapsed();
        left -= some;
    }
    time
}

/// How many arrays of this length a round has.
fn arrays(length: usize) -> usize {
    ROUND.div_ceil(length.max(1))
}

/// The keys of a round, array after array.
pub fn draw<K: Sample>(pattern: Pattern, length: usize, round: u64) -> Vec<K> {
    let mut keys = Vec::with_capacity(arrays(length) * length);
    for array in 0..arrays(length) {
        keys.extend(array_of::<K>(pattern, length, mix(round << 32, 3, array)));
    }
    keys
}

/// One array. Random bits of a float may be a NaN, which hardly anybody sorts and which other libraries treat apart. So
/// NaNs become the infinities of their sign, which leaves sorted keys sorted; unless the pattern is one of special
/// values.
fn array_of<K: Sample>(pattern: Pattern, length: usize, seed: u64) -> Vec<K> {
    let mut keys: Vec<K> = Input { pattern, length, seed }.keys();
    if pattern != Pattern::Special {
        let is_nan = |key: &K| key.partial_cmp(key).is_none();
        let special = K::special();
        let ends = (special.iter().find(|key| !is_nan(key)), special.iter().rfind(|key| !is_nan(key)));
        if let (Some(&least), Some(&greatest)) = ends {
            for key in keys.iter_mut().filter(|key| is_nan(key)) {
                *key = if key.order(&greatest).is_gt() { greatest } else { least };
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sorting::sample::oracle;
    use bitonic::Direction;

    #[test]
    fn every_array_is_another_and_every_round_is() {
        let rounds = [0, 1].map(|round| draw::<u32>(Pattern::Random, 100, round));
        let arrays: Vec<&[u32]> = rounds.iter().flat_map(|keys| keys.chunks(100)).collect();
        assert_eq!(arrays.len(), 2 * 656);
        let mut firsts: Vec<u32> = arrays.iter().map(|array| array[0]).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert!(firsts.len() > 1300, "{}", firsts.len());
    }

    #[test]
    fn no_nan_is_drawn_and_what_is_sorted_stays_so() {
        let keys = array_of::<f32>(Pattern::Ascending, 10_000, 1);
        assert!(keys == oracle(&keys, Direction::Ascending), "a NaN isn't equal to itself");
        let infinite = |sign: f32| keys.iter().filter(|&&key| key == sign * f32::INFINITY).count();
        assert!(infinite(1.0) > 3 && infinite(-1.0) > 3, "half a percent of all bits are a NaN's");
        assert!(array_of::<f32>(Pattern::Special, 100, 1).iter().any(|key| key.is_nan()));
    }
}
