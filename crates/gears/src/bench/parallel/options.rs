//! The options of attention across ranks, and what they come to.

use crate::bench::arithmetic::common::{Dtype, count, is_asked};
use crate::bench::sizes::Sizes;
use attention::{Algorithm, Shape};
use matmul::Threads;
use parallel::strategy;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;
use testkit::parallel::OnRanks;
use testkit::timed::arithmetic::Pass;
use testkit::timed::arithmetic::attention::Setting;
use testkit::timed::parallel::name::{Family, algorithm};
use testkit::timed::start::Repeat;

/// Which attentions to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Numbers of ranks with commas between (1 to 64), each a thread
    #[arg(long, value_name = "P,..", value_delimiter = ',', default_values_t = [2], value_parser = count(64))]
    ranks: Vec<usize>,

    /// Algorithms with commas between; `all` of the operation's; or `auto`: in one exchange, zigzag, every mesh
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = AUTO)]
    algorithm: Vec<String>,

    /// So many sequences side by side
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = count(1 << 16))]
    pub(super) batch: usize,

    /// Query heads
    #[arg(long, value_name = "H", default_value_t = 8, value_parser = count(1 << 16))]
    pub(super) heads: usize,

    /// Key-value heads, each shared by as many query heads [default: as many as query heads]
    #[arg(long, value_name = "G", value_parser = count(1 << 16))]
    kv_heads: Option<usize>,

    /// Elements of a query, a key and a value
    #[arg(long, value_name = "D", default_value_t = 64, value_parser = count(1 << 16))]
    pub(super) head_dim: usize,

    /// One length of the sequence, or MIN, twice MIN and so on and then MAX, as in `512..4K`
    #[arg(long, value_name = "MIN..MAX", default_value = "512..4096")]
    sequence: Sizes,

    /// Let a token see only those up to itself
    #[arg(long)]
    pub(super) causal: bool,

    /// The type of the elements
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub(super) dtype: Dtype,

    /// Also write what was measured to FILE.md, a table, and to FILE.svg, a plot
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,

    /// Time each point N times, instead of for half a second
    #[arg(long, value_name = "N", value_parser = count(1_000_000))]
    iterations: Option<usize>,

    /// Print one object of JSON a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Stands for what one would use.
const AUTO: &str = "auto";

/// What is measured, in order, and what isn't because it doesn't fit.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) points: Vec<OnRanks>,
    pub(super) skipped: Vec<String>,
}

impl Options {
    /// What is measured at each length. An error, to be shown, if there is nothing.
    pub(super) fn plan(&self, families: &[Family]) -> Result<Plan, String> {
        let all = || self.ranks.iter().flat_map(|&ranks| families.iter().flat_map(move |f| f.ladder(ranks)));
        let mut known: Vec<String> = all().map(|on| algorithm(&on)).collect();
        known.sort_unstable();
        known.dedup();
        let is_known = |name: &String| name == "all" || name == AUTO || known.contains(name);
        if let Some(name) = self.algorithm.iter().find(|name| !is_known(name)) {
            return Err(format!(
                "there is no algorithm `{name}` here, but: {AUTO}, all, {}",
                known.join(", ")
            ));
        }
        let mut plan = Plan { points: Vec::new(), skipped: Vec::new() };
        for &ranks in &self.ranks {
            for family in families {
                let chosen = family.choice(ranks);
                let asked = |on: &OnRanks| {
                    is_asked(&self.algorithm, &algorithm(on))
                        || (self.algorithm.iter().any(|name| name == AUTO) && chosen.contains(on))
                };
                if family.ladder(ranks).is_empty() {
                    let name = family.name();
                    plan.skipped.push(format!("{name} is skipped: {ranks} ranks aren't a mesh of two axes"));
                }
                for on in family.ladder(ranks).into_iter().filter(asked) {
                    match on.strategy.cost(&self.sizes(), ranks, 0) {
                        Ok(_) => plan.points.push(on),
                        Err(error) => {
                            let (name, algorithm) = (family.name(), algorithm(&on));
                            plan.skipped.push(format!("{name} {algorithm} is skipped: {error}"));
                        }
                    }
                }
            }
        }
        match plan.points.is_empty() {
            true => Err(plan.skipped.join("\n")),
            false => Ok(plan),
        }
    }

