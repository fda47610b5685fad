//! Two panels of curves, in SVG.
//!
//! The picture takes its colours from the page: dark on a light one, light on a dark one.

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

/// A picture.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// For who doesn't see it.
    pub(super) title: &'static str,
    pub(super) panels: [Panel; 2],
    /// Below it.
    pub(super) caption: Option<String>,
}

/// One pair of axes.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) heading: String,
    /// What the lower axis shows, by powers of two.
    pub(super) across: &'static str,
    pub(super) scale: Scale,
    /// How a tick of the upright axis is written.
    pub(super) label: fn(f64) -> String,
    /// A place on the lower axis to point out.
    pub(super) mark: Option<f64>,
    pub(super) curves: Vec<Curve>,
}

/// How the upright axis runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// By powers of ten. What isn't above zero has no logarithm, and isn't shown.
    Logarithmic,
    /// From zero.
    Linear,
}

/// A line through points, from left to right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<[f64; 2]>,
}

impl Figure {
    pub(super) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
             <title>{}</title>\n{}",
            self.title,
            style()
        );
        for (i, panel) in self.panels.iter().enumerate() {
            panel.draw(&mut svg, Rectangle { left: PANEL.left + i as f64 * APART, ..PANEL });
        }
        if let Some(caption) = &self.caption {
            text(&mut svg, "caption", [WIDTH / 2.0, HEIGHT - 12.0], caption);
        }
        svg + "</svg>\n"
    }
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

