//! The points for people.

use super::report::Point;
use std::io::{self, Write};
use std::thread::available_parallelism;
use testkit::timed::arithmetic::product::{Sizes, YARDSTICK};

/// What the columns hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// The heading of the sizes, and their unit.
    pub(super) size: [&'static str; 2],
    pub(super) speed: Speed,
}

/// What a speed is told in, and what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speed {
    /// Floating-point operations: with the matrix product.
    Flops,
    /// Bytes: with the simplest loop that loads and stores them.
    Bytes,
}

/// What is measured, and how.
pub(super) fn write_header(
    out: &mut dyn Write,
    title: &str,
    threads: usize,
    columns: &Columns,
) -> io::Result<()> {
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let cores =
        available_parallelism().map_or("an unknown number of cores".into(), |n| plural(n.get(), "core"));
    writeln!(out, "# {title}, {} on {cores}", plural(threads, "thread"))?;
    writeln!(out, "# time: of a call, in which what comes of it is also dropped")?;
    let [speed, share] = match columns.speed {
        Speed::Flops => {
            let Sizes { m, n, k } = YARDSTICK;
            writeln!(
                out,
                "# speed: what has to be computed (where pairs are masked, only the others) in the median time\n\
                 # product: that, over the speed of a product of {m} x {k} by {k} x {n}, measured beside it"
            )?;
            [["speed", "(GFLOP/s)"], ["product", "(%)"]]
        }
        Speed::Bytes => {
            writeln!(
                out,
                "# speed: bytes of input and output in the median time\n\
                 # roof: the time in which `x += c` loads and stores as many, over that of the call"
            )?;
            [["speed", "(GB/s)"], ["roof", "(%)"]]
        }
    };
    writeln!(
        out,
        "# memory: the most that is allocated at once during a call, besides inputs and results\n#"
    )?;
    let size = columns.size;
    for row in [0, 1] {
        let time = |name| if row == 0 { name } else { "(us)" };
        let [algorithm, memory, wrong] = [["algorithm", "memory", "#wrong"], ["", "(B)", ""]][row];
        let cells = [time("min"), time("time"), time("max"), speed[row], share[row], memory, wrong];
        write_cells(out, '#', size[row], algorithm, cells)?;
    }
    Ok(())
}

/// One line.
pub(super) fn write_point<S>(
    out: &mut dyn Write,
    columns: &Columns,
    size: &str,
    point: &Point<S>,
) -> io::Result<()> {
    let micros = |micros: f64| format!("{micros:.2}");
    let (speed, share) = match columns.speed {
        Speed::Flops => (point.gflop_s, point.product_pct),
        Speed::Bytes => (point.gb_s, point.roofline_pct),
    };
    let number = |number: Option<f64>| number.map_or("-".into(), |number| format!("{number:.1}"));
    let cells = [
        micros(point.time_us.min),
        micros(point.time_us.median),
        micros(point.time_us.max),
        number(speed),
        number(share),
        point.peak_bytes.to_string(),
        point.wrong.to_string(),
    ];
    write_cells(out, ' ', size, point.algorithm, cells.each_ref().map(String::as_str))
}

fn write_cells(
    out: &mut dyn Write,
    mark: char,
    size: &str,
    algorithm: &str,
    [min, time, max, speed, share, memory, wrong]: [&str; 7],
) -> io::Result<()> {
    let line = format!(
        "{mark} {size:>13}  {algorithm:<12} {min:>12} {time:>12} {max:>12} {speed:>10} {share:>8} \
         {memory:>12} {wrong:>6}"
    );
    writeln!(out, "{}", line.trim_end())
}
