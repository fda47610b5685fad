//! Bytes kept for the backward pass, against the formulas.

use crate::case::{Case, Inputs, any_case, every_strategy};
use crate::outcome::{run_attention, run_block};
use parallel::tensor::BlockSizes;
use parallel::{Float, block, multi_head};
use proptest::prelude::*;

fn keeps_what_the_formulas_say<T: Float>(case: &Case) {
    let inputs = Inputs::<T>::of(case);
    let (shape, sizes) = ((case.batch, case.tokens), BlockSizes::of(&inputs.block));
    for (rank, outcome) in run_attention(case, &inputs).iter().enumerate() {
        let elements = multi_head::saved_elements(&case.sizes, shape, case.strategy, case.ranks, rank);
        assert_eq!(outcome.saved, size_of::<T>() * elements.unwrap(), "rank {rank} of {case:?}");
    }
    for (rank, outcome) in run_block(case, &inputs).iter().enumerate() {
        let elements = block::saved_elements(&sizes, shape, case.strategy, case.ranks, rank);
        assert_eq!(outcome.saved, size_of::<T>() * elements.unwrap(), "rank {rank} of {case:?}");
    }
}

#[test]
fn a_layer_keeps_what_its_formula_says() {
    for case in every_strategy() {
        keeps_what_the_formulas_say::<f32>(&case);
        keeps_what_the_formulas_say::<f64>(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_layer_keeps_what_its_formula_says(case in any_case()) {
        keeps_what_the_formulas_say::<f32>(&case);
    }
}

/// On one rank it is what the layers keep by themselves. Together, ranks keep what one would: each token
/// once. Along an axis of Ulysses they keep besides what the heads put out a second time, and keys of which
/// several have copies.
#[test]
fn ranks_keep_together_what_one_would() {
    for case in every_strategy() {
        let inputs = Inputs::<f64>::of(&case);
        let alone = inputs.block.forward(inputs.x.clone(), &inputs.call()).unwrap().1.bytes();
        let together: usize = run_block(&case, &inputs).iter().map(|outcome| outcome.saved).sum();
        let per_token = match case.line() {
            1 => 0,
            line => {
                let copies = line.saturating_sub(case.sizes.kv_heads);
                (case.sizes.heads + 2 * copies) * case.sizes.head_dim
            }
        };
        assert_eq!(together, alone + 8 * case.batch * case.tokens * per_token, "{case:?}");
    }
}