impl Panel {
    fn draw(&self, svg: &mut String, area: Rectangle) {
        let Rectangle { left, top, width, height } = area;
        let shown = |&[_, y]: &[f64; 2]| y > 0.0 || self.scale == Scale::Linear;
        let all = || self.curves.iter().flat_map(|curve| &curve.points).filter(|&point| shown(point));
        let x = Axis::logarithmic(all().map(|&[x, _]| x), 2.0);
        let y = match self.scale {
            Scale::Logarithmic => Axis::logarithmic(all().map(|&[_, y]| y), 10.0),
            Scale::Linear => Axis::linear(all().map(|&[_, y]| y)),
        };
        let at_x = |value: f64| left + width * x.share(value);
        let at_y = |value: f64| top + height * (1.0 - y.share(value));

        text(svg, "heading", [left + width / 2.0, top - 22.0], &self.heading);
        text(svg, "x", [left + width / 2.0, top + height + 40.0], self.across);
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
        let mut ends: Vec<(usize, [f64; 2])> = Vec::new();
        for (i, curve) in self.curves.iter().enumerate() {
            let colour = i % COLOURS.len();
            let points: Vec<[f64; 2]> =
                curve.points.iter().filter(|&point| shown(point)).map(|&[x, y]| [at_x(x), at_y(y)]).collect();
            let path: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(svg, "<polyline class=\"line l{colour}\" points=\"{}\"/>", path.join(" "));
            for [x, y] in &points {
                let _ = writeln!(svg, "<circle class=\"p{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
            ends.extend(points.last().map(|&end| (i, end)));
        }
        // Names of curves that end close to each other stand below each other, in their order.
        ends.sort_by(|(_, [_, a]), (_, [_, b])| a.total_cmp(b));
        let mut least = f64::NEG_INFINITY;
        for (i, [x, y]) in ends {
            let y = y.max(least);
            least = y + 14.0;
            text(svg, &format!("p{}", i % COLOURS.len()), [x + 8.0, y + 4.0], &self.curves[i].name);
        }
    }
}

/// An axis, from a multiple of a step to another: of the value, or of its logarithm to a base.
struct Axis {
    base: Option<f64>,
    step: f64,
    first: i32,
    last: i32,
}

impl Axis {
    /// That has room for these values, those that have a logarithm.
    fn logarithmic(values: impl Iterator<Item = f64> + Clone, base: f64) -> Self {
        let values = values.filter(|&value| value > 0.0);
        let first = values.clone().fold(f64::INFINITY, f64::min).log(base).floor();
        let last = values.fold(0.0, f64::max).log(base).ceil();
        let (first, last) = match first.is_finite() && last.is_finite() {
            // `as`: they are small whole numbers.
            true => (first as i32, (last as i32).max(first as i32 + 1)),
            false => (0, 1),
        };
        Axis { base: Some(base), step: 1.0, first, last }
    }

    /// That has room for zero and these values, with a handful of round ticks.
    fn linear(values: impl Iterator<Item = f64>) -> Self {
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        if most == 0.0 {
            return Axis { base: None, step: 1.0, first: 0, last: 1 };
        }
        let ten = 10_f64.powf((most / 6.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|round| round * ten).into_iter().find(|step| most <= 6.0 * step);
        let step = step.unwrap_or(10.0 * ten);
        Axis { base: None, step, first: 0, last: ((most / step).ceil() as i32).max(1) }
    }

    /// How far along a value is, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let steps = self.base.map_or(value, |base| value.log(base)) / self.step;
        (steps - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    /// All steps, or of many every second, third, ...
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let every = (self.last - self.first) / 7 + 1;
        let (base, step) = (self.base, self.step);
        let value = move |count: i32| match base {
            Some(base) => base.powi(count),
            None => f64::from(count) * step,
        };
        (self.first..=self.last).step_by(every as usize).map(value)
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
pub(super) fn round_time(micros: f64) -> String {
    scaled(micros, &[(1e6, "s"), (1e3, "ms"), (1.0, "µs"), (1e-3, "ns")], 0)
}

/// A power of ten of bytes.
pub(super) fn round_bytes(bytes: f64) -> String {
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
        let axis = Axis::logarithmic([16.0, 8192.0].into_iter(), 2.0);
        assert_eq!((axis.first, axis.last), (4, 13));
        assert_eq!((axis.share(16.0), axis.share(8192.0)), (0.0, 1.0));
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [16.0, 64.0, 256.0, 1024.0, 4096.0]);
        let axis = Axis::logarithmic([30.0, 0.0, 400.0].into_iter(), 10.0);
        assert_eq!((axis.first, axis.last), (1, 3));
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [10.0, 100.0, 1000.0]);
        let one = Axis::logarithmic([8.0].into_iter(), 2.0);
        assert_eq!((one.first, one.last), (3, 4));
        let nothing = Axis::logarithmic([0.0].into_iter(), 2.0);
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

    #[test]
    fn a_linear_axis_begins_at_zero() {
        let ticks = |most: f64| Axis::linear([0.3, most].into_iter()).ticks().collect::<Vec<_>>();
        assert_eq!(ticks(1.93), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(ticks(7.1), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(60.0), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        let axis = Axis::linear([1.5].into_iter());
        assert_eq!((axis.share(0.0), axis.share(0.75)), (0.0, 0.5));
        assert_eq!(Axis::linear(std::iter::empty()).ticks().collect::<Vec<_>>(), [0.0, 1.0]);
    }

    fn figure(curves: Vec<Curve>) -> Figure {
        let panel = |scale| Panel {
            heading: "time".into(),
            across: "T, tokens",
            scale,
            label: round_time,
            mark: Some(32.0),
            curves: curves.clone(),
        };
        Figure {
            title: "a figure",
            panels: [panel(Scale::Logarithmic), panel(Scale::Linear)],
            caption: Some("a caption".into()),
        }
    }

    /// Every point of every curve is in both panels, inside the picture, and elements are closed.
    #[test]
    fn all_points_are_drawn() {
        let curve = |name: &str, factor: f64| Curve {
            name: name.into(),
            points: (0..4).map(|i| [f64::from(16 << i), factor * f64::from(1 << i)]).collect(),
        };
        let svg = figure(vec![curve("naive", 2.0), curve("flash", 2.1)]).svg();
        assert_eq!(svg.matches("<circle").count(), 2 * 2 * 4);
        assert_eq!(svg.matches("<polyline").count(), 2 * 2);
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        for text in ["naive", "flash", "a caption", "time", "T, tokens"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text}");
        }
        assert!(svg.contains("<title>a figure</title>"));
        for (attribute, most) in [(" cx=\"", WIDTH), (" cy=\"", HEIGHT), (" x=\"", WIDTH), (" y=\"", HEIGHT)]
        {
            for part in svg.split(attribute).skip(1) {
                let number: f64 = part.split('"').next().expect("a quote").parse().expect("a number");
                assert!((0.0..=most).contains(&number), "{attribute}{number}");
            }
        }
    }

    #[test]
    fn what_has_no_logarithm_is_left_out() {
        let curve = Curve { name: "x".into(), points: vec![[1.0, 0.0], [2.0, 3.0]] };
        assert_eq!(figure(vec![curve]).svg().matches("<circle").count(), 1 + 2);
    }

    #[test]
    fn names_stand_below_each_other_as_the_curves_do() {
        let curve = |(name, y): (&str, f64)| Curve { name: name.into(), points: vec![[16.0, y]] };
        let svg = figure([("naive", 1.0), ("blocked", 1.02), ("flash", 1.01)].map(curve).into()).svg();
        let height = |name: &str| -> f64 {
            let end = format!(">{name}</text>");
            let line = svg.lines().find(|line| line.ends_with(&end)).expect("a name");
            let (_, y) = line.split_once(" y=\"").expect("a place");
            y.split('"').next().expect("a quote").parse().expect("a number")
        };
        let (first, second, third) = (height("blocked"), height("flash"), height("naive"));
        assert!(first + 13.9 < second && second + 13.9 < third, "{first} {second} {third}");
    }
}
