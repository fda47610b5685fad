//! Inputs of two keys. What a network of comparators does to zeros and ones it does to all keys (D. Knuth, The Art
//! of Computer Programming 3, 5.3.4, 1998): so 2^n inputs prove it for n keys.
//!
//! Zero and one are neighbours among the special values of the type, so that each pair is told apart: -0 and +0,
//! infinity and the first NaN, the greatest key and the one before.

use super::{Extent, Sample, Sort, SortGear, run, shown};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use bitonic::Direction::{self, Ascending, Descending};

pub(super) fn zeros_and_ones<G: SortGear>(gear: &G, extent: Extent) -> Verdict {
    let most = extent.choose(9, 16);
    let all = of_types!(all_inputs(sort!(gear), most) u32 f32 u64)?;
    Ok(all + of_types!(all_inputs(sort!(gear), most.min(11)))? + of_types!(shuffled(sort!(gear), extent))?)
}

/// Every input of up to so many keys.
fn all_inputs<K: Sample>(sort: Sort<'_, K>, most: usize) -> Verdict {
    let mut cases = 0;
    for length in 0..=most {
        for direction in Direction::ALL {
            let case = Case { check: "zeros and ones", length, pair: pair::<K>(length), direction };
            for ones in 0_u32..1 << length {
                cases += case.run(sort, |index| ones >> index & 1 == 0)?;
            }
        }
    }
    Ok(cases)
}

/// Longer ones: every number of zeros, shuffled.
fn shuffled<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    let full = vec![17, 24, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 250, 511, 513];
    let mut cases = 0;
    for length in extent.choose(vec![17, 40, 65, 100], full) {
        let mut order: Vec<usize> = (0..length).collect();
        order.sort_by_key(|&index| mix(8, length, index));
        for zeros in 0..=length {
            let direction = Direction::ALL[zeros % 2];
            let case = Case { check: "zeros and ones", length, pair: pair::<K>(zeros), direction };
            cases += case.run(sort, |index| order[(index + 7 * zeros) % length] < zeros)?;
        }
    }
    Ok(cases)
}

/// Two sorted runs, the first a power of two long, the second what is left. For up to 65 keys these are all that
/// there are; for more the numbers of zeros go in steps.
pub(super) fn two_runs<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    let full = vec![2, 3, 8, 15, 16, 17, 32, 33, 47, 63, 64, 65, 127, 128, 129, 192, 256, 257, 1000, 1025];
    let mut cases = 0;
    for length in extent.choose(vec![2_usize, 3, 8, 16, 31, 65, 100], full) {
        let first = length.next_power_of_two() / 2;
        let step = if length <= 65 { 1 } else { length / 20 };
        for a in (0..=first).step_by(step) {
            for b in (0..=length - first).step_by(step) {
                let case = Case { check: "two runs", length, pair: pair::<K>(a + b), direction: Ascending };
                cases += case.run(sort, |index| if index < first { index < a } else { index - first < b })?;
            }
        }
    }
    Ok(cases)
}

/// Two special values, one right after the other.
fn pair<K: Sample>(n: usize) -> [K; 2] {
    let special = K::special();
    let lower = n % (special.len() - 1);
    [special[lower], special[lower + 1]]
}

struct Case<K> {
    check: &'static str,
    length: usize,
    pair: [K; 2],
    direction: Direction,
}

impl<K: Sample> Case<K> {
    fn run(&self, sort: Sort<'_, K>, is_zero: impl Fn(usize) -> bool) -> Verdict {
        let &Case { check, length, pair: [zero, one], direction } = self;
        let keys: Vec<K> = (0..length).map(|index| if is_zero(index) { zero } else { one }).collect();
        let sorted = run(check, sort, &keys, direction, "zeros and ones")?;
        let zeros = (0..length).filter(|&index| is_zero(index)).count();
        // What comes first, and how many of them.
        let (first, count, last) = match direction {
            Ascending => (zero, zeros, one),
            Descending => (one, length - zeros, zero),
        };
        let right = |(index, key): (usize, &K)| key.bits() == if index < count { first } else { last }.bits();
        if sorted.iter().enumerate().all(right) {
            return Ok(1);
        }
        let places: String = (0..length).map(|index| if is_zero(index) { '0' } else { '1' }).collect();
        let detail = format!(
            "{}, {}, {places} with 0 = {zero:?}, 1 = {one:?}: became {}",
            K::NAME,
            direction.name(),
            shown(&sorted)
        );
        Err(Rejection { check, detail })
    }
}
