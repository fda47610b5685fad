//! Mistakes of attention across ranks: each is rejected, by these checks.

use super::*;
use testkit::parallel::mutants::Mutant::{self, *};

#[track_caller]
fn rejected(mutant: Mutant, checks: &[&str]) {
    let rejections = mutant.rejections(few());
    let by: Vec<_> = rejections.iter().map(|rejection| rejection.check).collect();
    assert_eq!(by, checks, "{rejections:#?}");
}

/// Six tokens, two for each of three ranks, in every mask.
fn few() -> &'static [Trial] {
    static TRIALS: LazyLock<Vec<Trial>> = LazyLock::new(|| {
        let case = |(n, mask)| {
            let (heads, kv_heads) = [(4, 2), (3, 1), (6, 3)][n % 3];
            let case = Case::new(6, 6).heads(1 + n % 2, heads, kv_heads).dims(3, 2).mask(mask);
            Trial::new(Case { dropout: (n % 4 == 1).then_some(0.25), seed: n as u64, ..case })
        };
        masks(6, 6).into_iter().enumerate().map(case).collect()
    });
    &TRIALS
}

#[test]
fn without_a_mistake_it_passes() {
    rejected(Healthy, &[]);
}

#[test]
fn local_positions() {
    rejected(LocalPositions, &["values", "precision", "key order", "poison", "dropout"]);
}

#[test]
fn merge_without_rescaling() {
    rejected(MergeWithoutRescaling, &["values", "precision", "gradients", "adjoint", "key order", "dropout"]);
}

/// long-context-attention 53.
#[test]
fn zigzag_forgotten() {
    rejected(
        ZigzagForgotten,
        &["values", "precision", "gradients", "adjoint", "key order", "poison", "dropout"],
    );
}

#[test]
fn stale_block() {
    rejected(StaleBlock, &["values", "precision", "gradients", "adjoint", "key order", "poison", "dropout"]);
}

#[test]
fn gradient_never_home() {
    rejected(GradientNeverHome, &["values", "precision", "gradients", "adjoint", "key order", "dropout"]);
}

#[test]
fn heads_shifted() {
    rejected(HeadsShifted, &["values", "precision", "head order", "poison", "dropout"]);
}

#[test]
fn sharers_not_summed() {
    rejected(SharersNotSummed, &["values", "precision", "gradients", "adjoint", "head order", "dropout"]);
}

#[test]
fn no_mistake_is_missing_here() {
    let source: String = include_str!("mutants.rs").split_whitespace().collect();
    for mutant in Mutant::ALL {
        assert!(source.contains(&format!("rejected({mutant:?},")), "{mutant:?} has no test");
    }
}
