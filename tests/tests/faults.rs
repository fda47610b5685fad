//! One rank misbehaves, in every way, in every algorithm: every rank returns, with an error that names it, and the
//! next world works. The counts are printed with `--nocapture`.

use testkit::case::{Case, Operation};
use testkit::choice::Choice;
use testkit::faults::Harm;
use testkit::faults::matrix::Row;
use testkit::gear::ladder;

const RANKS: [usize; 4] = [2, 3, 4, 7];

fn every_harm(operation: Operation) {
    for algorithm in ladder(operation) {
        let row = Row::of(algorithm, &RANKS);
        assert!(row.objections.is_empty(), "{:#?}", row.objections);
        let has = |kind: &&str| match *kind {
            "root" => operation.has_root(),
            "redop" => operation.reduces(),
            _ => true,
        };
        let mut kinds: Vec<&str> = Harm::KINDS.into_iter().filter(has).collect();
        kinds.sort_unstable();
        assert!(row.cells.keys().eq(&kinds), "{algorithm:?}: {:?} were tried", row.cells.keys());
        // On each victim: with buffers short, longer, and lent.
        let victims: usize = (RANKS.iter())
            .filter(|&&ranks| Choice::Algorithm(algorithm).supports(&Case::new(ranks, 3), true))
            .sum();
        for (kind, cell) in &row.cells {
            assert!(cell.trials() >= 3 * victims, "{algorithm:?} {kind}: {cell:?}");
        }
        let trials: usize = row.cells.values().map(|cell| cell.trials()).sum();
        println!("{algorithm:?}: {trials} trials, the longest {:?}", row.slowest);
    }
}

macro_rules! every_harm {
    ($($name:ident: $operation:ident;)*) => {$(
        #[test]
        fn $name() {
            every_harm(Operation::$operation);
        }
    )*};
}

every_harm! {
    barrier: Barrier;
    broadcast: Broadcast;
    reduce: Reduce;
    all_gather: AllGather;
    reduce_scatter: ReduceScatter;
    all_reduce: AllReduce;
    all_to_all: AllToAll;
    gather: Gather;
    scatter: Scatter;
    scan: Scan;
    exclusive_scan: ExclusiveScan;
}
