//! Short calls, many in a lap.
//!
//! A barrier takes two tenths of a microsecond: to read the clock takes a tenth of that, and to notice the start
//! another. By itself it can't be timed. So a lap is a *batch* of K calls back to back, and its time is over K. Each
//! call has buffers of its own, for which the rule is the same as for one: all of them have just been rewritten.
//!
//! ```text
//! rewrite 0 1 2 ... K-1   │ wait │▓ call 0 ▓│▓ call 1 ▓│ ... │▓ call K-1 ▓│
//!                                │◄────────────── the lap ──────────────►│
//! ```
//!
//! What a batch has rewritten should still lie in the core's own cache when its call comes, so K shrinks as sizes
//! grow, and from 256 KiB on a lap is a single call. A call in a batch finds its peers as the call before left them:
//! a rank that is done early, the root of a broadcast for instance, goes on to the next, as it would in a program.

/// No more calls than these in a batch, ...
const MOST: usize = 64;
/// ... nor bytes: half of a small second-level cache, since some operations have two buffers.
const BYTES: usize = 256 << 10;

/// Where buffers begin: at a cache line that is theirs, and so is the next, which processors like to fetch with it.
const ALIGNMENT: usize = 128;

/// K, for calls of so many bytes; of calls that carry none, for a barrier.
pub fn calls(bytes: Option<usize>) -> usize {
    let fit = bytes.map_or(MOST, |bytes| BYTES / Ord::max(bytes, 1));
    fit.clamp(1, MOST)
}

/// The K buffers of a batch, no two of which share a cache line.
#[derive(Debug)]
pub struct Rows<T> {
    /// All of them, and room to align the first.
    store: Vec<T>,
    first: usize,
    /// From one to the next.
    stride: usize,
    length: usize,
}

impl<T: Copy> Rows<T> {
    /// So many buffers of `length` elements, all `value`.
    pub fn new(rows: usize, length: usize, value: T) -> Self {
        let unit = Ord::max(ALIGNMENT / Ord::max(size_of::<T>(), 1), 1);
        let stride = length.next_multiple_of(unit);
        let store = vec![value; rows * stride + unit];
        let first = store.as_ptr().align_offset(ALIGNMENT);
        // A type that can't be aligned so, if there ever is one, begins where it happens to.
        let first = if first < unit { first } else { 0 };
        Self { store, first, stride, length }
    }

    /// One of them.
    pub fn row(&self, row: usize) -> &[T] {
        &self.store[self.first + row * self.stride..][..self.length]
    }

    /// One of them.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.store[self.first + row * self.stride..][..self.length]
    }

    /// Rewrites all of them, whole cache lines.
    pub fn fill(&mut self, value: T) {
        self.store.fill(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_short_calls_and_one_long_one() {
        let sizes = [0, 1, 4096, 4097, 8 << 10, 100_000, 256 << 10, (256 << 10) + 1, usize::MAX];
        assert_eq!(sizes.map(|bytes| calls(Some(bytes))), [64, 64, 64, 63, 32, 2, 1, 1, 1]);
        assert_eq!(calls(None), 64);
    }

    fn lines_are_their_own<T: Copy + PartialEq + std::fmt::Debug>(zero: T, one: T) {
        for length in [0, 1, 2, 31, 32, 33, 1000] {
            let mut rows = Rows::new(5, length, zero);
            let mut next = 0;
            for row in 0..5 {
                let range = rows.row(row).as_ptr_range();
                let (start, end) = (range.start as usize, range.end as usize);
                assert_eq!(end - start, length * size_of::<T>());
                assert!(length == 0 || (start % ALIGNMENT == 0 && start >= next), "{length}, row {row}");
                next = end.next_multiple_of(ALIGNMENT);
            }
            rows.row_mut(2).fill(one);
            for row in 0..5 {
                assert_eq!(rows.row(row), vec![if row == 2 { one } else { zero }; length]);
            }
            rows.fill(one);
            assert!((0..5).all(|row| rows.row(row) == vec![one; length]));
        }
    }

    #[test]
    fn buffers_have_lines_of_their_own() {
        lines_are_their_own(0_u8, 1);
        lines_are_their_own(0.0_f32, 1.0);
        lines_are_their_own(0_i128, 1);
    }
}
