//! How attention across ranks scales, as a table and as a plot: with the length of the sequence, where each rank has a
//! core; and with the number of ranks, at the greatest length.

use super::point::Point;
use crate::bench::kept;
use crate::bench::plot::{Curve, Figure, Panel, Scale, time};
use crate::text::thousands;
use std::io;
use std::path::Path;

/// Writes both files.
pub(super) fn write(path: &Path, cores: usize, points: &[Point]) -> io::Result<()> {
    kept::write(path, "ranks of one thread each", &table(cores, points), &figure(cores, points))
}

/// Markdown: a row for each point.
fn table(cores: usize, points: &[Point]) -> String {
    let row = |cells: [String; 8]| format!("| {} |\n", cells.join(" | "));
    let over = format!("over {cores} threads");
    let names = ["T", "P", "strategy", "time", "over 1 thread", &over, "communicating", "sent"];
    let mut text = row(names.map(str::to_owned));
    text += &row(["--:", "--:", "---", "--:", "--:", "--:", "--:", "--:"].map(str::to_owned));
    for point in points {
        text += &row([
            point.sequence.to_string(),
            point.ranks.to_string(),
            format!("{}/{}", point.bench, point.algorithm),
            time(point.time_us.median),
            format!("{:.2}", point.speedup),
            format!("{:.2}", point.speedup_threads),
            format!("{:.1}%", point.communicating_pct),
            format!("{} B", thousands(point.sent_bytes as u64)),
        ]);
    }
    text
}

fn figure(cores: usize, points: &[Point]) -> Figure {
    let fitting = points.iter().map(|point| point.ranks).filter(|&ranks| ranks <= cores).max();
    let least = points.iter().map(|point| point.ranks).min().unwrap_or(1);
    let ranks = fitting.unwrap_or(least);
    let longest = points.iter().map(|point| point.sequence).max().unwrap_or(0);
    let panel = |heading: String, across, at: &dyn Fn(&Point) -> Option<usize>| {
        let mut curves: Vec<Curve> = Vec::new();
        for point in points {
            let Some(x) = at(point) else { continue };
            let (name, at) = (name(point), [x as f64, point.speedup]);
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push(at),
                None => curves.push(Curve { name, points: vec![at] }),
            }
        }
        Panel {
            heading,
            across,
            scale: Scale::Linear,
            label: |speedup| speedup.to_string(),
            mark: None,
            curves,
        }
    };
    let by_length = |point: &Point| (point.ranks == ranks).then_some(point.sequence);
    let by_ranks = |point: &Point| (point.sequence == longest).then_some(point.ranks);
    let [s, cores_s] = [ranks, cores].map(|n| if n == 1 { "" } else { "s" });
    Figure {
        title: "How many times faster attention across ranks is than on one rank with one thread",
        panels: [
            panel(format!("speed-up of {ranks} rank{s}"), "T, tokens", &by_length),
            panel(format!("speed-up at T = {longest}"), "P, ranks", &by_ranks),
        ],
        caption: Some(format!(
            "Over one rank with one thread; ranks have one thread each, on {cores} core{cores_s} in all."
        )),
    }
}

/// Short, for the end of a curve.
fn name(point: &Point) -> String {
    let family = point.bench.strip_suffix("_training").unwrap_or(&point.bench);
    match (family, point.algorithm.as_str()) {
        ("ulysses", "fused") => "ulysses".into(),
        ("ulysses", exchange) => exchange.into(),
        ("ring", "zigzag") => "ring".into(),
        ("all_gather_keys", "zigzag") => "all-gather".into(),
        ("ulysses_ring", mesh) => {
            match mesh.strip_prefix('u').and_then(|mesh| mesh.strip_suffix("_zigzag")) {
                Some(ulysses) => format!("mesh, U = {ulysses}"),
                None => mesh.into(),
            }
        }
        (_, algorithm) => algorithm.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::time::Micros;

    fn point(bench: &str, algorithm: &str, ranks: usize, sequence: usize, speedup: f64) -> Point {
        Point {
            bench: bench.into(),
            algorithm: algorithm.into(),
            ranks,
            dtype: "f32",
            batch: 1,
            heads: 8,
            kv_heads: 8,
            head_dim: 64,
            sequence,
            causal: false,
            iterations: 5,
            time_us: Micros { min: 1.0, median: 1234.0, max: 3.0 },
            gflop_s: 1.0,
            speedup,
            speedup_threads: 1.01,
            threads: 2,
            one_thread_us: 1.0,
            threads_us: 1.0,
            communicating_pct: 4.5,
            sent_bytes: 12_345,
            wrong: 0,
        }
    }

    fn points() -> Vec<Point> {
        vec![
            point("ulysses", "fused", 2, 64, 1.5),
            point("ring", "zigzag", 2, 64, 1.4),
            point("ulysses", "fused", 8, 64, 1.2),
            point("ulysses", "fused", 2, 128, 1.9),
            point("ring", "zigzag", 2, 128, 1.8),
            point("ulysses", "fused", 8, 128, 1.85),
        ]
    }

    #[test]
    fn lengths_on_the_left_and_ranks_on_the_right() {
        let [left, right] = figure(2, &points()).panels;
        let curve = |name: &str, points: &[[f64; 2]]| Curve { name: name.into(), points: points.into() };
        assert_eq!(
            left.curves,
            [curve("ulysses", &[[64.0, 1.5], [128.0, 1.9]]), curve("ring", &[[64.0, 1.4], [128.0, 1.8]])]
        );
        assert_eq!(
            right.curves,
            [curve("ulysses", &[[2.0, 1.9], [8.0, 1.85]]), curve("ring", &[[2.0, 1.8]])]
        );
        assert_eq!(
            (left.heading.as_str(), right.heading.as_str()),
            ("speed-up of 2 ranks", "speed-up at T = 128")
        );
    }

    #[test]
    fn a_row_for_each_point() {
        assert_eq!(
            table(2, &points()[..2]),
            "\
| T | P | strategy | time | over 1 thread | over 2 threads | communicating | sent |
| --: | --: | --- | --: | --: | --: | --: | --: |
| 64 | 2 | ulysses/fused | 1.23 ms | 1.50 | 1.01 | 4.5% | 12,345 B |
| 64 | 2 | ring/zigzag | 1.23 ms | 1.40 | 1.01 | 4.5% | 12,345 B |
"
        );
    }
}
