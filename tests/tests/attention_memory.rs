//! Memory: what flash takes besides inputs and outputs grows with the length, and not with its square.

use attention::{Algorithm, Mask, Options, Threads};
use ndarray::Array4;
use peak_alloc::PeakAlloc;
use testkit as _; // It has attention compiled: what is linked isn't compiled again.

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const THREADS: usize = 2;
const DIM: usize = 16;

/// Bytes that a call takes at its peak, besides what there was before, and its result.
fn extra<R>(call: impl FnOnce() -> R, result: impl FnOnce(&R) -> usize) -> usize {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let returned = call();
    let peak = HEAP.peak_usage();
    peak - before - result(&returned)
}

/// Peak extra memory of one causal head of f32, forward and backward.
fn measure(algorithm: Algorithm, length: usize) -> [usize; 2] {
    let tensor = |n: usize| {
        Array4::from_shape_fn((1, 1, length, DIM), |(.., t, d)| ((t * 7 + d * n) % 11) as f32 * 0.1)
    };
    let [q, k, v, gradient] = [1, 2, 3, 4].map(tensor);
    let options = Options::masked(Mask::causal()).threads(Threads::new(THREADS));
    let bytes = |elements: usize| elements * size_of::<f32>();
    let forward = || algorithm.forward(q.view(), k.view(), v.view(), &options).unwrap();
    let attended = forward();
    let of_forward = least(|| extra(forward, |attended| bytes(attended.output.len() + attended.lse.len())));
    let backward = || {
        let upstream = attended.upstream(gradient.view());
        algorithm.backward(q.view(), k.view(), v.view(), upstream, &options).unwrap()
    };
    let of_backward = least(|| extra(backward, |d| bytes(d.query.len() + d.key.len() + d.value.len())));
    [of_forward, of_backward]
}

/// The least of some calls: on a busy machine a thread of the pool may get its first work in any of them, and what it
/// then allocates it keeps for products to come.
fn least(call: impl Fn() -> usize) -> usize {
    (0..3).map(|_| call()).min().expect("there are three")
}

/// What flash may take for T queries and keys. A thread has room for tiles, of scores above all: (64, 128) of
/// f32 are 32 KiB. With T grow, forward, the interval of keys that the mask gives each query; backward, for
/// each thread, the queries and the gradients of the outputs in another order, two numbers for each query,
/// and gradients of the queries where a head is cut up among threads: twice D + E + 4 elements are enough for
/// all of that.
fn most(length: usize) -> [usize; 2] {
    let tiles = 256 << 10;
    let of_query = 2 * (DIM + DIM + 4) * size_of::<f32>();
    [THREADS * tiles + 64 * length, THREADS * (tiles + of_query * length)]
}

/// One test, so that nothing runs beside it: all threads of the process share a heap.
#[test]
fn flash_takes_memory_that_grows_with_the_length() {
    // The threads of the pool are there once.
    measure(Algorithm::Flash, 256);
    for length in [1024, 4096, 16_384] {
        let (taken, most) = (measure(Algorithm::Flash, length), most(length));
        println!("T = {length:5}: {taken:?} bytes forward and backward, of {most:?}");
        assert!(taken[0] <= most[0], "T = {length}: {} bytes forward, of {}", taken[0], most[0]);
        assert!(taken[1] <= most[1], "T = {length}: {} bytes backward, of {}", taken[1], most[1]);
    }
    // The scores alone, and backward their gradients, too: so they would have been seen.
    let scores = 1024 * 1024 * size_of::<f32>();
    let naive = measure(Algorithm::Naive, 1024);
    assert!(naive[0] >= scores && naive[1] >= 2 * scores, "{naive:?}");
    assert!(most(1024).iter().all(|&most| most < scores), "the bound is too lax to tell");
}
