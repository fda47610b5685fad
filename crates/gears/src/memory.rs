//! How much memory a call needs: every allocation of the process is counted.
//!
//! It costs two operations on shared counters for each allocation, and nothing else: memory that is to be zeroed or
//! to grow is asked of the system as always. What is timed here allocates a few times a call.

use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The most bytes that are allocated at once while this runs, by any thread, besides those allocated before.
pub(crate) fn peak(call: impl FnOnce()) -> usize {
    ALLOCATOR.reset_peak_memory();
    call();
    ALLOCATOR.get_peak_memory()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// Other tests allocate meanwhile: so it may be more, but none of them nearly as much.
    #[test]
    fn the_most_at_once_counts() {
        const MB: usize = 1_000_000;
        let before = black_box(vec![1_u8; 300 * MB]);
        let peak = peak(|| {
            black_box(vec![0_u8; 200 * MB]);
            black_box(vec![0_u8; 100 * MB]);
        });
        drop(before);
        assert!((200 * MB..290 * MB).contains(&peak), "{peak}");
    }
}
