//! What two cores need for a flag, and for a cache line: see [`testkit::timed::floors`].

use super::place::machine;
use super::sizes::Sizes;
use super::time::{Micros, rounded};
use clap::builder::RangedU64ValueParser;
use collectives::RunError;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;
use testkit::timed::floors::{THREADS, flag_exchange, hand_over, ping_pong};
use testkit::timed::start::Repeat;
use testkit::timed::{Measured, measure_update};

/// How to measure them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// One size, or powers of 4 times MIN and then MAX, as in `8K..8M`: bytes of the buffer that a thread reads or
    /// updates
    #[arg(long, value_name = "MIN..MAX", default_value = "8K..8M")]
    bytes: Sizes,

    /// Time N laps at each point, instead of for a fifth of a second
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    iterations: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    json: bool,
}

impl Options {
    fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat { warm_up: 3, ..Repeat::times(times) },
            None => Repeat { warm_up: 3, at_least: 5, budget: Duration::from_millis(200), at_most: 10_000 },
        }
    }
}

/// One of them. The fields are those of the JSON.
#[derive(Clone, Debug, Serialize)]
struct Floor {
    bench: &'static str,
    threads: usize,
    /// Of a thread's buffer.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// Laps.
    iterations: usize,
    /// What a lap has so many of.
    batch: usize,
    /// Of one.
    time_us: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    gb_s: Option<f64>,
    wrong: usize,
}

/// Measures and reports. True if no sum was wrong.
pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    if !options.json {
        write_header(out)?;
    }
    let mut right = true;
    let mut report = |bench, bytes: Option<usize>, moved, measured: Result<Measured, RunError>| {
        let measured = measured.map_err(io::Error::other)?;
        let time_us = Micros::of_calls(&measured);
        let rate = |bytes: usize| rounded((moved * bytes) as f64 / time_us.median / 1e3);
        let Measured { wrong, batch, times } = measured;
        let (iterations, gb_s) = (times.len(), bytes.map(rate));
        let floor = Floor { bench, threads: THREADS, bytes, iterations, batch, time_us, gb_s, wrong };
        right &= wrong == 0;
        match options.json {
            true => writeln!(out, "{}", serde_json::to_string(&floor)?),
            false => write_row(out, &floor),
        }
    };
    let repeat = options.repeat();
    report("ping_pong", None, 0, ping_pong(repeat))?;
    report("flag_exchange", None, 0, flag_exchange(repeat))?;
    // Whole elements, as both count them.
    let sizes: Vec<_> = options.bytes.powers_of(4).map(|bytes| bytes.next_multiple_of(4)).collect();
    for &bytes in &sizes {
        report("hand_over", Some(bytes), 1, hand_over(bytes, repeat))?;
    }
    for &bytes in &sizes {
        // Each thread loads its buffer and stores it.
        report("update", Some(bytes), 2 * THREADS, measure_update(THREADS, bytes / 4, repeat))?;
    }
    Ok(right)
}

fn write_header(out: &mut dyn Write) -> io::Result<()> {
    let machine = machine();
    writeln!(out, "# floors: {THREADS} threads on {machine}")?;
    let lines = [
        "# ping_pong: a flag from one core to the other, half a round trip",
        "# flag_exchange: each raises a flag and waits for the other's, a barrier of two",
        "# hand_over: each adds into its own buffer what the other has just written; GB/s that each one gets",
        "# update: `x += c`, each on a buffer of its own; GB/s loaded and stored by both together",
        "# time: of one, from a common start to the end on the slower thread; the median of laps, which are batches",
        "#",
    ];
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    write_cells(out, '#', ["", "size", "min", "time", "max", ""])?;
    write_cells(out, '#', ["", "(B)", "(us)", "(us)", "(us)", "(GB/s)"])
}

fn write_row(out: &mut dyn Write, floor: &Floor) -> io::Result<()> {
    let Micros { min, median, max } = floor.time_us;
    let [min, median, max] = [min, median, max].map(|micros| format!("{micros:.3}"));
    let bytes = floor.bytes.map_or(String::new(), |bytes| bytes.to_string());
    let rate = floor.gb_s.map_or(String::new(), |rate| format!("{rate:.2}"));
    write_cells(out, ' ', [floor.bench, &bytes, &min, &median, &max, &rate])
}

fn write_cells(
    out: &mut dyn Write,
    mark: char,
    [bench, size, min, time, max, rate]: [&str; 6],
) -> io::Result<()> {
    let line = format!("{mark} {bench:<14} {size:>10} {min:>10} {time:>10} {max:>10} {rate:>8}");
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use crate::bench::tests::{objects, output};

    #[test]
    fn every_floor_is_measured() {
        let floors = objects("floors --bytes 6..100 --iterations 2 --json");
        let named =
            floors.iter().map(|floor| (floor["bench"].as_str().unwrap_or(""), floor["bytes"].as_u64()));
        let sizes = |name| [8, 24, 96, 100].map(|bytes| (name, Some(bytes)));
        let flags = [("ping_pong", None), ("flag_exchange", None)];
        let expected = flags.into_iter().chain(sizes("hand_over")).chain(sizes("update"));
        assert_eq!(named.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        for floor in floors {
            assert_eq!((&floor["iterations"], &floor["wrong"]), (&2.into(), &0.into()), "{floor}");
            assert!(floor["time_us"]["median"].as_f64() > Some(0.0), "{floor}");
            assert_eq!(floor["gb_s"].as_f64() > Some(0.0), !floor["bytes"].is_null(), "{floor}");
        }
    }

    #[test]
    fn rates_are_of_what_is_moved() {
        for floor in objects("floors --bytes 1M --iterations 1 --json").into_iter().skip(2) {
            let moved = match floor["bench"].as_str() {
                Some("hand_over") => 1 << 20, // what one thread reads
                _ => 4 << 20,                 // what two threads load and store
            };
            let rate = f64::from(moved) / floor["time_us"]["median"].as_f64().expect("a time") / 1e3;
            assert!((floor["gb_s"].as_f64().expect("a rate") / rate - 1.0).abs() < 1e-3, "{floor}");
        }
    }

    #[test]
    fn a_table_for_people() {
        let table = output("floors --bytes 64 --iterations 1");
        assert!(table.starts_with("# floors: 2 threads on "), "{table}");
        let rows = table.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<_> = rows.filter_map(|row| row.split_whitespace().next()).collect();
        assert_eq!(names, ["ping_pong", "flag_exchange", "hand_over", "update"]);
        assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    }
}
