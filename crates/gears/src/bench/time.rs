//! The times of a point, and how numbers are rounded.

use serde::Serialize;
use std::time::Duration;

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
    fn numbers_have_four_digits() {
        assert_eq!([12.34567, 0.000123456, 98765.4].map(rounded), [12.35, 0.0001235, 98770.0]);
    }
}
