//! Time and memory against the length of the sequence: two panels with logarithmic axes, in SVG.
//!
//! The picture takes its colours from the page: dark on a light one, light on a dark one.

use super::record::{Curve, Measured, overtaking};
use std::fmt::Write;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 400.0;
/// The axes' rectangle in a panel, and how far apart the panels begin.
const PANEL: Rectangle = Rectangle { left: 62.0, top: 58.0, width: 290.0, height: 270.0 };
const APART: f64 = 440.0;

/// Of algorithms: told apart also by who doesn't see all colours, on white and on black.
const COLOURS: [[&str; 2]; 5] = [
    ["#c2410c", "#fb923c"],
    ["#1d4ed8", "#60a5fa"],
    ["#15803d", "#4ade80"],
    ["#7e22ce", "#c084fc"],
    ["#0f766e", "#5eead4"],
];

#[derive(Clone, Copy, Debug)]
struct Rectangle {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// The picture of these curves.
pub(super) fn svg(curves: &[Curve]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>Time and memory of attention against the length of the sequence</title>\n{}",
        style()
    );
    let crossing = overtaking(curves);
    let time = Panel {
        heading: "time of a call",
        area: PANEL,
        of: |at| at.micros,
        label: round_time,
        mark: crossing.and_then(|overtaking| overtaking.sequence),
    };
    let memory = Panel {
        heading: "memory besides inputs and results",
        area: Rectangle { left: PANEL.left + APART, ..PANEL },
        of: |at| at.bytes as f64,
        label: round_bytes,
        mark: None,
    };
    time.draw(&mut svg, curves);
    memory.draw(&mut svg, curves);
    if let Some(overtaking) = crossing {
        text(&mut svg, "caption", [WIDTH / 2.0, HEIGHT - 12.0], &overtaking.text());
    }
    svg + "</svg>\n"
}

/// Colours for a light page and for a dark one.
fn style() -> String {
    let rules = |mode: usize, ink: &str, grid: &str| {
        let mut rules =
            format!("text {{ fill: {ink}; }} .grid {{ stroke: {grid}; }} .mark {{ stroke: {ink}; }} ");
        for (i, colour) in COLOURS.iter().enumerate() {
            let colour = colour[mode];
            let _ = write!(rules, ".l{i} {{ stroke: {colour}; }} .p{i} {{ fill: {colour}; }} ");
        }
        rules
    };
    format!(
        "<style>\n\
         .line {{ fill: none; stroke-width: 2; }} .mark {{ stroke-dasharray: 4 3; }}\n\
         .heading {{ font-weight: 600; }} .y {{ text-anchor: end; }}\n\
         .heading, .x, .caption {{ text-anchor: middle; }}\n\
         {}\n@media (prefers-color-scheme: dark) {{ {}}}\n</style>\n",
        rules(0, "#1f2328", "#d1d5db"),
        rules(1, "#e6edf3", "#3d444d")
    )
}

/// One pair of axes.
struct Panel {
    heading: &'static str,
    area: Rectangle,
    /// What is shown.
    of: fn(&Measured) -> f64,
    /// How a power of ten of it is written.
    label: fn(f64) -> String,
    /// A length to point out.
    mark: Option<f64>,
}

