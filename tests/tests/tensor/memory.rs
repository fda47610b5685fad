//! Bytes kept for the backward pass, against the formula of Korthikanti et al. (2022).

use crate::case::{Case, Inputs, Masked, Way, any_case, some_cases};
use crate::outcome::run;
use layers::multi_head::Sizes;
use parallel::Float;
use parallel::tensor::{BlockSizes, Edges, Keep, memory::Terms};
use proptest::prelude::*;

fn keeps_what_the_formula_says<T: Float>(case: &Case) -> Result<(), TestCaseError> {
    let inputs = Inputs::<T>::of(case);
    let sizes = BlockSizes::of(&inputs.block);
    for (rank, outcome) in run(case, &inputs).iter().enumerate() {
        let shape = (case.batch, case.tokens);
        let elements = sizes.saved_elements(shape, case.edges(), case.ranks, rank).unwrap();
        prop_assert_eq!(outcome.saved, size_of::<T>() * elements, "rank {} of {:?}", rank, case);
    }
    Ok(())
}

#[test]
fn a_block_keeps_what_its_formula_says() {
    for case in some_cases() {
        keeps_what_the_formula_says::<f32>(&case).unwrap();
        keeps_what_the_formula_says::<f64>(&case).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_block_keeps_what_its_formula_says(case in any_case()) {
        keeps_what_the_formula_says::<f32>(&case)?;
    }
}

/// The paper's block: G = H, D = h / a, an MLP of 4h, LayerNorms.
fn paper(s: usize, b: usize, h: usize, a: usize, t: usize, way: Way) -> Case {
    Case {
        ranks: t,
        way,
        batch: b,
        tokens: s,
        sizes: Sizes { dim: h, heads: a, kv_heads: a, head_dim: h / a },
        hidden: 4 * h,
        gated: false,
        biases: true,
        fused: true,
        turned: false,
        masked: Masked::Causal,
        seed: 1,
    }
}

/// Theirs for w bytes, sbh(16w + 2) + as²b(2w + 1) on one rank, with its parts over t as they say; ours is
/// that without masks of dropouts (2sbh, as²b) and shares (2w as²b), with lse (w asb) and the norms'
/// statistics (4w sb).
#[test]
fn korthikantis_formula_for_f32() {
    const W: usize = 4;
    let (s, b, h, a) = (8, 3, 16, 4);
    for t in [1, 2, 4] {
        // Of 16w, tensor parallel leaves 4w whole and cuts up 12w; masks of dropouts (2) it leaves.
        let theirs = |sequence: bool| match sequence {
            false => s * b * h * (4 * W + 2) + s * b * h * 12 * W / t + (2 * W + 1) * a * s * s * b / t,
            true => s * b * h * (16 * W + 2) / t + (2 * W + 1) * a * s * s * b / t,
        };
        for (way, sequence) in [(Way::Tensor, false), (Way::Sequence, true)] {
            let outside = if sequence { t } else { 1 };
            let masks = 2 * s * b * h / outside;
            let shares = (2 * W + 1) * a * s * s * b / t;
            let lse = W * a * s * b / t;
            let statistics = 4 * W * s * b / outside;
            let ours = theirs(sequence) - masks - shares + lse + statistics;
            let case = paper(s, b, h, a, t, way);
            for outcome in run(&case, &Inputs::<f32>::of(&case)) {
                assert_eq!(outcome.saved, ours, "{way:?}, t = {t}");
            }
        }
    }
    // Theirs for 2 bytes, as they write it.
    let (w, sbh, as2b) = (2, s * b * h, a * s * s * b);
    assert_eq!(sbh * (16 * w + 2) + as2b * (2 * w + 1), 34 * sbh + 5 * as2b);
}

/// Together t ranks keep what one rank would, if they keep shards; and each less than one that keeps the
/// whole.
#[test]
fn sequence_parallel_keeps_everything_once() {
    let (s, b, h, a) = (12, 2, 12, 6);
    let saved = |t, way| -> usize {
        let case = paper(s, b, h, a, t, way);
        run(&case, &Inputs::<f64>::of(&case)).iter().map(|outcome| outcome.saved).sum()
    };
    for t in 1..=6 {
        assert_eq!(saved(t, Way::Sequence), saved(1, Way::Sequence), "{t} ranks");
        let whole = 2 * (t - 1) * s * b * h * 8; // the inputs of two layers, on the others too
        assert_eq!(saved(t, Way::SequenceWhole), saved(1, Way::Sequence) + whole, "{t} ranks");
        let norms = (t - 1) * s * b * (2 * h + 4) * 8; // and those of two norms, with their statistics
        assert_eq!(saved(t, Way::Tensor), saved(1, Way::Sequence) + whole + norms, "{t} ranks");
    }
}

/// A model that nobody would compute here: GPT-3's block on 8 ranks, where the paper's Table 2 applies.
#[test]
fn gpt_3() {
    let (s, b, h, a, t) = (2048, 1, 12_288, 96, 8);
    let attention = Sizes { dim: h, heads: a, kv_heads: a, head_dim: h / a };
    let block = BlockSizes { attention, hidden: 4 * h, gated: false, centred: true, biases: true };
    let edges = Edges::GatherScatter { tokens: s, keep: Keep::Shard };
    let terms = Terms::of(&block, (b, s), edges, t, 3).unwrap();
    let sbh = s * b * h;
    assert_eq!((terms.inputs, terms.entered, terms.projected), (2 * sbh / t, 2 * sbh / t, 3 * sbh / t));
    assert_eq!((terms.attended, terms.hidden), (sbh / t, 8 * sbh / t));
    assert_eq!((terms.lse, terms.statistics), (a * s * b / t, 4 * s * b / t));
}
