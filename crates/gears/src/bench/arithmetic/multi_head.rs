//! Multi-head self-attention with its projections.

use super::common::{Common, count, heads, is_asked, names};
use super::report::Report;
use super::table::{Columns, Speed};
use crate::bench::sizes::Sizes;
use attention::Algorithm;
use layers::multi_head;
use matmul::Threads;
use serde::Serialize;
use std::io::{self, Write};
use testkit::timed::arithmetic::Pass;
use testkit::timed::arithmetic::multi_head::Setting;

/// Which layers to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Algorithms of the attention, with commas between; `all` of them, simplest first
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = "flash",
          value_parser = names(Algorithm::ALL.iter().map(|algorithm| algorithm.name())))]
    algorithm: Vec<String>,

    /// So many sequences side by side
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = count(1 << 16))]
    batch: usize,

    /// Elements of a token; the heads share them out
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = count(1 << 20))]
    dim: usize,

    /// Query heads
    #[arg(long, value_name = "H", default_value_t = 8, value_parser = count(1 << 16))]
    heads: usize,

    /// Key-value heads, each shared by as many query heads [default: as many as query heads]
    #[arg(long, value_name = "G", value_parser = count(1 << 16))]
    kv_heads: Option<usize>,

    /// One length of the sequence, or MIN, twice MIN and so on and then MAX, as in `512..4K`
    #[arg(long, value_name = "MIN..MAX", default_value = "256..2048")]
    sequence: Sizes,

    /// Let a token see only those up to itself
    #[arg(long)]
    causal: bool,

    #[command(flatten)]
    common: Common,
}

/// What the JSON says of the sizes.
#[derive(Clone, Debug, Serialize)]
struct LayerSizes {
    batch: usize,
    dim: usize,
    heads: usize,
    kv_heads: usize,
    sequence: usize,
    causal: bool,
}

impl Options {
    /// Measures and reports. True if no element was wrong.
    pub(super) fn run(&self, out: &mut dyn Write, pass: Pass) -> io::Result<bool> {
        let (dtype, threads) = (self.common.dtype.timed(), self.common.threads());
        let sizes = self.sizes().unwrap_or_else(|error| crate::refuse(error));
        let setting = |algorithm, sequence| self.setting(algorithm, pass, sizes, sequence, threads);
        // What makes no sense makes none without tokens.
        if let Err(error) = (dtype.multi_head)(setting(Algorithm::Naive, 0)) {
            crate::refuse(error);
        }
        let &Options { batch, dim, heads: query_heads, causal, .. } = self;
        let kv_heads = sizes.kv_heads;
        let bench = format!("mha{}", pass.suffix());
        let title = format!(
            "{bench}: batch {batch}, dimension {dim}, {}{}",
            heads(query_heads, kv_heads),
            if causal { ", causal" } else { "" }
        );
        let columns = Columns { size: ["sequence", "(tokens)"], speed: Speed::Flops };
        let mut report = Report::begin(out, &self.common, threads, &title, columns)?;
        for sequence in self.sequence.powers_of(2) {
            for &algorithm in Algorithm::ALL.iter().filter(|a| is_asked(&self.algorithm, a.name())) {
                let mut work = (dtype.multi_head)(setting(algorithm, sequence)).map_err(io::Error::other)?;
                let sizes = LayerSizes { batch, dim, heads: query_heads, kv_heads, sequence, causal };
                report.point(&bench, algorithm.name(), sizes, &sequence.to_string(), &mut *work)?;
            }
        }
        Ok(report.right)
    }

    fn sizes(&self) -> layers::Result<multi_head::Sizes> {
        let sizes = multi_head::Sizes::new(self.dim, self.heads)?;
        Ok(multi_head::Sizes { kv_heads: self.kv_heads.unwrap_or(self.heads), ..sizes })
    }

    fn setting(
        &self,
        algorithm: Algorithm,
        pass: Pass,
        sizes: multi_head::Sizes,
        sequence: usize,
        threads: Threads,
    ) -> Setting {
        let &Options { batch, causal, .. } = self;
        Setting { algorithm, pass, batch, sequence, sizes, causal, threads }
    }
}
