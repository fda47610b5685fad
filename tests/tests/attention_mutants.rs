//! Planted mistakes: the suite must reject every one, and by the checks that are made for it.

use std::sync::LazyLock;
use testkit::attention::Trial;
use testkit::attention::cases::few;
use testkit::attention::mutants::Mutant;

/// One test a mistake, with the checks that find it.
macro_rules! rejected {
    ($($name:ident: $mutant:ident by $($check:literal),*;)*) => {
        $(#[test]
        fn $name() {
            let rejections = Mutant::$mutant.rejections(trials());
            let checks: Vec<_> = rejections.iter().map(|rejection| rejection.check).collect();
            assert_eq!(checks, [$($check),*], "{rejections:#?}");
        })*

        #[test]
        fn no_mutant_is_missing_here() {
            let tested = [$(Mutant::$mutant),*];
            assert_eq!(tested, Mutant::ALL);
        }
    };
}

rejected! {
    no_maximum: NoMaximum by "values", "precision", "parts";
    lse_without_maximum: LseWithoutMaximum by "values", "precision", "gradients", "adjoint", "shift", "parts";
    merge_without_rescaling: MergeWithoutRescaling by "values", "precision", "gradients", "adjoint", "key order", "parts";
    sigmoid_merge: SigmoidMerge by "values", "precision", "gradients", "adjoint", "key order", "parts", "dropout";
    masked_row_is_nan: MaskedRowIsNan by "values", "precision", "gradients", "adjoint";
    sloppy_exponential: SloppyExponential by "precision";
    single_precision: SinglePrecision by "values", "gradients", "adjoint", "shift", "parts";
    scale_twice: ScaleTwice by "values", "precision", "gradients", "adjoint", "parts";
    bias_scaled: BiasScaled by "values", "precision", "shift", "parts";
    signed_distance: SignedDistance by "values", "precision", "shift", "key order", "parts";
    mask_after_softmax: MaskAfterSoftmax by "values", "precision", "gradients", "adjoint", "parts", "poison";
    causal_off_by_one: CausalOffByOne by "values", "precision", "parts";
    window_off_by_one: WindowOffByOne by "values", "precision", "parts", "poison";
    offset_forgotten: OffsetForgotten by "values", "precision", "parts";
    positions_not_restarted: PositionsNotRestarted by "values", "precision", "shift", "parts";
    zero_times_nan: ZeroTimesNan by "poison";
    mask_of_first_head: MaskOfFirstHead by "values", "precision", "head order", "parts", "poison";
    tail_forgotten: TailForgotten by "values", "precision", "key order", "parts";
    interleaved_heads: InterleavedHeads by "values", "precision", "head order", "parts", "poison", "dropout";
    stale_cache_row: StaleCacheRow by "values", "precision", "gradients", "adjoint", "key order", "parts", "poison";
    strides_ignored: StridesIgnored by "key order", "head order", "parts", "strides";
    threads_matter: ThreadsMatter by "bits";
    delta_forgotten: DeltaForgotten by "values", "precision", "gradients", "adjoint", "parts", "dropout";
    lse_ignored: LseIgnored by "parts";
    output_ignored: OutputIgnored by "parts";
    group_not_summed: GroupNotSummed by "values", "precision", "gradients", "adjoint", "head order", "parts", "dropout";
    key_scale_forgotten: KeyScaleForgotten by "values", "precision", "gradients", "adjoint", "parts";
    dropped_anew: DroppedAnew by "values", "precision", "gradients", "adjoint", "parts", "dropout";
    kept_not_scaled: KeptNotScaled by "values", "precision", "parts", "dropout";
    normalised_after_dropping: NormalisedAfterDropping by "values", "precision", "gradients", "adjoint", "parts", "dropout";
    dropped_columns: DroppedColumns by "values", "precision", "parts", "dropout";
    dropped_by_part: DroppedByPart by "parts";
}

fn trials() -> &'static [Trial] {
    static TRIALS: LazyLock<Vec<Trial>> = LazyLock::new(|| few().into_iter().map(Trial::new).collect());
    &TRIALS
}

/// So it is the mistakes that are rejected, and not the body in which they are planted.
#[test]
fn without_a_mistake_it_passes() {
    let rejections = Mutant::Healthy.rejections(trials());
    assert!(rejections.is_empty(), "{rejections:#?}");
}
