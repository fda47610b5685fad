//! A measurement that is kept: FILE.md says what was measured, where and when, and FILE.svg shows it.

use super::attention::AttentionSizes;
use super::place::{machine, today};
use super::plot;
use super::report::Point;
use crate::text::thousands;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// What was measured of one algorithm, by growing length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) at: Vec<Measured>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// T.
    pub(super) sequence: usize,
    pub(super) micros: f64,
    /// Besides inputs and results.
    pub(super) bytes: usize,
}

/// Writes both files.
pub(super) fn write(path: &Path, points: &[Point<AttentionSizes>]) -> io::Result<()> {
    let curves = curves(points);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = points.first().map_or(1, |point| point.threads);
    let text = format!(
        "Measured on {} on {}, on {threads} {}, by\n\n```sh\ncargo run --release -- {}\n```\n\n{}",
        today(),
        machine(),
        if threads == 1 { "thread" } else { "threads" },
        arguments.join(" "),
        table(&curves)
    );
    // Not `with_extension`, which would take a part of a name that has a dot in it.
    let file = |extension: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(extension);
        name
    };
    let write = |name: OsString, text: String| {
        let error = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", name.display()));
        std::fs::write(&name, text).map_err(error)
    };
    write(file(".md"), text)?;
    write(file(".svg"), plot::svg(&curves))
}

/// A curve for each algorithm, in the order in which they first come.
fn curves(points: &[Point<AttentionSizes>]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for point in points {
        let at = Measured {
            sequence: point.sizes.sequence,
            micros: point.time_us.median,
            bytes: point.peak_bytes,
        };
        match curves.iter_mut().find(|curve| curve.name == point.algorithm) {
            Some(curve) => curve.at.push(at),
            None => curves.push(Curve { name: point.algorithm, at: vec![at] }),
        }
    }
    curves
}

/// Markdown: a row for each length, and where the last algorithm overtakes the first.
fn table(curves: &[Curve]) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let columns =
        |what: &str| curves.iter().map(|curve| format!("{}, {what}", curve.name)).collect::<Vec<_>>();
    let mut text = row([vec!["T".to_owned()], columns("time"), columns("memory")].concat());
    text += &row(vec!["--:".to_owned(); 1 + 2 * curves.len()]);
    let lengths = curves.first().map_or(0, |curve| curve.at.len());
    for i in 0..lengths {
        let at = || curves.iter().map(|curve| curve.at[i]);
        let times = at().map(|at| plot::time(at.micros)).collect();
        let bytes = at().map(|at| format!("{} B", thousands(at.bytes as u64))).collect();
        text += &row([vec![curves[0].at[i].sequence.to_string()], times, bytes].concat());
    }
    if let Some(overtaking) = overtaking(curves) {
        let _ = write!(text, "\n{}\n", overtaking.text());
    }
    text
}

/// Where an algorithm becomes faster than another, and stays so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Overtaking {
    from: &'static str,
    to: &'static str,
    /// T, between two measured ones. None if it was faster all the way.
    pub(super) sequence: Option<f64>,
}

impl Overtaking {
    /// To two digits: more would be noise.
    pub(super) fn text(&self) -> String {
        let Overtaking { from, to, sequence } = self;
        match sequence {
            Some(sequence) => {
                let digit = 10_f64.powf(sequence.log10().floor() - 1.0);
                let sequence = ((sequence / digit).round() * digit).round();
                format!("From T = {sequence} or so on, {to} is faster than {from}.")
            }
            None => format!("At all these lengths {to} is faster than {from}."),
        }
    }
}

/// Where the last of the curves overtakes the first, if it does at last. Between two lengths the ratio of the times
/// is taken for a power of the length: a line in a plot whose axes are logarithmic.
pub(super) fn overtaking(curves: &[Curve]) -> Option<Overtaking> {
    let [first, .., last] = curves else { return None };
    // Above 0 where the last is faster.
    let lead: Vec<(f64, f64)> = std::iter::zip(&first.at, &last.at)
        .map(|(a, b)| ((a.sequence as f64).ln(), (a.micros / b.micros).ln()))
        .collect();
    if lead.last()?.1 <= 0.0 {
        return None;
    }
    let crossing = lead.windows(2).rev().find(|pair| pair[0].1 <= 0.0).map(|pair| {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        (x0 + (x1 - x0) * y0 / (y0 - y1)).exp()
    });
    Some(Overtaking { from: first.name, to: last.name, sequence: crossing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &'static str, times: &[f64]) -> Curve {
        let at = |(i, &micros): (usize, &f64)| Measured { sequence: 16 << i, micros, bytes: 1000 << i };
        Curve { name, at: times.iter().enumerate().map(at).collect() }
    }

    #[test]
    fn the_last_crossing_counts() {
        let overtaking =
            |a: &[f64], b: &[f64]| overtaking(&[curve("slow", a), curve("fast", b)]).map(|o| o.sequence);
        assert_eq!(overtaking(&[1.0, 2.0, 4.0], &[2.0, 4.0, 8.0]), None);
        assert_eq!(overtaking(&[2.0, 4.0, 8.0], &[1.0, 2.0, 4.0]), Some(None));
        // Half as fast at 32, twice as fast at 64: equal where both are as far, in logarithms.
        let sequence =
            overtaking(&[3.0, 2.0, 8.0, 9.0], &[1.0, 4.0, 4.0, 4.0]).flatten().expect("a crossing");
        assert!((sequence - 45.25).abs() < 0.1, "{sequence}");
        // Equal at a point that was measured.
        let sequence = overtaking(&[1.0, 2.0, 8.0], &[2.0, 2.0, 4.0]).flatten().expect("a crossing");
        assert!((sequence - 32.0).abs() < 1e-9, "{sequence}");
    }

    #[test]
    fn a_table_has_a_row_for_each_length() {
        let table = table(&[curve("naive", &[0.5, 2000.0]), curve("flash", &[1.25, 1000.0])]);
        assert_eq!(
            table,
            "\
| T | naive, time | flash, time | naive, memory | flash, memory |
| --: | --: | --: | --: | --: |
| 16 | 0.50 µs | 1.25 µs | 1,000 B | 1,000 B |
| 32 | 2.00 ms | 1.00 ms | 2,000 B | 2,000 B |

From T = 24 or so on, flash is faster than naive.
"
        );
    }
}
