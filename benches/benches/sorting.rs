//! Sorts on one rank: size x type x algorithm. What is timed: see `testkit::timed::sorting`. An *element* is a key. To
//! compare two of them, `gears bench sort` is better: it has them sort by turns.

use criterion::{Criterion, Throughput};
use gears_benches::sorting::{Benchmark, benchmarks};
use std::time::Duration;
use testkit::sorting::Pattern;

fn main() {
    // Short, so that the whole suite takes minutes: 10 samples in 0.3 s tell a change of 10%.
    let criterion = Criterion::default()
        .sample_size(10)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    let mut criterion = criterion.configure_from_args();
    let mut group = criterion.benchmark_group("sort");
    for benchmark in benchmarks() {
        let Benchmark { contender, dtype, length } = benchmark;
        group.throughput(Throughput::Elements(length as u64));
        // Checked only if the name is asked for.
        let mut wrong = None;
        group.bench_function(benchmark.name(), |bencher| {
            let wrong = *wrong.get_or_insert_with(|| (dtype.wrong)(Pattern::Random, length, contender));
            assert_eq!(wrong, 0, "{}: wrong keys", benchmark.name());
            bencher.iter_custom(|iterations| (dtype.laps)(Pattern::Random, length, contender, iterations));
        });
    }
    group.finish();
    criterion.final_summary();
}
