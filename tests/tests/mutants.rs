//! Planted mistakes: the suite must reject every one.

use testkit::mutants::Mutant;

/// One test a mistake, with the checks that find it.
macro_rules! rejected {
    ($($name:ident: $mutant:ident by $($check:literal),*;)*) => {
        $(#[test]
        fn $name() {
            let rejections = Mutant::$mutant.rejections();
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
    whole_tensor_ring: WholeTensorRing by "counts", "bits";
    chunks_rounded_up: ChunksRoundedUp by "counts";
    missing_last_step: MissingLastStep by "values", "mean", "counts", "provenance", "bits";
    send_then_receive: SendThenReceive by "ends", "ends", "counts";
    wrapped_doubling: WrappedDoubling by "values", "mean", "counts", "provenance", "order", "bits";
    mean_twice: MeanTwice by "mean";
    partner_order: PartnerOrder by "order";
    wrong_when_long: WrongWhenLong by "counts";
    round_short: RoundShort by "counts", "nobody early";
    butterfly_skips: ButterflySkips by "counts", "nobody early";
    no_release: NoRelease by "counts", "nobody early";
    stray_messages: StrayMessages by "ends", "ends", "provenance";
    root_ignored: RootIgnored by "values", "counts", "provenance";
    rotated_order: RotatedOrder by "counts", "order";
    next_block: NextBlock by "values", "mean", "counts", "order", "bits";
    not_turned_back: NotTurnedBack by "values", "provenance";
    strided: Strided by "values";
    from_the_root: FromTheRoot by "values", "provenance";
    not_transposed: NotTransposed by "values", "provenance";
    without_own: WithoutOwn by "values", "mean", "provenance", "order", "bits";
    with_own: WithOwn by "values", "mean", "provenance", "order", "bits";
    stored_at_home: StoredAtHome by "values", "mean", "provenance", "order", "bits";
    column_cut_short: ColumnCutShort by "values", "mean", "provenance", "order", "bits";
    finished_twice: FinishedTwice by "mean";
    column_without_own: ColumnWithoutOwn by "values", "mean", "provenance", "order", "bits";
    column_from_own: ColumnFromOwn by "order";
    blocks_as_read: BlocksAsRead by "values", "provenance";
    gathered_without_own: GatheredWithoutOwn by "values", "provenance";
    row_for_column: RowForColumn by "values", "provenance";
    loan_of_the_next: LoanOfTheNext by "values";
    exchanged_without_own: ExchangedWithoutOwn by "values", "provenance";
    lent_by_zero: LentByZero by "values", "counts", "provenance";
    root_looks_on: RootLooksOn by "values", "provenance";
    copy_cut_short: CopyCutShort by "values", "provenance";
}
