//! One measurement of a sort, and as an object of JSON.

use crate::bench::time::{Micros, median, median_ratio, rounded};
use bitonic::Algorithm;
use bitonic::network::Kind;
use serde::Serialize;
use testkit::timed::sorting::contender::Contender;
use testkit::timed::sorting::{Measured, Setting, Timed};

/// The fields are those of the JSON; what has no meaning is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Point {
    pub(super) bench: &'static str,
    pub(super) algorithm: &'static str,
    pub(super) dtype: &'static str,
    pub(super) pattern: &'static str,
    /// Keys of an array.
    pub(super) n: usize,
    /// That it may use.
    pub(super) threads: usize,
    /// In a round.
    pub(super) arrays: usize,
    /// Rounds.
    pub(super) iterations: usize,
    /// For one array: the mean of a round.
    pub(super) time_us: Micros,
    pub(super) ns_per_key: f64,
    pub(super) mkeys_s: f64,
    /// The standard library's time over this one, round by round: with the values where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over_std: Option<f64>,
    /// rayon's time over this one, round by round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over_rayon: Option<f64>,
    /// For the minima and maxima of the network alone, by so many threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) floor_ns_per_key: Option<f64>,
    /// This time over that, round by round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over_floor: Option<f64>,
    /// Keys that were wrong.
    pub(super) wrong: usize,
}

impl Point {
    /// One for each contender.
    pub(super) fn all(
        setting: &Setting,
        dtype: &'static str,
        threads: usize,
        measured: &Measured,
    ) -> Vec<Point> {
        let of = |(&contender, timed)| Point::new(setting, dtype, threads, measured, contender, timed);
        setting.contenders.iter().zip(&measured.contenders).map(of).collect()
    }

    fn new(
        setting: &Setting,
        dtype: &'static str,
        threads: usize,
        measured: &Measured,
        contender: Contender,
        timed: &Timed,
    ) -> Self {
        let over = |other: Contender| {
            let place = setting.contenders.iter().position(|&contender| contender == other)?;
            Some(rounded(median_ratio(&measured.contenders[place].times, &timed.times)))
        };
        let threads = if contender.is_parallel() { threads } else { 1 };
        let floors = floors(setting.length, contender, threads, measured);
        let keys = (measured.arrays * setting.length) as f64;
        let round_us = Micros::of(&timed.times);
        let ns_per_key = 1e3 * round_us.median / keys;
        let over_floor = floors.as_ref().map(|floors| {
            let over =
                timed.times.iter().zip(floors).map(|(time, floor)| time.as_secs_f64() * 1e9 / keys / floor);
            rounded(median(over.collect()))
        });
        let is_pair = contender.yardstick() == Contender::StdPairs;
        Point {
            bench: "sort",
            algorithm: contender.name(),
            dtype,
            pattern: setting.pattern.name(),
            n: setting.length,
            threads,
            arrays: measured.arrays,
            iterations: timed.times.len(),
            time_us: round_us.of_each(measured.arrays),
            ns_per_key: rounded(ns_per_key),
            mkeys_s: rounded(1e3 / ns_per_key),
            over_std: over(contender.yardstick()),
            over_rayon: if is_pair { None } else { over(Contender::Rayon) },
            floor_ns_per_key: floors.map(|floors| rounded(median(floors))),
            over_floor,
            wrong: timed.wrong,
        }
    }
}

/// Of each round, the nanoseconds in which so many threads take the minima and maxima of a key in the network of n
/// wires. None of what is no network of the keys alone, or has no comparators.
fn floors(n: usize, contender: Contender, threads: usize, measured: &Measured) -> Option<Vec<f64>> {
    let Contender::Bitonic(
        Algorithm::Recursive
        | Algorithm::Iterative
        | Algorithm::Blocked
        | Algorithm::Simd
        | Algorithm::Parallel,
    ) = contender
    else {
        return None;
    };
    let taken = 2.0 * Kind::Bitonic.size(n) as f64 / n as f64;
    (taken > 0.0).then(|| measured.minima.iter().map(|rate| 1e9 * taken / rate / threads as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use testkit::sorting::Pattern;

    #[test]
    fn what_follows_from_the_times() {
        let contenders = vec![
            Contender::Bitonic(Algorithm::Simd),
            Contender::Bitonic(Algorithm::Parallel),
            Contender::Pairs,
            Contender::Std,
        ];
        let setting = Setting { pattern: Pattern::Saw, length: 1024, contenders };
        let timed = |us: [u64; 3]| Timed { wrong: 0, times: us.map(Duration::from_micros).into() };
        let measured = Measured {
            arrays: 2,
            contenders: vec![timed([10, 20, 10]), timed([5, 5, 5]), timed([30, 30, 30]), timed([40, 80, 41])],
            // The pace of the machine is half as fast in the second round.
            minima: vec![11e9, 5.5e9, 11e9],
        };
        let [simd, parallel, pairs, std] =
            Point::all(&setting, "u32", 2, &measured).try_into().expect("a point each");
        // 10 * 11 / 2 stages, a minimum or a maximum in each: 55 per key.
        assert_eq!((simd.floor_ns_per_key, parallel.floor_ns_per_key), (Some(5.0), Some(2.5)));
        assert_eq!((simd.over_std, simd.over_rayon, simd.ns_per_key), (Some(4.0), None, 4.883));
        assert_eq!(simd.over_floor, Some(0.9766));
        assert_eq!((simd.threads, parallel.threads), (1, 2));
        assert_eq!(simd.time_us, Micros { min: 5.0, median: 5.0, max: 10.0 });
        assert_eq!((pairs.over_std, pairs.floor_ns_per_key), (None, None));
        assert_eq!((std.over_std, std.over_floor), (Some(1.0), None));
    }
}
