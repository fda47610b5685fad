//! The picture for a page. It takes its colours from the page: dark on a light one, light on a dark one.

use super::{Drawing, Line};
use std::fmt::Write;

/// From wire to wire, in pixels.
const ROW: f64 = 26.0;
/// From column to column of a stage.
const COLUMN: f64 = 16.0;
/// Between stages, without keys; and the room of a key besides its digits.
const GAP: f64 = 30.0;
/// The width of a digit.
const DIGIT: f64 = 7.5;
const MARGIN: f64 = 14.0;

impl Drawing<'_> {
    /// A picture in SVG. Keys stand above their wires. A comparator whose keys changed places is thicker and has
    /// another colour.
    pub fn svg(&self) -> String {
        let directed = self.directed();
        let network = self.network;
        let y = |wire: usize| MARGIN + (wire as f64 + 0.5) * ROW;
        let room = |labels: &[String]| {
            labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) as f64 * DIGIT
        };
        // Wires need no more than their ends, which are known when all stages have been placed.
        let (mut lines, mut labels) = (String::new(), String::new());
        let starts = self.starts();
        let start = MARGIN + room(&starts) + 6.0;
        let mut x = start;
        for (wire, label) in starts.iter().enumerate() {
            text(&mut labels, "first", [start - 6.0, y(wire) + 4.5], label);
        }
        for stage in 0..network.depth() {
            x += GAP / 2.0;
            for (column, comparators) in self.columns(stage).iter().enumerate() {
                x += if column > 0 { COLUMN } else { 0.0 };
                for line in comparators {
                    comparator(&mut lines, x, [y(line.top), y(line.bottom)], line, directed);
                }
            }
            x += GAP / 2.0;
            if let Some(flow) = &self.flow {
                let keys = &flow.keys[stage + 1];
                let width = room(keys);
                for (wire, key) in keys.iter().enumerate() {
                    text(&mut labels, "key", [x + width / 2.0, y(wire) - 5.0], key);
                }
                x += width;
            }
        }
        // A network without stages has wires too.
        let end = if network.depth() == 0 { start + GAP } else { x };
        let mut wires = String::new();
        for wire in 0..network.wires() {
            let y = y(wire);
            let _ = writeln!(wires, "<path class=\"wire\" d=\"M{start} {y}H{end}\"/>");
        }
        let (width, height) = (end + MARGIN, network.wires() as f64 * ROW + 2.0 * MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
             <title>A network of {} wires: {} comparators in {} stages</title>\n\
             {STYLE}{wires}{lines}{labels}</svg>\n",
            network.wires(),
            network.size(),
            network.depth(),
        )
    }
}

const STYLE: &str = "\
<style>
.wire, .comparator, .swapped { fill: none; } .comparator { stroke-width: 1.5; } .swapped { stroke-width: 2.5; }
.first { text-anchor: end; } .key { text-anchor: middle; font-size: 12px; }
text, .end { fill: #1f2328; } .wire { stroke: #8b949e; } .comparator { stroke: #1f2328; }
.swapped { stroke: #c2410c; } .end.of-swapped { fill: #c2410c; }
@media (prefers-color-scheme: dark) {
text, .end { fill: #e6edf3; } .wire { stroke: #6e7681; } .comparator { stroke: #e6edf3; }
.swapped { stroke: #fb923c; } .end.of-swapped { fill: #fb923c; }
}
</style>
";

/// A line with a dot at either end, or with an arrow at the one that gets the greater key.
fn comparator(svg: &mut String, x: f64, [top, bottom]: [f64; 2], line: &Line, directed: bool) {
    let (class, end) = if line.swapped { ("swapped", "end of-swapped") } else { ("comparator", "end") };
    let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x} {top}V{bottom}\"/>");
    for (y, arrow) in [(top, directed && line.descending), (bottom, directed && !line.descending)] {
        let _ = match arrow {
            false => writeln!(svg, "<circle class=\"{end}\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>"),
            true => {
                let (side, back) = (x - 5.0, if y == top { 9.0 } else { -9.0 });
                writeln!(svg, "<path class=\"{end}\" d=\"M{x} {y}L{side} {}h10z\"/>", y + back)
            }
        };
    }
}

fn text(svg: &mut String, class: &str, [x, y]: [f64; 2], content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{content}</text>");
}
