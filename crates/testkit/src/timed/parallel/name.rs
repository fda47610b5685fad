//! What is measured, by name: `operation/algorithm`, as `ring/zigzag` or `ulysses_ring/u2_zigzag`.

use crate::parallel::OnRanks;
use ::parallel::{Exchange, Placement, Strategy};

/// Strategies of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// All-to-all, in one exchange or in several.
    Ulysses,
    /// By placement, one way or both.
    Ring,
    /// By placement.
    AllGatherKeys,
    /// By mesh, and as a ring.
    UlyssesRing,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 4] = [Family::Ulysses, Family::Ring, Family::AllGatherKeys, Family::UlyssesRing];

    /// The operation.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ulysses => "ulysses",
            Family::Ring => "ring",
            Family::AllGatherKeys => "all_gather_keys",
            Family::UlyssesRing => "ulysses_ring",
        }
    }

    /// That of a strategy.
    pub fn of(strategy: Strategy) -> Family {
        match strategy {
            Strategy::Ulysses => Family::Ulysses,
            Strategy::Ring { .. } => Family::Ring,
            Strategy::AllGather { .. } => Family::AllGatherKeys,
            Strategy::UlyssesRing { .. } => Family::UlyssesRing,
        }
    }

    /// All of this kind on so many ranks. Of meshes those with two axes of more than one rank, so there may be none.
    ///
    /// ```
    /// use testkit::timed::parallel::name::{Family, algorithm};
    ///
    /// let names: Vec<String> = Family::AllGatherKeys.ladder(4).iter().map(algorithm).collect();
    /// assert_eq!(names, ["contiguous", "striped", "zigzag"]);
    /// assert_eq!(algorithm(&Family::UlyssesRing.ladder(6)[2]), "u2_zigzag");
    /// ```
    pub fn ladder(self, ranks: usize) -> Vec<OnRanks> {
        let rings =
            || [false, true].into_iter().flat_map(|both| Placement::ALL.map(|placement| (placement, both)));
        let strategies: Vec<Strategy> = match self {
            Family::Ulysses => {
                let exchanges = [Exchange::Fused, Exchange::Separate];
                return exchanges
                    .map(|exchange| OnRanks { strategy: Strategy::Ulysses, exchange, ranks })
                    .into();
            }
            Family::Ring => rings().map(|(placement, both)| Strategy::Ring { placement, both }).collect(),
            Family::AllGatherKeys => Placement::ALL.map(|placement| Strategy::AllGather { placement }).into(),
            Family::UlyssesRing => (2..ranks)
                .filter(|&ulysses| ranks.is_multiple_of(ulysses))
                .flat_map(|ulysses| {
                    rings().map(move |(placement, both)| Strategy::UlyssesRing { ulysses, placement, both })
                })
                .collect(),
        };
        let fused = |strategy| OnRanks { strategy, exchange: Exchange::Fused, ranks };
        strategies.into_iter().map(fused).collect()
    }

    /// Those that one would use: in one exchange; zigzag, one way; every mesh.
    pub fn choice(self, ranks: usize) -> Vec<OnRanks> {
        let good = |on: &OnRanks| match on.strategy {
            Strategy::Ulysses => on.exchange == Exchange::Fused,
            Strategy::Ring { placement, both } | Strategy::UlyssesRing { placement, both, .. } => {
                placement == Placement::Zigzag && !both
            }
            Strategy::AllGather { placement } => placement == Placement::Zigzag,
        };
        self.ladder(ranks).into_iter().filter(good).collect()
    }
}

/// What follows the operation.
pub fn algorithm(on: &OnRanks) -> String {
    let ring = |placement: Placement, both: bool| {
        format!("{}{}", placement.name(), if both { "_both" } else { "" }) //
    };
    match on.strategy {
        Strategy::Ulysses => match on.exchange {
            Exchange::Fused => "fused".into(),
            Exchange::Separate => "separate".into(),
        },
        Strategy::Ring { placement, both } => ring(placement, both),
        Strategy::AllGather { placement } => placement.name().into(),
        Strategy::UlyssesRing { ulysses, placement, both } => format!("u{ulysses}_{}", ring(placement, both)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_a_name_of_its_own() {
        for ranks in 1..=12 {
            let all = || Family::ALL.into_iter().flat_map(move |family| family.ladder(ranks));
            let mut names: Vec<String> =
                all().map(|on| format!("{}/{}", Family::of(on.strategy).name(), algorithm(&on))).collect();
            names.sort_unstable();
            names.dedup();
            let meshes = (2..ranks).filter(|ulysses| ranks % ulysses == 0).count();
            assert_eq!((names.len(), all().count()), (11 + 6 * meshes, 11 + 6 * meshes));
            let chosen: usize = Family::ALL.map(|family| family.choice(ranks).len()).iter().sum();
            assert_eq!(chosen, 3 + meshes);
        }
    }
}
