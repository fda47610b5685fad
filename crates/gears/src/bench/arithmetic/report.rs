//! One point: checked, timed, compared, written.

use super::common::Common;
use super::table::{self, Columns};
use crate::bench::roofline::Rooflines;
use crate::bench::time::{Micros, rounded};
use crate::memory;
use matmul::Threads;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;
use testkit::timed::arithmetic::dtype::Dtype;
use testkit::timed::arithmetic::product::{By, YARDSTICK};
use testkit::timed::arithmetic::{Amount, Work, times};
use testkit::timed::start::Repeat;

/// One measurement. The fields are those of the JSON; what has no meaning is left out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point<S> {
    /// The operation.
    pub(super) bench: String,
    pub(super) algorithm: &'static str,
    pub(super) dtype: &'static str,
    #[serde(flatten)]
    pub(super) sizes: S,
    pub(super) threads: usize,
    pub(super) iterations: usize,
    pub(super) time_us: Micros,
    /// Of what has to be computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gflop_s: Option<f64>,
    /// That, over the speed of the matrix product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) product_pct: Option<f64>,
    /// Of inputs and outputs, each moved once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gb_s: Option<f64>,
    /// The time in which as many bytes are loaded and stored at best, over that of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) roofline_pct: Option<f64>,
    /// The most bytes that are allocated at once during a call, besides inputs and results.
    pub(super) peak_bytes: usize,
    /// Wrong elements among those looked at.
    pub(super) wrong: usize,
}

/// Where points are written.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    common: &'a Common,
    threads: Threads,
    columns: Columns,
    rooflines: Rooflines,
    /// No element was wrong yet.
    pub(super) right: bool,
}

impl<'a> Report<'a> {
    /// Begins a table, or lines of JSON.
    pub(super) fn begin(
        out: &'a mut dyn Write,
        common: &'a Common,
        threads: Threads,
        title: &str,
        columns: Columns,
    ) -> io::Result<Self> {
        if !common.json {
            let title = format!("{title}; {}", common.dtype);
            table::write_header(out, &title, threads.count(), &columns)?;
        }
        let rooflines = Rooflines::new(threads.count(), common.repeat());
        Ok(Self { out, common, threads, columns, rooflines, right: true })
    }

    /// Measures and writes a point.
    pub(super) fn point<S: Serialize>(
        &mut self,
        bench: &str,
        algorithm: &'static str,
        sizes: S,
        size: &str,
        work: &mut dyn Work,
    ) -> io::Result<Point<S>> {
        let dtype = self.common.dtype.timed();
        let wrong = work.wrong();
        let product = product_flops(dtype, self.threads); // beside the call, since processors change their pace
        let times = times(work, self.common.repeat());
        // Several, since of several threads not every one need have found something to do.
        let calls = if self.threads == Threads::ONE { 1 } else { 3 };
        let peak_bytes = memory::peak(|| (0..calls).for_each(|_| work.call()));
        let peak_bytes = peak_bytes.saturating_sub(work.result_bytes());
        let time_us = Micros::of(&times);
        let seconds = time_us.median / 1e6;
        let mut point = Point {
            bench: bench.to_owned(),
            algorithm,
            dtype: dtype.name,
            sizes,
            threads: self.threads.count(),
            iterations: times.len(),
            time_us,
            gflop_s: None,
            product_pct: None,
            gb_s: None,
            roofline_pct: None,
            peak_bytes,
            wrong,
        };
        match work.amount() {
            Amount::Flops(flops) => {
                point.gflop_s = Some(rounded(flops / seconds / 1e9));
                point.product_pct = Some(rounded(100.0 * flops / seconds / product));
            }
            Amount::Bytes(bytes) => {
                point.gb_s = Some(rounded(bytes / seconds / 1e9));
                // As many bytes loaded and stored as `x += c` does on a buffer of half as many.
                let buffer = (bytes / 2.0) as usize / self.threads.count();
                point.roofline_pct = Some(rounded(100.0 * self.rooflines.micros(buffer)? / time_us.median));
            }
        }
        self.right &= wrong == 0;
        match self.common.json {
            true => writeln!(self.out, "{}", serde_json::to_string(&point)?)?,
            false => table::write_point(self.out, &self.columns, size, &point)?,
        }
        Ok(point)
    }
}

/// How fast products are now: floating-point operations a second.
fn product_flops(dtype: &Dtype, threads: Threads) -> f64 {
    let mut product = (dtype.product)(By::Seam(threads), YARDSTICK);
    let repeat = Repeat { warm_up: 2, at_least: 3, budget: Duration::from_millis(30), at_most: 100 };
    let seconds = Micros::of(&times(&mut *product, repeat)).median / 1e6;
    match product.amount() {
        Amount::Flops(flops) => flops / seconds,
        Amount::Bytes(_) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Speed;
    use super::*;
    use clap::Parser;
    use testkit::timed::arithmetic::dtype;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        common: Common,
    }

    /// Twice right, then wrong.
    struct Wrong(usize);

    impl Work for Wrong {
        fn call(&mut self) {
            std::hint::black_box(vec![1_u8; 1_000_000]);
        }
        fn wrong(&mut self) -> usize {
            self.0 += 1;
            if self.0 > 2 { 7 } else { 0 }
        }
        fn amount(&self) -> Amount {
            Amount::Bytes(4000.0)
        }
        fn result_bytes(&self) -> usize {
            400_000
        }
    }

    #[test]
    fn a_wrong_element_is_told_and_remembered() {
        let common = Cli::parse_from(["bench", "--iterations", "3", "--threads", "1"]).common;
        let mut out = Vec::new();
        let columns = Columns { size: ["size", ""], speed: Speed::Bytes };
        let mut report =
            Report::begin(&mut out, &common, Threads::ONE, "something", columns).expect("it begins");
        let mut work = Wrong(0);
        for right in [true, true, false] {
            let point = report.point("x", "y", (), "5", &mut work).expect("it is measured");
            assert_eq!((report.right, point.wrong == 0, point.iterations), (right, right, 3));
            assert!(point.peak_bytes >= 600_000, "{}", point.peak_bytes); // other tests allocate too
        }
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("# something; f32, 1 thread on "), "{text}");
        assert!(text.ends_with(" 7\n"), "{text}");
    }

    #[test]
    fn products_have_a_speed() {
        assert!(product_flops(&dtype::F32, Threads::ONE) > 1e6);
    }
}
