//! Attention, by any algorithm.

use super::common::{Common, count, heads, is_asked, names};
use super::record;
use super::report::{Point, Report};
use super::table::{Columns, Speed};
use crate::bench::sizes::Sizes;
use attention::{Algorithm, Shape};
use matmul::Threads;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use testkit::timed::arithmetic::Pass;
use testkit::timed::arithmetic::attention::Setting;

/// Which attentions to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Algorithms with commas between; `all` of them, simplest first
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = "flash",
          value_parser = names(Algorithm::ALL.iter().map(|algorithm| algorithm.name())))]
    algorithm: Vec<String>,

    /// So many sequences side by side
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = count(1 << 16))]
    batch: usize,

    /// Query heads
    #[arg(long, value_name = "H", default_value_t = 8, value_parser = count(1 << 16))]
    heads: usize,

    /// Key-value heads, each shared by as many query heads [default: as many as query heads]
    #[arg(long, value_name = "G", value_parser = count(1 << 16))]
    kv_heads: Option<usize>,

    /// Elements of a query, a key and a value
    #[arg(long, value_name = "D", default_value_t = 64, value_parser = count(1 << 16))]
    head_dim: usize,

    /// One length of the sequence, or MIN, twice MIN and so on and then MAX, as in `512..4K`
    #[arg(long, value_name = "MIN..MAX", default_value = "512..4096")]
    sequence: Sizes,

    /// Have only so many queries, the last of the sequence, as in decoding [default: as many as keys]
    #[arg(long, value_name = "Q", value_parser = count(1 << 32))]
    queries: Option<usize>,

    /// Let a query see only the keys up to its own place
    #[arg(long)]
    causal: bool,

    /// Also write what was measured to FILE.md, a table, and to FILE.svg, a plot
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// What the JSON says of the sizes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AttentionSizes {
    batch: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    /// The keys.
    pub(super) sequence: usize,
    /// Where they are fewer than keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    queries: Option<usize>,
    causal: bool,
}

impl Options {
    /// Measures and reports. True if no element was wrong.
    pub(super) fn run(&self, out: &mut dyn Write, pass: Pass) -> io::Result<bool> {
        let (dtype, threads) = (self.common.dtype.timed(), self.common.threads());
        let setting = |algorithm, keys| self.setting(algorithm, pass, keys, threads);
        // Sizes that make no sense make none without keys.
        if let Err(error) = (dtype.attention)(setting(Algorithm::Naive, 0)) {
            crate::refuse(error);
        }
        let bench = format!("attention{}", pass.suffix());
        let columns = Columns { size: ["sequence", "(tokens)"], speed: Speed::Flops };
        let mut report = Report::begin(out, &self.common, threads, &self.title(&bench), columns)?;
        let mut points: Vec<Point<AttentionSizes>> = Vec::new();
        for sequence in self.sequence.powers_of(2) {
            for &algorithm in Algorithm::ALL.iter().filter(|a| is_asked(&self.algorithm, a.name())) {
                let mut work = (dtype.attention)(setting(algorithm, sequence)).map_err(io::Error::other)?;
                let size = sequence.to_string();
                points.push(report.point(
                    &bench,
                    algorithm.name(),
                    self.sizes(sequence),
                    &size,
                    &mut *work,
                )?);
            }
        }
        let right = report.right;
        if let Some(path) = &self.record {
            record::write(path, &points)?;
        }
        Ok(right)
    }

    fn setting(&self, algorithm: Algorithm, pass: Pass, keys: usize, threads: Threads) -> Setting {
        let shape = Shape {
            batch: self.batch,
            heads: self.heads,
            kv_heads: self.kv_heads(),
            queries: self.queries.map_or(keys, |queries| queries.min(keys)),
            keys,
            head_dim: self.head_dim,
            value_dim: self.head_dim,
        };
        Setting { algorithm, pass, shape, causal: self.causal, threads }
    }

    fn kv_heads(&self) -> usize {
        self.kv_heads.unwrap_or(self.heads)
    }

    fn sizes(&self, sequence: usize) -> AttentionSizes {
        AttentionSizes {
            batch: self.batch,
            heads: self.heads,
            kv_heads: self.kv_heads(),
            head_dim: self.head_dim,
            sequence,
            queries: self.queries.filter(|&queries| queries < sequence),
            causal: self.causal,
        }
    }

    fn title(&self, bench: &str) -> String {
        let Options { batch, head_dim, .. } = self;
        let heads = heads(self.heads, self.kv_heads());
        let queries = self.queries.map_or(String::new(), |queries| format!(", the last {queries} queries"));
        let causal = if self.causal { ", causal" } else { "" };
        format!("{bench}: batch {batch}, {heads}, head dimension {head_dim}{queries}{causal}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &str) -> Options {
        let arguments = ["bench"].into_iter().chain(arguments.split_whitespace());
        Cli::try_parse_from(arguments).expect("good arguments").options
    }

    #[test]
    fn what_is_asked_for_is_what_is_computed() {
        let options = options("--batch 2 --heads 6 --kv-heads 3 --head-dim 5 --queries 7 --causal");
        let setting = |keys| options.setting(Algorithm::Flash, Pass::Backward, keys, Threads::ONE);
        let shape = Shape { batch: 2, heads: 6, kv_heads: 3, queries: 7, keys: 9, head_dim: 5, value_dim: 5 };
        assert_eq!((setting(9).shape, setting(9).pass, setting(9).causal), (shape, Pass::Backward, true));
        assert_eq!(setting(4).shape.queries, 4, "there are no more");
        assert_eq!((options.sizes(9).queries, options.sizes(7).queries), (Some(7), None));
        assert_eq!(
            options.title("attention"),
            "attention: batch 2, 6 heads on 3 of keys and values, head dimension 5, the last 7 queries, causal"
        );
    }

    #[test]
    fn without_a_word_every_head_has_keys_and_every_key_a_query() {
        let setting = options("").setting(Algorithm::Flash, Pass::Forward, 100, Threads::ONE);
        assert_eq!((setting.shape.kv_heads, setting.shape.queries, setting.causal), (8, 100, false));
    }
}
