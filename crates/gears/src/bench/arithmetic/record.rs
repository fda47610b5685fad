//! Time and memory against the length of the sequence, as a table and as a plot.

use super::attention::AttentionSizes;
use super::report::Point;
use crate::bench::kept;
use crate::bench::plot::{self, Figure, Panel, Scale};
use crate::text::thousands;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// What was measured of one algorithm, by growing length.
#[derive(Clone, Debug, PartialEq)]
struct Curve {
    name: &'static str,
    at: Vec<Measured>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    /// T.
    sequence: usize,
    micros: f64,
    /// Besides inputs and results.
    bytes: usize,
}

/// Writes both files.
pub(super) fn write(path: &Path, points: &[Point<AttentionSizes>]) -> io::Result<()> {
    let curves = curves(points);
    let threads = points.first().map_or(1, |point| point.threads);
    let on = format!("on {threads} {}", if threads == 1 { "thread" } else { "threads" });
    kept::write(path, &on, &table(&curves), &figure(&curves))
}

fn figure(curves: &[Curve]) -> Figure {
    let crossing = overtaking(curves);
    let panel = |heading: &str, of: fn(&Measured) -> f64, label, mark| Panel {
        heading: heading.into(),
        across: "T, tokens",
        scale: Scale::Logarithmic,
        label,
        mark,
        curves: curves
            .iter()
            .map(|curve| plot::Curve {
                name: curve.name.into(),
                points: curve.at.iter().map(|at| [at.sequence as f64, of(at)]).collect(),
            })
            .collect(),
    };
    let mark = crossing.and_then(|overtaking| overtaking.sequence);
    let memory = |at: &Measured| at.bytes as f64;
    Figure {
        title: "Time and memory of attention against the length of the sequence",
        panels: [
            panel("time of a call", |at| at.micros, plot::round_time, mark),
            panel("memory besides inputs and results", memory, plot::round_bytes, None),
        ],
        caption: crossing.map(|overtaking| overtaking.text()),
    }
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
struct Overtaking {
    from: &'static str,
    to: &'static str,
    /// T, between two measured ones. None if it was faster all the way.
    sequence: Option<f64>,
}

impl Overtaking {
    /// To two digits: more would be noise.
    fn text(&self) -> String {
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
fn overtaking(curves: &[Curve]) -> Option<Overtaking> {
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
