//! Attention across ranks of one thread: `operation/algorithm/P<ranks>/<dtype>/<tokens>`.
//!
//! ```text
//! ulysses/fused/P2/f32/2048                       the forward pass
//! ring/zigzag/P2/f32/2048
//! ulysses_ring/u2_zigzag/P4/f32/2048              a mesh with 2 ranks along the axis of Ulysses
//! all_gather_keys_training/zigzag/P4/f32/512      forward and backward
//! ```

use attention::{Algorithm, Shape, Threads};
use testkit::parallel::OnRanks;
use testkit::timed::arithmetic::Pass;
use testkit::timed::arithmetic::attention::Setting;
use testkit::timed::parallel::name::{Family, algorithm};

/// The type of the elements.
pub type Dtype = f32;

/// Numbers of ranks.
pub const RANKS: [usize; 2] = [2, 4];

/// Lengths of the sequence.
pub const LENGTHS: [usize; 2] = [512, 2048];

/// B, H and D: one head for each of eight ranks.
const HEADS: (usize, usize, usize) = (1, 8, 64);

/// One benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark {
    /// Strategy and ranks.
    pub on: OnRanks,
    /// What they compute.
    pub setting: Setting,
}

impl Benchmark {
    /// The operation.
    pub fn group(&self) -> String {
        format!("{}{}", Family::of(self.on.strategy).name(), self.setting.pass.suffix())
    }

    /// What follows it in its identifier.
    pub fn name(&self) -> String {
        let (algorithm, ranks, tokens) = (algorithm(&self.on), self.on.ranks, self.setting.shape.keys);
        format!("{algorithm}/P{ranks}/{}/{tokens}", <Dtype as simd::Float>::NAME)
    }
}

/// All benchmarks, those of an operation together.
pub fn benchmarks() -> Vec<Benchmark> {
    let mut benchmarks = Vec::new();
    for family in Family::ALL {
        for pass in [Pass::Forward, Pass::Training] {
            for ranks in RANKS {
                for on in family.choice(ranks) {
                    benchmarks.extend(LENGTHS.map(|tokens| Benchmark { on, setting: setting(pass, tokens) }));
                }
            }
        }
    }
    benchmarks
}

fn setting(pass: Pass, tokens: usize) -> Setting {
    let (batch, heads, head_dim) = HEADS;
    let shape =
        Shape { batch, heads, kv_heads: heads, queries: tokens, keys: tokens, head_dim, value_dim: head_dim };
    Setting { algorithm: Algorithm::Flash, pass, shape, causal: true, threads: Threads::ONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_operations_together() {
        let benchmarks = benchmarks();
        let mut names: Vec<String> =
            benchmarks.iter().map(|b| format!("{}/{}", b.group(), b.name())).collect();
        for name in [
            "ulysses/fused/P2/f32/2048",
            "ulysses_ring/u2_zigzag/P4/f32/2048",
            "all_gather_keys_training/zigzag/P4/f32/512",
        ] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let groups = benchmarks.chunk_by(|a, b| a.group() == b.group()).count();
        assert_eq!(groups, 2 * Family::ALL.len());
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
