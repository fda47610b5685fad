//! Attention across ranks of one thread each: strategy x ranks x tokens. What is timed: see
//! `testkit::timed::parallel`. An *element* is a floating-point operation: `Gelem/s` are GFLOP/s. With more ranks
//! than cores the ranks take turns.

use criterion::{Criterion, Throughput};
use gears_benches::parallel::{Benchmark, Dtype, benchmarks};
use std::time::Duration;
use testkit::timed::arithmetic::attention::Attention;
use testkit::timed::parallel::{Measured, measure};
use testkit::timed::start::Repeat;

fn main() {
    // Short, so that the whole suite takes minutes: 10 samples in 0.3 s tell a change of 10%.
    let criterion = Criterion::default()
        .sample_size(10)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    let mut criterion = criterion.configure_from_args();
    for benchmarks in benchmarks().chunk_by(|a, b| a.group() == b.group()) {
        let mut group = criterion.benchmark_group(benchmarks[0].group());
        for benchmark in benchmarks {
            group.throughput(Throughput::Elements(benchmark.setting.flops() as u64));
            // Made and run only if the name is asked for.
            let mut whole = None;
            group.bench_function(benchmark.name(), |bencher| {
                let whole =
                    whole.get_or_insert_with(|| Attention::new(benchmark.setting).expect("good sizes"));
                bencher.iter_custom(|iterations| time(benchmark, whole, iterations as usize));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

/// The time of so many iterations, in a world of their own, after a checked one.
fn time(benchmark: &Benchmark, whole: &Attention<Dtype>, iterations: usize) -> Duration {
    match measure(whole, benchmark.on, None, Repeat::times(iterations)) {
        Ok(Measured { wrong: 0, times, .. }) => times.iter().sum(),
        Ok(Measured { wrong, .. }) => panic!("{benchmark:?}: {wrong} wrong elements"),
        Err(error) => panic!("{benchmark:?}: {error}"),
    }
}
