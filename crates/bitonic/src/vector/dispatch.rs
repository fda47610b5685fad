//! From keys of any type to the vectors of the processor.
//!
//! What is done (`Job`) is compiled once for each width of keys and each instruction set; which of them runs is
//! decided here, by the size of a key and by `simd::level()`.

use super::lanes::{Code, Keys, Lanes, Pairs};
use super::portable::Portable;
use super::schedule;
use super::wires::Wires;
use crate::comparator::as_integers;
use crate::{Direction, Key};
use bytemuck::Pod;
use simd::Level;

/// What is to be done with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Sort them.
    Sort,
    /// Sort what rises and then falls, in the direction that is asked for.
    MergeHill,
    /// Sort what falls and then rises.
    MergeValley,
}

impl Job {
    #[inline(always)]
    fn run<L: Lanes, const TILE: usize>(
        self,
        lanes: L,
        keys: &mut [L::Key],
        values: &mut [L::Value],
        code: Code<L::Key>,
        parallel: bool,
    ) {
        match self {
            Job::Sort => schedule::sort::<L, TILE>(lanes, Wires::new(lanes, keys, values, 0), code, parallel),
            Job::MergeValley => {
                schedule::merge::<L, TILE>(lanes, Wires::new(lanes, keys, values, 0), code, parallel)
            }
            // A hill stays one if it is preceded by the least keys; by the greatest after it, it doesn't.
            Job::MergeHill => {
                let first = schedule::wires_of_merge::<L, TILE>(keys.len()) - keys.len();
                schedule::merge::<L, TILE>(lanes, Wires::new(lanes, keys, values, first), code, parallel);
            }
        }
    }
}

/// Up to so many keys, neighbours are compared instead of filling vectors: 8 keys of 32 bits take half the time so.
const FEW: usize = 9;

/// Sorts a few keys, of which `swap_if_greater(i)` exchanges those at `i` and `i + 1` if they are in the wrong
/// order: the network that bubble sort and insertion sort both are.
#[inline(always)]
fn few(keys: usize, mut swap_if_greater: impl FnMut(usize)) {
    for last in (1..keys).rev() {
        (0..last).for_each(&mut swap_if_greater);
    }
}

/// Does `job` to `keys`, with several threads if `parallel`.
pub(crate) fn keys<K: Key>(keys: &mut [K], direction: Direction, job: Job, parallel: bool) {
    // To sort downwards keys are encoded upside down, and what rises then falls.
    let job = match (job, direction) {
        (Job::MergeHill, Direction::Descending) => Job::MergeValley,
        (Job::MergeValley, Direction::Descending) => Job::MergeHill,
        _ => job,
    };
    // A merge takes all half-cleaners of a block, however few keys are in it. (An estimate, not tuned: a block of
    // AVX-512 is 4096 keys of 32 bits.)
    let job = if keys.len() < 1024 { Job::Sort } else { job };
    if keys.len() < 2 {
        return;
    }
    if keys.len() <= FEW {
        return as_integers(keys, direction, |integers| {
            few(integers.len(), |i| {
                let (low, high) = (integers[i], integers[i + 1]);
                (integers[i], integers[i + 1]) = (low.min(high), low.max(high));
            });
        });
    }
    match size_of::<K>() {
        1 => i8_keys(bytemuck::cast_slice_mut(keys), code::<K, i8>(direction), job, parallel),
        2 => i16_keys(bytemuck::cast_slice_mut(keys), code::<K, i16>(direction), job, parallel),
        4 => i32_keys(bytemuck::cast_slice_mut(keys), code::<K, i32>(direction), job, parallel),
        8 => i64_keys(bytemuck::cast_slice_mut(keys), code::<K, i64>(direction), job, parallel),
        _ => i128_keys(bytemuck::cast_slice_mut(keys), code::<K, i128>(direction), job, parallel),
    }
}

/// Whether there are vectors for pairs of these: keys of 32 or 64 bits, with values of the same size and alignment,
/// on a processor with AVX2.
pub(crate) fn are_for_vectors<K: Key, V: Pod>() -> bool {
    let alike = size_of::<K>() == size_of::<V>() && align_of::<K>() == align_of::<V>();
    alike && matches!(size_of::<K>(), 4 | 8) && simd::level() >= Level::Avx2
}

/// Sorts pairs of keys and values, for which there are vectors.
pub(crate) fn pairs<K: Key, V: Pod>(keys: &mut [K], values: &mut [V], direction: Direction) {
    if keys.len() <= FEW {
        return few(keys.len(), |i| {
            if direction.of(keys[i].order(&keys[i + 1])).is_gt() {
                keys.swap(i, i + 1);
                values.swap(i, i + 1);
            }
        });
    }
    let last = if direction == Direction::Ascending { K::GREATEST } else { K::LEAST };
    let others = put_last(keys, values, last);
    let (keys, values) = (&mut keys[..others], &mut values[..others]);
    match size_of::<K>() {
        4 => {
            let (keys, values) = (bytemuck::cast_slice_mut(keys), bytemuck::cast_slice_mut(values));
            i32_pairs(keys, values, code::<K, i32>(direction));
        }
        _ => {
            let (keys, values) = (bytemuck::cast_slice_mut(keys), bytemuck::cast_slice_mut(values));
            i64_pairs(keys, values, code::<K, i64>(direction));
        }
    }
}