impl Panel {
    fn draw(&self, svg: &mut String, curves: &[Curve]) {
        let Rectangle { left, top, width, height } = self.area;
        let all = || curves.iter().flat_map(|curve| &curve.at);
        let (x, y) = (Axis::of(all().map(|at| at.sequence as f64), 2.0), Axis::of(all().map(self.of), 10.0));
        let at_x = |value: f64| left + width * x.share(value);
        let at_y = |value: f64| top + height * (1.0 - y.share(value));

        text(svg, "heading", [left + width / 2.0, top - 22.0], self.heading);
        text(svg, "x", [left + width / 2.0, top + height + 40.0], "T, tokens");
        for tick in x.ticks() {
            line(svg, "grid", [at_x(tick), top], [at_x(tick), top + height]);
            text(svg, "x", [at_x(tick), top + height + 18.0], &round_count(tick));
        }
        for tick in y.ticks() {
            line(svg, "grid", [left, at_y(tick)], [left + width, at_y(tick)]);
            text(svg, "y", [left - 8.0, at_y(tick) + 4.0], &(self.label)(tick));
        }
        if let Some(mark) = self.mark {
            line(svg, "mark", [at_x(mark), top], [at_x(mark), top + height]);
        }
        let mut taken: Vec<f64> = Vec::new();
        for (i, curve) in curves.iter().enumerate() {
            let i = i % COLOURS.len();
            let points: Vec<[f64; 2]> = curve
                .at
                .iter()
                .filter(|at| (self.of)(at) > 0.0) // nothing has no logarithm
                .map(|at| [at_x(at.sequence as f64), at_y((self.of)(at))])
                .collect();
            let path: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(svg, "<polyline class=\"line l{i}\" points=\"{}\"/>", path.join(" "));
            for [x, y] in &points {
                let _ = writeln!(svg, "<circle class=\"p{i}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
            if let Some([x, mut y]) = points.last().copied() {
                // Names of curves that end close to each other stand below each other.
                while taken.iter().any(|other| (other - y).abs() < 14.0) {
                    y += 14.0;
                }
                taken.push(y);
                text(svg, &format!("p{i}"), [x + 8.0, y + 4.0], curve.name);
            }
        }
    }
}

/// A logarithmic axis, from a power of the base to another.
struct Axis {
    base: f64,
    first: i32,
    last: i32,
}

impl Axis {
    /// That has room for these values, those that have a logarithm.
    fn of(values: impl Iterator<Item = f64> + Clone, base: f64) -> Self {
        let values = values.filter(|&value| value > 0.0);
        let first = values.clone().fold(f64::INFINITY, f64::min).log(base).floor();
        let last = values.fold(0.0, f64::max).log(base).ceil();
        match first.is_finite() && last.is_finite() {
            // `as`: they are small whole numbers.
            true => Axis { base, first: first as i32, last: (last as i32).max(first as i32 + 1) },
            false => Axis { base, first: 0, last: 1 },
        }
    }

    /// How far along a value is, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        (value.log(self.base) - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    /// Powers of the base: all, or of many every second, third, ...
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let step = (self.last - self.first) / 7 + 1;
        let base = self.base;
        (self.first..=self.last).step_by(step as usize).map(move |power| base.powi(power))
    }
}

/// `16`, `4K`.
fn round_count(count: f64) -> String {
    match count {
        1024.0.. => format!("{}K", count / 1024.0),
        _ => count.to_string(),
    }
}

/// A power of ten of microseconds.
fn round_time(micros: f64) -> String {
    scaled(micros, &[(1e6, "s"), (1e3, "ms"), (1.0, "µs"), (1e-3, "ns")], 0)
}

/// A power of ten of bytes.
fn round_bytes(bytes: f64) -> String {
    scaled(bytes, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")], 0)
}

/// Microseconds to three digits or so.
pub(super) fn time(micros: f64) -> String {
    let digits = |micros: f64| if micros < 10.0 { 2 } else { usize::from(micros < 100.0) };
    match micros {
        ..1e3 => scaled(micros, &[(1.0, "µs")], digits(micros)),
        1e3..1e6 => scaled(micros, &[(1e3, "ms")], digits(micros / 1e3)),
        _ => scaled(micros, &[(1e6, "s")], digits(micros / 1e6)),
    }
}

/// In the largest of the units that it reaches, largest first.
fn scaled(value: f64, units: &[(f64, &str)], digits: usize) -> String {
    let unit = units.iter().find(|(unit, _)| value >= unit * 0.999).or(units.last());
    unit.map_or(String::new(), |(unit, name)| format!("{:.digits$} {name}", value / unit))
}

fn text(svg: &mut String, class: &str, [x, y]: [f64; 2], text: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}

fn line(svg: &mut String, class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_room_and_few_ticks() {
        let axis = Axis::of([16.0, 8192.0].into_iter(), 2.0);
        assert_eq!((axis.first, axis.last), (4, 13));
        assert_eq!((axis.share(16.0), axis.share(8192.0)), (0.0, 1.0));
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [16.0, 64.0, 256.0, 1024.0, 4096.0]);
        let axis = Axis::of([30.0, 0.0, 400.0].into_iter(), 10.0);
        assert_eq!((axis.first, axis.last), (1, 3));
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [10.0, 100.0, 1000.0]);
        let one = Axis::of([8.0].into_iter(), 2.0);
        assert_eq!((one.first, one.last), (3, 4));
        let nothing = Axis::of([0.0].into_iter(), 2.0);
        assert_eq!((nothing.first, nothing.last), (0, 1));
    }

    #[test]
    fn units() {
        assert_eq!(
            [1.0, 10.0, 1e3, 1e5, 1e6, 1e-1].map(round_time),
            ["1 µs", "10 µs", "1 ms", "100 ms", "1 s", "100 ns"]
        );
        assert_eq!([1.0, 1e2, 1e4, 1e8].map(round_bytes), ["1 B", "100 B", "10 kB", "100 MB"]);
        assert_eq!(
            [1.234, 12.34, 123.4, 1234.0, 2.5e6].map(time),
            ["1.23 µs", "12.3 µs", "123 µs", "1.23 ms", "2.50 s"]
        );
        assert_eq!([64.0, 4096.0].map(round_count), ["64", "4K"]);
    }

    /// Every point of every curve is in both panels, inside the picture, and elements are closed.
    #[test]
    fn all_points_are_drawn() {
        let at = |i: usize, factor: f64| Measured {
            sequence: 16 << i,
            micros: factor * f64::from(1 << i),
            bytes: 100 << i,
        };
        let curve = |name, factor| Curve { name, at: (0..4).map(|i| at(i, factor)).collect() };
        let svg = svg(&[curve("naive", 2.0), curve("flash", 2.1)]);
        assert_eq!(svg.matches("<circle").count(), 2 * 2 * 4);
        assert_eq!(svg.matches("<polyline").count(), 2 * 2);
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.contains(">naive</text>") && svg.contains(">flash</text>"));
        for (attribute, most) in [(" cx=\"", WIDTH), (" cy=\"", HEIGHT), (" x=\"", WIDTH), (" y=\"", HEIGHT)]
        {
            for part in svg.split(attribute).skip(1) {
                let number: f64 = part.split('"').next().expect("a quote").parse().expect("a number");
                assert!((0.0..=most).contains(&number), "{attribute}{number}");
            }
        }
    }

    #[test]
    fn names_do_not_cover_each_other() {
        let curve = |name| Curve { name, at: vec![Measured { sequence: 16, micros: 1.0, bytes: 1 }] };
        let svg = svg(&[curve("naive"), curve("blocked"), curve("flash")]);
        let mut heights: Vec<&str> = ["naive", "blocked", "flash"]
            .iter()
            .flat_map(|name| svg.lines().filter(move |line| line.ends_with(&format!(">{name}</text>"))))
            .collect();
        heights.sort_unstable();
        heights.dedup();
        assert_eq!(heights.len(), 6, "{heights:?}");
    }
}
