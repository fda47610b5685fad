//! The measurements for people: the columns of nccl-tests, and the share of the roofline.

use super::point::Point;
use std::io::{self, Write};
use std::thread::available_parallelism;
use testkit::case::Operation;

/// Where and how it is measured.
pub(super) fn write_header(out: &mut dyn Write, ranks: usize) -> io::Result<()> {
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let ranks_of = plural(ranks, "rank");
    match available_parallelism() {
        Ok(cores) if ranks > cores.get() => {
            let cores = plural(cores.get(), "core");
            writeln!(out, "# {ranks_of} on {cores}: oversubscribed, so ranks also wait for their turn")?;
        }
        Ok(cores) => writeln!(out, "# {ranks_of} on {}", plural(cores.get(), "core"))?,
        Err(_) => writeln!(out, "# {ranks_of} on an unknown number of cores")?,
    }
    let lines = [
        "# time: of a call, from a common start to the end on the slowest rank; the median of laps. A lap is as many",
        "# calls back to back as fit 256 KiB, 64 at most, each on buffers that their rank has just rewritten.",
        "# Bandwidths follow from the time",
    ];
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(
        out,
        "# roof: the time of `x += c` on buffers of that size by as many threads, over that of the all-reduce"
    )
}

/// The columns, for one operation.
pub(super) fn write_title(out: &mut dyn Write, operation: Operation) -> io::Result<()> {
    writeln!(out, "#\n# {}", operation.name())?;
    let names = ["size", "count", "type", "redop", "algorithm", "min", "time", "max", "algbw", "busbw"];
    write_cells(out, '#', names, "#wrong", "roof")?;
    let units = ["(B)", "(elements)", "", "", "", "(us)", "(us)", "(us)", "(GB/s)", "(GB/s)"];
    write_cells(out, '#', units, "", "(%)")
}

/// One line.
pub(super) fn write_point(out: &mut dyn Write, point: &Point) -> io::Result<()> {
    let number = |number: Option<f64>| number.map_or("-".into(), |number| format!("{number:.2}"));
    let micros = |micros: f64| format!("{micros:.2}");
    let cells = [
        point.bytes.unwrap_or(0).to_string(),
        point.count.to_string(),
        point.dtype.unwrap_or("-").into(),
        point.reduction.unwrap_or("none").into(),
        point.chosen.map_or(point.algorithm.into(), |chosen| format!("{}: {chosen}", point.algorithm)),
        micros(point.time_us.min),
        micros(point.time_us.median),
        micros(point.time_us.max),
        number(point.algbw_gb_s),
        number(point.busbw_gb_s),
    ];
    let roof = point.roofline_pct.map_or(String::new(), |roof| format!("{roof:.1}"));
    write_cells(out, ' ', cells.each_ref().map(String::as_str), &point.wrong.to_string(), &roof)
}

fn write_cells(
    out: &mut dyn Write,
    mark: char,
    [size, count, dtype, redop, algorithm, min, time, max, algbw, busbw]: [&str; 10],
    wrong: &str,
    roof: &str,
) -> io::Result<()> {
    let line = format!(
        "{mark} {size:>10} {count:>10} {dtype:>5} {redop:>5}  {algorithm:<24} {min:>10} {time:>10} {max:>10} \
         {algbw:>7} {busbw:>7} {wrong:>6} {roof:>6}"
    );
    writeln!(out, "{}", line.trim_end())
}
