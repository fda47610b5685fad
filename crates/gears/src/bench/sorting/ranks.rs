//! Sorts across ranks.

use super::options::Common;
use crate::bench::arithmetic::common::{count, is_asked, names};
use crate::bench::time::{Micros, median_ratio, rounded};
use bitonic::ranks::RankSort;
use serde::Serialize;
use std::io::{self, Write};
use std::thread::available_parallelism;
use testkit::timed::sorting::ranks::{Measured, OnRanks};

/// Which sorts to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Numbers of ranks with commas between (1 to 64), each a thread
    #[arg(long, value_name = "P,..", value_delimiter = ',', default_values_t = [2], value_parser = count(64))]
    ranks: Vec<usize>,

    /// Algorithms with commas between, or `all`
    #[arg(long, value_name = "NAME,..", value_delimiter = ',',
          default_value = "bitonic,odd-even-transposition,sample-sort",
          value_parser = names(RankSort::ALL.map(RankSort::name)))]
    algorithm: Vec<String>,

    #[command(flatten)]
    common: Common,
}

/// One measurement. The fields are those of the JSON.
#[derive(Clone, Debug, Serialize)]
struct Point {
    bench: &'static str,
    algorithm: &'static str,
    ranks: usize,
    dtype: &'static str,
    pattern: &'static str,
    /// Keys of all ranks.
    n: usize,
    iterations: usize,
    time_us: Micros,
    ns_per_key: f64,
    mkeys_s: f64,
    /// The time of one thread over that of the ranks, iteration by iteration.
    speedup: f64,
    /// The same for as many threads as ranks.
    speedup_threads: f64,
    one_thread_us: f64,
    threads_us: f64,
    /// By the busiest rank.
    sent_bytes: usize,
    /// Keys that were wrong.
    wrong: usize,
}

/// Measures and reports. True if no key was wrong.
pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let common = &options.common;
    let mut right = true;
    for (dtype, pattern) in common.inputs() {
        if !common.json {
            write_header(out, &format!("{} {}", pattern.name(), dtype.name), &options.ranks)?;
        }
        for length in common.lengths() {
            for &ranks in &options.ranks {
                for way in RankSort::ALL.into_iter().filter(|way| is_asked(&options.algorithm, way.name())) {
                    let on = OnRanks { way, ranks, pattern, length };
                    let measured = (dtype.on_ranks)(&on, common.repeat()).map_err(io::Error::other)?;
                    let point = Point::new(&on, dtype.name, &measured);
                    right &= point.wrong == 0;
                    match common.json {
                        true => writeln!(out, "{}", serde_json::to_string(&point)?)?,
                        false => write_point(out, &point)?,
                    }
                }
            }
        }
    }
    Ok(right)
}

impl Point {
    fn new(on: &OnRanks, dtype: &'static str, measured: &Measured) -> Self {
        let time_us = Micros::of(&measured.times);
        let ns_per_key = 1e3 * time_us.median / on.length as f64;
        Self {
            bench: "sort_ranks",
            algorithm: on.way.name(),
            ranks: on.ranks,
            dtype,
            pattern: on.pattern.name(),
            n: on.length,
            iterations: measured.times.len(),
            time_us,
            ns_per_key: rounded(ns_per_key),
            mkeys_s: rounded(1e3 / ns_per_key),
            speedup: rounded(median_ratio(&measured.one_thread, &measured.times)),
            speedup_threads: rounded(median_ratio(&measured.threads, &measured.times)),
            one_thread_us: Micros::of(&measured.one_thread).median,
            threads_us: Micros::of(&measured.threads).median,
            sent_bytes: measured.sent,
            wrong: measured.wrong,
        }
    }
}

/// What is measured, and how.
fn write_header(out: &mut dyn Write, what: &str, ranks: &[usize]) -> io::Result<()> {
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let cores = available_parallelism().map_or(1, |cores| cores.get());
    writeln!(out, "# sort across ranks: {what} keys, ranks of one thread on {}", plural(cores, "core"))?;
    if let Some(&most) = ranks.iter().max().filter(|&&most| most > cores) {
        writeln!(
            out,
            "# {} are more than there are cores: they also wait for their turn",
            plural(most, "rank")
        )?;
    }
    writeln!(
        out,
        "# time: from a common start to the end on the slowest rank, its block in its own memory before and after\n\
         # over 1, over P: the time of one process on one thread, on as many as ranks, over that, by turns\n\
         # sent: by the busiest rank\n#"
    )?;
    let names =
        ["n", "ranks", "min", "time", "max", "time/key", "speed", "over 1", "over P", "sent", "#wrong"];
    write_cells(out, '#', "algorithm", names)?;
    let units = ["(keys)", "", "(us)", "(us)", "(us)", "(ns)", "(Mkeys/s)", "", "", "(B)", ""];
    write_cells(out, '#', "", units)
}

fn write_point(out: &mut dyn Write, point: &Point) -> io::Result<()> {
    let cells = [
        point.n.to_string(),
        point.ranks.to_string(),
        format!("{:.2}", point.time_us.min),
        format!("{:.2}", point.time_us.median),
        format!("{:.2}", point.time_us.max),
        format!("{:.3}", point.ns_per_key),
        format!("{:.1}", point.mkeys_s),
        format!("{:.2}", point.speedup),
        format!("{:.2}", point.speedup_threads),
        point.sent_bytes.to_string(),
        point.wrong.to_string(),
    ];
    write_cells(out, ' ', point.algorithm, cells.each_ref().map(String::as_str))
}

fn write_cells(
    out: &mut dyn Write,
    mark: char,
    algorithm: &str,
    [n, ranks, min, time, max, key, speed, one, threads, sent, wrong]: [&str; 11],
) -> io::Result<()> {
    let line = format!(
        "{mark} {n:>10} {ranks:>5}  {algorithm:<22} {min:>10} {time:>10} {max:>10} {key:>9} {speed:>9} {one:>6} \
         {threads:>6} {sent:>11} {wrong:>6}"
    );
    writeln!(out, "{}", line.trim_end())
}
