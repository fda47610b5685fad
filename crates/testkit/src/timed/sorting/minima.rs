//! How many minima and maxima of keys one core takes in a second: what no sorting network can do without.
//!
//! A network of C comparators needs C minima and C maxima, whatever else it does. So no network sorts n keys in less
//! than 2 C / rate, with the rate of the best loop of minima and maxima that there is: one that hardly does anything
//! else. This one has 8 vectors in registers and takes them through 32 stages of neighbours between a load and a store,
//! 14 minima and maxima in every two stages:
//!
//! ```text
//! v0 ──●─────●────          for each lane, written as a plain loop over 8 rows; the compiler makes
//! v1 ──●──●──●──●─          vectors of it, as wide as the processor has
//! v2 ──●──●──●──●─
//! ..   ..
//! ```
//!
//! Keys are compared as the sorts do it: as signed integers of their width (`Key::ordered`). Where the processor has
//! no instruction for their minimum (64 bits in AVX2, 128 bits anywhere) it is what the compiler makes of it.
//!
//! It is a floor for this method on this machine, not for sorting: a quicksort takes fewer comparisons. And it is a low
//! one: no lane changes its place, and nothing beyond 4 KiB is loaded.

use crate::values::mix;
use bitonic::Key;
use std::hint::black_box;
use std::time::Instant;

/// Vectors that are kept in registers.
const ROWS: usize = 8;
/// Bytes of all rows, together 4 KiB.
const ROW_BYTES: usize = 512;
/// Stages between a load and a store come in twos: (0,1) (2,3) (4,5) (6,7), then (1,2) (3,4) (5,6).
const TWICE: usize = 16;
/// How often the rows are gone through for one rate: some 50 microseconds with vectors of 512 bits.
const PASSES: usize = 256;

/// Rows of keys to take minima of.
pub struct Minima<K: Key> {
    rows: [Vec<K::Ordered>; ROWS],
}

impl<K: Key> Default for Minima<K> {
    fn default() -> Self {
        let bits = |row: usize, key: usize| {
            let mut ordered = <K::Ordered as bytemuck::Zeroable>::zeroed();
            let bytes = bytemuck::bytes_of_mut(&mut ordered);
            bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = mix(row as u64, i, key) as u8);
            ordered
        };
        let length = ROW_BYTES / size_of::<K>();
        Minima { rows: std::array::from_fn(|row| (0..length).map(|key| bits(row, key)).collect()) }
    }
}

impl<K: Key> Minima<K> {
    /// Minima and maxima of keys a second, now.
    pub fn rate(&mut self) -> f64 {
        let start = Instant::now();
        for _ in 0..PASSES {
            simd::vectorised(
                #[inline(always)]
                || pass(black_box(&mut self.rows)),
            );
        }
        let seconds = start.elapsed().as_secs_f64();
        let taken = PASSES * TWICE * 2 * (ROWS - 1) * self.rows[0].len();
        taken as f64 / seconds
    }
}

/// Four times two stages.
macro_rules! eight_stages {
    ($($v:ident)*) => {
        two_stages!($($v)*);
        two_stages!($($v)*);
        two_stages!($($v)*);
        two_stages!($($v)*);
    };
}

macro_rules! two_stages {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        ($a, $b) = ($a.min($b), $a.max($b));
        ($c, $d) = ($c.min($d), $c.max($d));
        ($e, $f) = ($e.min($f), $e.max($f));
        ($g, $h) = ($g.min($h), $g.max($h));
        ($b, $c) = ($b.min($c), $b.max($c));
        ($d, $e) = ($d.min($e), $d.max($e));
        ($f, $g) = ($f.min($g), $f.max($g));
    };
}

/// All stages, lane by lane. Written out, since the compiler makes vectors of the loop over lanes only if there is no
/// other loop in it.
#[inline(always)]
fn pass<T: Ord + Copy>(rows: &mut [Vec<T>; ROWS]) {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    // One length for all, so that no index is checked in the loop.
    let n = r0.len();
    let (r0, r1, r2, r3) = (&mut r0[..n], &mut r1[..n], &mut r2[..n], &mut r3[..n]);
    let (r4, r5, r6, r7) = (&mut r4[..n], &mut r5[..n], &mut r6[..n], &mut r7[..n]);
    for i in 0..n {
        let [mut a, mut b, mut c, mut d] = [r0[i], r1[i], r2[i], r3[i]];
        let [mut e, mut f, mut g, mut h] = [r4[i], r5[i], r6[i], r7[i]];
        eight_stages!(a b c d e f g h);
        eight_stages!(a b c d e f g h);
        eight_stages!(a b c d e f g h);
        eight_stages!(a b c d e f g h);
        (r0[i], r1[i], r2[i], r3[i]) = (a, b, c, d);
        (r4[i], r5[i], r6[i], r7[i]) = (e, f, g, h);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is counted is what is done: 16 double stages of neighbours sort 8 rows.
    #[test]
    fn the_stages_are_comparators() {
        let mut minima = Minima::<f32>::default();
        let before = minima.rows.clone();
        assert!(minima.rate() > 0.0);
        for i in 0..ROW_BYTES / 4 {
            let mut column = before.each_ref().map(|row| row[i]);
            column.sort_unstable();
            assert_eq!(minima.rows.each_ref().map(|row| row[i]), column);
        }
    }

    #[test]
    fn every_width_has_a_rate() {
        assert!(Minima::<u8>::default().rate() > 0.0);
        assert!(Minima::<f64>::default().rate() > 0.0);
        assert!(Minima::<i128>::default().rate() > 0.0);
    }
}
