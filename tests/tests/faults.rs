//! One rank misbehaves, in every way, in every algorithm: every rank returns, with an error that names it, and the
//! next world works. The counts are printed with `--nocapture`.

use testkit::case::Operation;
use testkit::faults::matrix::Row;
use testkit::gear::ladder;

fn every_harm(operation: Operation) {
    for algorithm in ladder(operation) {
        let row = Row::of(algorithm, &[2, 3, 4, 7]);
        assert!(row.objections.is_empty(), "{:#?}", row.objections);
        // Every kind of harm that there is for the operation was tried, on each of 16 victims at least once.
        for (kind, cell) in &row.cells {
            assert!(cell.trials() >= 6, "{algorithm:?} {kind}: {cell:?}");
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