    /// What one rank computes.
    pub(super) fn setting(&self, pass: Pass, tokens: usize) -> Setting {
        let shape = Shape {
            batch: self.batch,
            heads: self.heads,
            kv_heads: self.kv_heads(),
            queries: tokens,
            keys: tokens,
            head_dim: self.head_dim,
            value_dim: self.head_dim,
        };
        Setting { algorithm: Algorithm::Flash, pass, shape, causal: self.causal, threads: Threads::ONE }
    }

    pub(super) fn kv_heads(&self) -> usize {
        self.kv_heads.unwrap_or(self.heads)
    }

    pub(super) fn sequence(&self) -> impl Iterator<Item = usize> {
        self.sequence.powers_of(2)
    }

    /// The greatest number of ranks.
    pub(super) fn most_ranks(&self) -> usize {
        self.ranks.iter().copied().max().unwrap_or(1)
    }

    /// How often each point is measured.
    pub(super) fn repeat(&self) -> Repeat {
        match self.iterations {
            Some(times) => Repeat::times(times),
            None => Repeat { warm_up: 2, at_least: 5, budget: Duration::from_millis(500), at_most: 1000 },
        }
    }

    /// Whether a strategy fits doesn't depend on the tokens.
    fn sizes(&self) -> strategy::Sizes {
        let &Options { batch, heads, head_dim, .. } = self;
        strategy::Sizes { batch, tokens: 0, heads, kv_heads: self.kv_heads(), head_dim }
    }
}

/// Of this machine; 1 if that can't be known.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
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

    fn plan(arguments: &str, families: &[Family]) -> Result<Vec<String>, String> {
        let arguments = ["bench"].into_iter().chain(arguments.split_whitespace());
        let options = Cli::try_parse_from(arguments).expect("good arguments").options;
        let name = |on: &OnRanks| format!("{}/P{}", algorithm(on), on.ranks);
        Ok(options.plan(families)?.points.iter().map(name).collect())
    }

    #[test]
    fn algorithms_by_name() {
        let ulysses = |arguments| plan(arguments, &[Family::Ulysses]).expect("some");
        assert_eq!(ulysses(""), ["fused/P2"]);
        assert_eq!(
            ulysses("--algorithm all --ranks 2,3"),
            ["fused/P2", "separate/P2", "fused/P3", "separate/P3"]
        );
        assert_eq!(ulysses("--algorithm separate"), ["separate/P2"]);
        let ring = |arguments| plan(arguments, &[Family::Ring]).expect("some");
        assert_eq!(ring("--ranks 9 --heads 2"), ["zigzag/P9"]);
        assert_eq!(ring("--algorithm auto,striped_both"), ["zigzag/P2", "striped_both/P2"]);
        let meshes = plan("--ranks 12", &[Family::UlyssesRing]).expect("some");
        assert_eq!(meshes, ["u2_zigzag/P12", "u3_zigzag/P12", "u4_zigzag/P12", "u6_zigzag/P12"]);
        let all = plan("--ranks 2,4", &Family::ALL).expect("some");
        assert_eq!(all.len(), 3 + 4);
    }

    #[test]
    fn mistakes_are_answered_with_what_would_be_right() {
        let says = |arguments: &str, families: &[Family], part: &str| {
            let message = plan(arguments, families).expect_err("a mistake");
            assert!(message.contains(part), "{message}");
        };
        says(
            "--algorithm rign",
            &[Family::Ring],
            "there is no algorithm `rign` here, but: auto, all, contiguous, ",
        );
        says("--ranks 9", &[Family::Ulysses], "8 query heads can't be shared out among 9 ranks");
        says("--ranks 5", &[Family::UlyssesRing], "5 ranks aren't a mesh of two axes");
        says("--kv-heads 3", &[Family::Ring], "a multiple of the 3 key-value heads was expected");
    }
}
