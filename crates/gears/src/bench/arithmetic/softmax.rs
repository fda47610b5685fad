//! Softmax of each row of a matrix, by any algorithm.

use super::common::{Common, count, is_asked, names};
use super::report::Report;
use super::table::{Columns, Speed};
use crate::bench::sizes::Sizes;
use attention::softmax::Algorithm;
use serde::Serialize;
use std::io::{self, Write};
use testkit::timed::arithmetic::softmax::Setting;

/// Which softmax to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Algorithms with commas between; `all` of them, simplest first
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = "parallel",
          value_parser = names(Algorithm::ALL.iter().map(|algorithm| algorithm.name())))]
    algorithm: Vec<String>,

    /// Rows of the matrix
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = count(1 << 32))]
    rows: usize,

    /// Numbers of a row: one size, or MIN, twice MIN and so on and then MAX, as in `64..4K`
    #[arg(long, value_name = "MIN..MAX", default_value = "64..4096")]
    columns: Sizes,

    #[command(flatten)]
    common: Common,
}

/// What the JSON says of the sizes.
#[derive(Clone, Debug, Serialize)]
struct MatrixSizes {
    rows: usize,
    columns: usize,
}

impl Options {
    /// Measures and reports. True if no element was wrong.
    pub(super) fn run(&self, out: &mut dyn Write) -> io::Result<bool> {
        let (dtype, threads) = (self.common.dtype.timed(), self.common.threads());
        let rows = self.rows;
        let title = format!("softmax: of each of {rows} rows, into a given output");
        let layout = Columns { size: ["columns", "(numbers)"], speed: Speed::Bytes };
        let mut report = Report::begin(out, &self.common, threads, &title, layout)?;
        for columns in self.columns.powers_of(2) {
            for &algorithm in Algorithm::ALL.iter().filter(|a| is_asked(&self.algorithm, a.name())) {
                let mut work = (dtype.softmax)(Setting { algorithm, rows, columns, threads });
                let (sizes, size) = (MatrixSizes { rows, columns }, columns.to_string());
                report.point("softmax", algorithm.name(), sizes, &size, &mut *work)?;
            }
        }
        Ok(report.right)
    }
}
