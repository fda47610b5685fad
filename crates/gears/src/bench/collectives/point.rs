//! One measurement, and as an object of JSON: what has no meaning for the operation is left out.

use super::bandwidth::{algorithm_bandwidth, bus_factor};
use crate::bench::time::{Micros, rounded};
use serde::Serialize;
use testkit::case::Case;
use testkit::choice::{Choice, setting};
use testkit::gear::Gear;
use testkit::timed::dtype::Dtype;
use testkit::timed::{Measured, size};

/// The fields are those of the JSON.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point {
    /// The operation.
    pub(super) bench: &'static str,
    /// Its algorithm, or `auto`.
    pub(super) algorithm: &'static str,
    /// What `auto` came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chosen: Option<&'static str>,
    pub(super) ranks: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dtype: Option<&'static str>,
    /// Of the whole array that a rank puts in or gets out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<usize>,
    /// Elements of the buffer, or of each block where there are some: what one gives to MPI as count.
    #[serde(skip)]
    pub(super) count: usize,
    /// `sum`, where elements are combined.
    #[serde(skip)]
    pub(super) reduction: Option<&'static str>,
    /// Laps.
    pub(super) iterations: usize,
    /// Calls of a lap, back to back.
    pub(super) batch: usize,
    /// Of a call.
    pub(super) time_us: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algbw_gb_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) busbw_gb_s: Option<f64>,
    /// The time that an all-reduce can't beat, of the time that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) roofline_pct: Option<f64>,
    /// Wrong elements, on all ranks.
    pub(super) wrong: usize,
}

impl Point {
    /// Without a roofline.
    pub(super) fn new(choice: Choice, case: &Case, dtype: &'static Dtype, measured: &Measured) -> Self {
        let operation = choice.operation();
        let time_us = Micros::of_calls(measured);
        let bytes = size::bytes(operation, case, dtype.bytes);
        let bandwidth = bytes.map(|bytes| algorithm_bandwidth(bytes, time_us.median));
        Self {
            bench: operation.name(),
            algorithm: choice.name(),
            chosen: matches!(choice, Choice::Plain(_))
                .then(|| choice.algorithm(setting(case.ranks), case, dtype.bytes).name()),
            ranks: case.ranks,
            dtype: bytes.map(|_| dtype.name),
            bytes,
            count: case.length,
            reduction: operation.reduces().then_some("sum"),
            iterations: measured.times.len(),
            batch: measured.batch,
            time_us,
            algbw_gb_s: bandwidth.map(rounded),
            busbw_gb_s: bandwidth.map(|bandwidth| rounded(bandwidth * bus_factor(operation, case.ranks))),
            roofline_pct: None,
            wrong: measured.wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collectives::{AllGather, AllReduce, Barrier};
    use std::time::Duration;
    use testkit::timed::dtype;

    fn point(choice: impl Into<testkit::gear::Algorithm>, length: usize) -> Point {
        let times = [8, 2, 4].map(Duration::from_micros).to_vec();
        let choice = Choice::Algorithm(choice.into());
        Point::new(choice, &Case::new(2, length), &dtype::ALL[0], &Measured { wrong: 0, batch: 2, times })
    }

    fn json(point: &Point) -> String {
        serde_json::to_string(point).expect("it can be written")
    }

    #[test]
    fn all_reduce_has_every_field() {
        let point = Point { roofline_pct: Some(50.0), ..point(AllReduce::Ring, 1000) };
        assert_eq!(
            json(&point),
            r#"{"bench":"all_reduce","algorithm":"ring","ranks":2,"dtype":"f32","bytes":4000,"iterations":3,"batch":2,"time_us":{"min":1.0,"median":2.0,"max":4.0},"algbw_gb_s":2.0,"busbw_gb_s":2.0,"roofline_pct":50.0,"wrong":0}"#
        );
    }

    #[test]
    fn the_size_is_that_of_the_whole_array() {
        let point = point(AllGather::Ring, 1000);
        assert_eq!((point.count, point.bytes), (1000, Some(8000)));
        assert_eq!((point.algbw_gb_s, point.busbw_gb_s), (Some(4.0), Some(2.0)));
        assert!(!json(&point).contains("roofline_pct"));
    }

    #[test]
    fn auto_says_what_it_came_to() {
        let choice = Choice::Plain(testkit::case::Operation::AllReduce);
        let measured = Measured { wrong: 0, batch: 1, times: vec![Duration::from_micros(1)] };
        let chosen = |length| Point::new(choice, &Case::new(2, length), &dtype::ALL[0], &measured).chosen;
        let expected = |bytes| Some(AllReduce::choose(setting(2), bytes, true).name());
        assert_eq!((chosen(2), chosen(100_000)), (expected(8), expected(400_000)));
        assert_ne!(chosen(2), chosen(100_000));
    }

    #[test]
    fn a_barrier_has_no_size() {
        assert_eq!(
            json(&point(Barrier::Central, 0)),
            r#"{"bench":"barrier","algorithm":"central","ranks":2,"iterations":3,"batch":2,"time_us":{"min":1.0,"median":2.0,"max":4.0},"wrong":0}"#
        );
    }
}
