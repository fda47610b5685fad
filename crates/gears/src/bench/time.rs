//! The times of a point, and how numbers are rounded.

use serde::Serialize;
use std::time::Duration;
use testkit::timed::Measured;

/// Microseconds over the iterations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Micros {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Micros {
    /// Of at least one time.
    pub(crate) fn of(times: &[Duration]) -> Self {
        let mut times = times.to_vec();
        times.sort_unstable();
        let micros = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_nanos() as f64 / 1e3);
        Self {
            min: micros(times.first()),
            median: micros(times.get(times.len() / 2)),
            max: micros(times.last()),
        }
    }

    /// Of a call, by the laps of its batches.
    pub(super) fn of_calls(measured: &Measured) -> Self {
        Self::of(&measured.times).of_each(measured.batch)
    }

    /// Of one of so many that were timed at once.
    pub(super) fn of_each(self, count: usize) -> Self {
        let each = |micros: f64| rounded(micros / count as f64);
        Self { min: each(self.min), median: each(self.median), max: each(self.max) }
    }
}

/// How many times longer than another: the median over neighbours in time, so that what slows down both doesn't count.
pub(super) fn median_ratio(over: &[Duration], under: &[Duration]) -> f64 {
    let ratio = |(over, under): (&Duration, &Duration)| over.as_secs_f64() / under.as_secs_f64();
    median(over.iter().zip(under).map(ratio).collect())
}

/// The one in the middle.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// To four significant digits: more is noise.
pub(crate) fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_the_one_in_the_middle_and_the_slowest() {
        let times = [9, 4, 1, 2, 3].map(Duration::from_micros);
        assert_eq!(Micros::of(&times), Micros { min: 1.0, median: 3.0, max: 9.0 });
    }

    #[test]
    fn ratios_are_of_neighbours() {
        let ms = |times: [u64; 3]| times.map(Duration::from_millis);
        // The machine is twice as slow the second time.
        assert_eq!(median_ratio(&ms([20, 40, 21]), &ms([10, 20, 14])), 2.0);
    }

    #[test]
    fn numbers_have_four_digits() {
        assert_eq!([12.34567, 0.000123456, 98765.4].map(rounded), [12.35, 0.0001235, 98770.0]);
    }
}
