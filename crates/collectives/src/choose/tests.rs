//! How rows are looked up, on rows made for it; and that the measured ones are sound.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Quick,
    Lending,
    Reordering,
    Folding,
    Plain,
}

use Way::*;

impl Ladder for Way {
    const MEASURED: &'static [Row<Self>] = &[
        Row {
            ranks: 2,
            oversubscribed: false,
            steps: &[(0, &[Plain]), (100, &[Lending, Reordering, Folding, Plain]), (9000, &[Folding])],
        },
        Row { ranks: 4, oversubscribed: true, steps: &[(0, &[Plain]), (9000, &[Folding])] },
        Row { ranks: 16, oversubscribed: true, steps: &[(0, &[Quick])] },
        Row { ranks: 64, oversubscribed: true, steps: &[(0, &[Folding, Plain])] },
    ];
    const FEW_ROUNDS: &'static [Self] = &[Quick];

    fn limits(self) -> Limits {
        Limits { lends: self == Lending, reorders: self == Reordering, folds: self == Folding }
    }
}

const TWO: Setting = Setting { ranks: 2, oversubscribed: false, lends: true };

#[test]
fn the_last_step_that_begins_at_the_size_or_below() {
    let at = |bytes| TWO.pick::<Way>(bytes, true);
    assert_eq!(
        [0, 99, 100, 8999, 9000, usize::MAX].map(at),
        [Plain, Plain, Lending, Lending, Folding, Folding]
    );
}

#[test]
fn what_cannot_be_used_falls_through() {
    let messages = Setting { lends: false, ..TWO };
    assert_eq!(TWO.pick::<Way>(100, false), Lending);
    assert_eq!(messages.pick::<Way>(100, true), Reordering);
    assert_eq!(messages.pick::<Way>(100, false), Folding);
    // Three ranks are nearer to four than to two. There it folds; but if nothing else is listed, that works, too.
    let three = Setting { ranks: 3, ..messages };
    assert_eq!(three.pick::<Way>(SHORT, false), Plain);
    assert_eq!(three.pick::<Way>(9000, false), Folding);
}

#[test]
fn the_nearest_number_of_ranks() {
    let shared = |ranks| Setting { ranks, oversubscribed: true, lends: true }.pick::<Way>(0, true);
    // 8 is as near to 4 as to 16.
    let expected = [(1, Plain), (2, Plain), (5, Plain), (8, Plain), (9, Quick), (16, Quick), (32, Quick)];
    for (ranks, way) in expected {
        assert_eq!(shared(ranks), way, "{ranks} ranks");
    }
    assert_eq!([33, 64, 1000].map(shared), [Plain, Folding, Plain]);
}

#[test]
fn more_ranks_than_were_measured_with_a_core_each() {
    let many = Setting { ranks: 3, ..TWO };
    assert_eq!(many.pick::<Way>(SHORT - 1, true), Quick);
    // Nearer to 4 that share cores than to 2 that don't.
    assert_eq!(many.pick::<Way>(SHORT, true), Plain);
    let one = Setting { ranks: 1, ..TWO };
    assert_eq!(one.pick::<Way>(0, true), Plain);
}

fn is_sound<A: Ladder>() {
    let keys: Vec<_> = A::MEASURED.iter().map(|row| (row.oversubscribed, row.ranks)).collect();
    assert!(!keys.is_empty() && keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    let works = |list: &[A]| list.iter().any(|a| !a.limits().lends && !a.limits().reorders);
    assert!(works(A::FEW_ROUNDS));
    for row in A::MEASURED {
        assert_eq!(row.steps[0].0, 0);
        assert!(row.steps.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(row.steps.iter().all(|(_, list)| works(list)));
    }
}

#[test]
fn the_measured_rows_are_sound() {
    is_sound::<Barrier>();
    is_sound::<Broadcast>();
    is_sound::<Reduce>();
    is_sound::<AllReduce>();
    is_sound::<Gather>();
    is_sound::<Scatter>();
    is_sound::<AllGather>();
    is_sound::<ReduceScatter>();
    is_sound::<AllToAll>();
    is_sound::<Scan>();
    is_sound::<ExclusiveScan>();
    // Only for powers of two, which `choose` isn't asked about.
    assert!(
        Barrier::MEASURED.iter().all(|row| row.steps.iter().all(|(_, l)| !l.contains(&Barrier::Butterfly)))
    );
}
