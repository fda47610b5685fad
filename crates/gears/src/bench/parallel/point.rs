//! One measurement, and as an object of JSON.

use super::options::Options;
use crate::bench::time::{Micros, median_ratio, rounded};
use serde::Serialize;
use testkit::parallel::OnRanks;
use testkit::timed::arithmetic::attention::Setting;
use testkit::timed::parallel::Measured;
use testkit::timed::parallel::name::{Family, algorithm};

/// The fields are those of the JSON.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point {
    /// The operation.
    pub(super) bench: String,
    pub(super) algorithm: String,
    /// Of one thread each.
    pub(super) ranks: usize,
    pub(super) dtype: &'static str,
    pub(super) batch: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) sequence: usize,
    pub(super) causal: bool,
    pub(super) iterations: usize,
    pub(super) time_us: Micros,
    /// Of what has to be computed.
    pub(super) gflop_s: f64,
    /// One rank's time on one thread over that of the ranks, iteration by iteration.
    pub(super) speedup: f64,
    /// The same for one rank on as many threads as there are cores.
    pub(super) speedup_threads: f64,
    pub(super) threads: usize,
    pub(super) one_thread_us: f64,
    pub(super) threads_us: f64,
    /// Of a rank's time, in sends and receives.
    pub(super) communicating_pct: f64,
    /// By the busiest rank.
    pub(super) sent_bytes: usize,
    /// Wrong elements among those looked at.
    pub(super) wrong: usize,
}

impl Point {
    pub(super) fn new(
        options: &Options,
        on: OnRanks,
        setting: &Setting,
        dtype: &'static str,
        threads: usize,
        measured: &Measured,
    ) -> Self {
        let time_us = Micros::of(&measured.times);
        Self {
            bench: format!("{}{}", Family::of(on.strategy).name(), setting.pass.suffix()),
            algorithm: algorithm(&on),
            ranks: on.ranks,
            dtype,
            batch: options.batch,
            heads: options.heads,
            kv_heads: options.kv_heads(),
            head_dim: options.head_dim,
            sequence: setting.shape.keys,
            causal: options.causal,
            iterations: measured.times.len(),
            time_us,
            gflop_s: rounded(setting.flops() / time_us.median / 1e3),
            speedup: rounded(median_ratio(&measured.one_thread, &measured.times)),
            speedup_threads: rounded(median_ratio(&measured.threads, &measured.times)),
            threads,
            one_thread_us: Micros::of(&measured.one_thread).median,
            threads_us: Micros::of(&measured.threads).median,
            communicating_pct: rounded(100.0 * measured.communicating),
            sent_bytes: measured.sent,
            wrong: measured.wrong,
        }
    }
}
