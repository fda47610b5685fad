//! Sorts in one process.

use super::options::Common;
use super::point::Point;
use crate::bench::arithmetic::common::{count, is_asked, names, start_threads};
use std::io::{self, Write};
use std::thread::available_parallelism;
use testkit::timed::sorting::Setting;
use testkit::timed::sorting::contender::Contender;

/// Which sorts to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Algorithms with commas between, or `all`: those of bitonic sort, simplest first; with values or indices
    /// (pairs, argsort); and those of the standard library and rayon
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = "simd,parallel,std,rayon",
          value_parser = names(Contender::ALL.map(Contender::name)))]
    algorithm: Vec<String>,

    /// Use N threads for `parallel` and `rayon` (1 to 256) [default: one for each core]
    #[arg(long, value_name = "N", value_parser = count(256))]
    threads: Option<usize>,

    #[command(flatten)]
    common: Common,
}

/// Measures and reports. True if no key was wrong.
pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let common = &options.common;
    let threads = start_threads(options.threads);
    let is_asked = |contender: &Contender| is_asked(&options.algorithm, contender.name());
    let contenders: Vec<Contender> = Contender::ALL.into_iter().filter(is_asked).collect();
    let mut right = true;
    for (dtype, pattern) in common.inputs() {
        if !common.json {
            write_header(out, &format!("{} {}", pattern.name(), dtype.name), threads)?;
        }
        for length in common.lengths() {
            let setting = Setting { pattern, length, contenders: contenders.clone() };
            let measured = (dtype.measure)(&setting, common.repeat());
            for point in Point::all(&setting, dtype.name, threads, &measured) {
                right &= point.wrong == 0;
                match common.json {
                    true => writeln!(out, "{}", serde_json::to_string(&point)?)?,
                    false => write_point(out, &point)?,
                }
            }
        }
    }
    Ok(right)
}

/// What is measured, and how.
fn write_header(out: &mut dyn Write, what: &str, threads: usize) -> io::Result<()> {
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let cores =
        available_parallelism().map_or("an unknown number of cores".into(), |n| plural(n.get(), "core"));
    writeln!(
        out,
        "# sort: {what} keys on {cores}; parallel and rayon with {}, the others with one\n\
         # time: of an array; all sort the same arrays by turns, and new ones in each round\n\
         # over std, over rayon: their time over this one (of pairs and argsort: that of std-pairs)\n\
         # floor: the minima and maxima of the network alone, at the rate of a loop of nothing else on as many cores\n#",
        plural(threads, "thread")
    )?;
    for row in [0, 1] {
        let name = |name, unit| if row == 0 { name } else { unit };
        let cells = [
            name("min", "(us)"),
            name("time", "(us)"),
            name("max", "(us)"),
            name("time/key", "(ns)"),
            name("speed", "(Mkeys/s)"),
            name("over", "std"),
            name("over", "rayon"),
            name("floor", "(ns/key)"),
            name("over", "floor"),
            name("#wrong", ""),
        ];
        write_cells(out, '#', name("n", "(keys)"), name("algorithm", ""), cells)?;
    }
    Ok(())
}

fn write_point(out: &mut dyn Write, point: &Point) -> io::Result<()> {
    let ratio = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
    let cells = [
        format!("{:.2}", point.time_us.min),
        format!("{:.2}", point.time_us.median),
        format!("{:.2}", point.time_us.max),
        format!("{:.3}", point.ns_per_key),
        format!("{:.1}", point.mkeys_s),
        ratio(point.over_std),
        ratio(point.over_rayon),
        point.floor_ns_per_key.map_or("-".into(), |floor| format!("{floor:.3}")),
        ratio(point.over_floor),
        point.wrong.to_string(),
    ];
    write_cells(out, ' ', &point.n.to_string(), point.algorithm, cells.each_ref().map(String::as_str))
}

fn write_cells(
    out: &mut dyn Write,
    mark: char,
    n: &str,
    algorithm: &str,
    [min, time, max, key, speed, std, rayon, floor, over, wrong]: [&str; 10],
) -> io::Result<()> {
    let line = format!(
        "{mark} {n:>10}  {algorithm:<11} {min:>10} {time:>10} {max:>10} {key:>9} {speed:>9} {std:>6} {rayon:>6} \
         {floor:>8} {over:>6} {wrong:>6}"
    );
    writeln!(out, "{}", line.trim_end())
}
