//! Products, softmax and attention on one thread: size x algorithm. What is timed: see
//! `testkit::timed::arithmetic`. An *element* is a floating-point operation: `Gelem/s` are GFLOP/s.

use criterion::{Criterion, Throughput};
use gears_benches::arithmetic::{Benchmark, benchmarks};
use std::time::Duration;
use testkit::timed::arithmetic::{Amount, Work};

fn main() {
    // Short, so that the whole suite takes minutes: 10 samples in 0.3 s tell a change of 10%.
    let criterion = Criterion::default()
        .sample_size(10)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    let mut criterion = criterion.configure_from_args();
    for benchmarks in benchmarks().chunk_by(|a, b| a.group == b.group) {
        let mut group = criterion.benchmark_group(benchmarks[0].group);
        for Benchmark { name, amount, work, .. } in benchmarks {
            group.throughput(match *amount {
                Amount::Flops(flops) => Throughput::Elements(flops as u64),
                Amount::Bytes(bytes) => Throughput::Bytes(bytes as u64),
            });
            // Made, checked and run only if the name is asked for.
            let mut checked = None;
            group.bench_function(name, |bencher| {
                let work = checked.get_or_insert_with(|| check(name, work()));
                bencher.iter(|| work.call());
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

/// Nothing wrong is timed.
fn check(name: &str, mut work: Box<dyn Work>) -> Box<dyn Work> {
    let wrong = work.wrong();
    assert_eq!(wrong, 0, "{name}: wrong elements");
    work
}