/// Moves the pairs with the key that sorts last to the end, and answers how many others there are.
///
/// Absent lanes are filled with that key: a vector can't tell a pair that has it from one that isn't there.
fn put_last<K: Key, V>(keys: &mut [K], values: &mut [V], last: K) -> usize {
    let last = last.ordered();
    let count = simd::vectorised(|| keys.iter().filter(|key| key.ordered() == last).count());
    let others = keys.len() - count;
    let mut free = others;
    for place in 0..if count == 0 { 0 } else { others } {
        if keys[place].ordered() == last {
            while keys[free].ordered() == last {
                free += 1;
            }
            keys.swap(place, free);
            values.swap(place, free);
        }
    }
    others
}

/// The code of `K`, whose `Ordered` is `W`, read off what `Key::ordered` makes of no bits and of all bits.
fn code<K: Key, W: Word>(direction: Direction) -> Code<W> {
    let ordered = |byte: u8| -> W {
        let key = bytemuck::pod_read_unaligned::<K>(&[byte; 16][..size_of::<K>()]);
        bytemuck::cast(key.ordered())
    };
    let flip = ordered(0);
    let fold = ordered(!0).xor(flip).not();
    let flip = if direction == Direction::Ascending { flip } else { flip.not() };
    let decoded = |word: W| -> W {
        let word = word.xor(flip);
        if word < W::default() { word.xor(fold) } else { word }
    };
    Code { fold, flip, least: decoded(W::LEAST), greatest: decoded(W::LEAST.not()) }
}

/// A signed integer.
trait Word: Pod + Ord + Default {
    const LEAST: Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
}

macro_rules! word {
    ($($word:ident)*) => {$(
        impl Word for $word {
            const LEAST: $word = $word::MIN;

            fn xor(self, other: $word) -> $word {
                self ^ other
            }

            fn not(self) -> $word {
                !self
            }
        }
    )*};
}

word!(i8 i16 i32 i64 i128);

/// The vectors of a tile: half the registers that the processor has for vectors of keys, since the results of a
/// comparison need some too. Pairs take two registers each.
const AVX512_TILE: usize = 16;
const TILE: usize = 8;

/// Runs `$run` with the vectors of the level in use: those of AVX-512 if there are any for the width.
macro_rules! vectors {
    ($word:ident: $($wide:ident)?, |$words:ident, $tile:ident| $run:expr) => {{
        #[cfg(target_arch = "x86_64")]
        {
            $(if let (Level::$wide, Some(v4)) = (simd::level(), pulp::x86::V4::try_new()) {
                let $words = super::avx512::Avx512::<$word>::new(v4);
                const $tile: usize = AVX512_TILE;
                return $run;
            })?
            if let (Level::Avx2 | Level::Avx512, Some(v3)) = (simd::level(), pulp::x86::V3::try_new()) {
                let $words = super::avx2::Avx2::<$word>::new(v3);
                const $tile: usize = TILE;
                return $run;
            }
        }
    }};
}

macro_rules! keys {
    ($($name:ident $word:ident: $($wide:ident)?, log $log:literal;)*) => {$(
        fn $name(keys: &mut [$word], code: Code<$word>, job: Job, parallel: bool) {
            // Nothing times any number is nothing: this takes no memory and no time.
            let values = &mut vec![(); keys.len()][..];
            vectors!($word: $($wide)?, |words, T| job.run::<_, T>(Keys(words), keys, values, code, parallel));
            let words = Portable::<$word, $log, { 1 << $log }>::new();
            job.run::<_, TILE>(Keys(words), keys, values, code, parallel);
        }
    )*};
}

// The vectors of `Portable` have 128 bits: what SSE2 and NEON have.
keys! {
    i8_keys i8: , log 4;
    i16_keys i16: , log 3;
    i32_keys i32: Avx512, log 2;
    i64_keys i64: Avx512, log 1;
}

fn i128_keys(keys: &mut [i128], code: Code<i128>, job: Job, parallel: bool) {
    let values = &mut vec![(); keys.len()][..];
    job.run::<_, TILE>(Keys(Portable::<i128, 0, 1>::new()), keys, values, code, parallel);
}

macro_rules! pairs {
    ($($name:ident $word:ident;)*) => {$(
        fn $name(keys: &mut [$word], values: &mut [$word], code: Code<$word>) {
            vectors!($word: Avx512, |words, T| Job::Sort.run::<_, { T / 2 }>(Pairs(words), keys, values, code, false));
            unreachable!("{} pairs on a processor without vectors for them, whose level is {:?}", keys.len(), simd::level())
        }
    )*};
}

pairs! {
    i32_pairs i32;
    i64_pairs i64;
}
