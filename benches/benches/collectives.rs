//! Every collective: ranks x size x algorithm.
//!
//! A benchmark's ranks live in one world a sample, so that starting threads isn't timed. What is: see
//! `testkit::timed`.

use criterion::{Criterion, Throughput};
use gears_benches::collectives::{Benchmark, Dtype, benchmarks};
use std::time::Duration;
use testkit::case::Operation;
use testkit::timed::start::Repeat;
use testkit::timed::{Measured, measure};

fn main() {
    // Short, so that the whole suite takes minutes: 10 samples in 0.3 s tell a change of 10%.
    let criterion = Criterion::default()
        .sample_size(10)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    let mut criterion = criterion.configure_from_args();
    for operation in Operation::ALL {
        collective(&mut criterion, operation);
    }
    criterion.final_summary();
}

fn collective(criterion: &mut Criterion, operation: Operation) {
    let mut group = criterion.benchmark_group(operation.name());
    for benchmark in benchmarks(operation) {
        if let Some(bytes) = benchmark.bytes {
            group.throughput(Throughput::Bytes(bytes as u64));
        }
        // Only run if the name is asked for.
        group.bench_function(benchmark.name(), |bencher| {
            bencher.iter_custom(|iterations| time(&benchmark, iterations as usize));
        });
    }
    group.finish();
}

/// The time of so many calls, by as many laps in a world of their own, after a checked call.
fn time(benchmark: &Benchmark, iterations: usize) -> Duration {
    match measure::<Dtype>(benchmark.choice, &benchmark.case, Repeat::times(iterations)) {
        // A short call's lap is a batch of them.
        Ok(Measured { wrong: 0, batch, times }) => times.iter().sum::<Duration>() / batch as u32,
        Ok(Measured { wrong, .. }) => panic!("{benchmark:?}: {wrong} wrong elements"),
        Err(error) => panic!("{benchmark:?}: {error}"),
    }
}
