//! Collectives: `operation/algorithm/P<ranks>/<dtype>/<bytes>`, for instance `all_reduce/ring/P2/f32/8192`,
//! or `barrier/central/P2` where there is nothing to carry.

use collectives::Element;
use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::gear::ladder;
use testkit::timed::size;

/// The type of the elements.
pub type Dtype = f32;

/// Numbers of ranks.
pub const RANKS: [usize; 2] = [2, 4];

/// Bytes of the whole array of a rank: the least message, one for the first cache, one for the second, and
/// beyond.
pub const BYTES: [usize; 4] = [8, 8 << 10, 512 << 10, 4 << 20];

/// One benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benchmark {
    /// The algorithm.
    pub choice: Choice,
    /// Ranks and lengths.
    pub case: Case,
    /// The size; none for a barrier.
    pub bytes: Option<usize>,
}

impl Benchmark {
    /// What follows the operation in its identifier.
    pub fn name(&self) -> String {
        let name = format!("{}/P{}", self.choice.name(), self.case.ranks);
        match self.bytes {
            Some(bytes) => format!("{name}/{}/{bytes}", Dtype::TYPE.name),
            None => name,
        }
    }
}

/// All benchmarks of an operation: every algorithm x ranks x sizes.
pub fn benchmarks(operation: Operation) -> Vec<Benchmark> {
    let mut benchmarks = Vec::new();
    for algorithm in ladder(operation) {
        for ranks in RANKS {
            for bytes in BYTES {
                let choice = Choice::Algorithm(algorithm);
                let case = size::case(operation, ranks, bytes, size_of::<Dtype>());
                let bytes = size::bytes(operation, &case, size_of::<Dtype>());
                benchmarks.push(Benchmark { choice, case, bytes });
            }
        }
    }
    benchmarks.dedup(); // A barrier has no sizes.
    benchmarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::gear::Gear;

    #[test]
    fn names() {
        let names = |operation| benchmarks(operation).iter().map(Benchmark::name).collect::<Vec<_>>();
        assert_eq!(names(Operation::Barrier)[..2], ["central/P2", "central/P4"]);
        let all_to_all = names(Operation::AllToAll);
        assert_eq!(all_to_all.len(), 4 * RANKS.len() * BYTES.len());
        assert_eq!(all_to_all[3..5], ["linear/P2/f32/4194304", "linear/P4/f32/16"]);
    }

    #[test]
    fn names_are_unique_and_every_algorithm_has_some() {
        for operation in Operation::ALL {
            let benchmarks = benchmarks(operation);
            let mut names: Vec<_> = benchmarks.iter().map(Benchmark::name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), benchmarks.len());
            assert!(ladder(operation).iter().all(|a| names.iter().any(|name| name.starts_with(a.name()))));
            assert!(benchmarks.iter().all(|benchmark| benchmark.choice.supports(&benchmark.case, true)));
        }
    }
}
