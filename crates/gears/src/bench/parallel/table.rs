//! The points for people.

use super::options::{Options, cores};
use super::point::Point;
use crate::bench::arithmetic::common::heads;
use std::io::{self, Write};
use testkit::timed::arithmetic::Pass;

/// What is measured, and how.
pub(super) fn write_header(out: &mut dyn Write, options: &Options, pass: Pass) -> io::Result<()> {
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (cores, most) = (cores(), options.most_ranks());
    let what = if pass == Pass::Forward { "forward" } else { "forward + backward" };
    let causal = if options.causal { ", causal" } else { "" };
    writeln!(
        out,
        "# attention across ranks, {what}: batch {}, {}, head dimension {}{causal}; {}, ranks of one thread on {}",
        options.batch,
        heads(options.heads, options.kv_heads()),
        options.head_dim,
        options.dtype,
        plural(cores, "core")
    )?;
    if most > cores {
        writeln!(
            out,
            "# {} are more than there are cores: they also wait for their turn",
            plural(most, "rank")
        )?;
    }
    writeln!(
        out,
        "# time: median, from a common start to the end on the slowest rank, what came of it dropped\n\
         # over 1: the time of one rank with one thread over that, by turns; over {cores}: of one rank with {}\n\
         # comm: the part of its time that a rank is in sends and receives, waiting or copying; not packing\n\
         # sent: by the busiest rank\n#",
        plural(cores, "thread")
    )?;
    let over = format!("over {cores}");
    let names =
        ["sequence", "ranks", "min", "time", "max", "speed", "over 1", &over, "comm", "sent", "#wrong"];
    write_cells(out, '#', "strategy", names)?;
    let units = ["(tokens)", "", "(us)", "(us)", "(us)", "(GFLOP/s)", "", "", "(%)", "(B)", ""];
    write_cells(out, '#', "", units)
}

/// One line.
pub(super) fn write_point(out: &mut dyn Write, point: &Point) -> io::Result<()> {
    let cells = [
        point.sequence.to_string(),
        point.ranks.to_string(),
        format!("{:.2}", point.time_us.min),
        format!("{:.2}", point.time_us.median),
        format!("{:.2}", point.time_us.max),
        format!("{:.1}", point.gflop_s),
        format!("{:.2}", point.speedup),
        format!("{:.2}", point.speedup_threads),
        format!("{:.1}", point.communicating_pct),
        point.sent_bytes.to_string(),
        point.wrong.to_string(),
    ];
    let strategy = format!("{}/{}", point.bench, point.algorithm);
    write_cells(out, ' ', &strategy, cells.each_ref().map(String::as_str))
}

fn write_cells(
    out: &mut dyn Write,
    mark: char,
    strategy: &str,
    [sequence, ranks, min, time, max, speed, one, threads, comm, sent, wrong]: [&str; 11],
) -> io::Result<()> {
    let line = format!(
        "{mark} {sequence:>9} {ranks:>5}  {strategy:<31} {min:>11} {time:>11} {max:>11} {speed:>9} {one:>7} \
         {threads:>7} {comm:>6} {sent:>11} {wrong:>6}"
    );
    writeln!(out, "{}", line.trim_end())
}
