//! What every sort of keys owes. Each check takes any [`SortGear`] and returns the number of inputs that it
//! tried, or why the sort was rejected.
//!
//! | check | what must hold |
//! |---|---|
//! | `lengths` | every length from 0 to 2050, six types: bit for bit what the standard library makes of it |
//! | `long` | 2^k - 1, 2^k, 2^k + 1 and others, up to 2^18 + 1 |
//! | `types` | every type, every pattern, both directions |
//! | `extremes` | the least and the greatest key, alone and mixed: a key that a sort pads with may be there |
//! | `permutation` | the keys are those that were there, by a fingerprint that knows of no order |
//! | `descending` | is ascending, read backwards |
//! | `again` | sorted keys stay as they are; the same keys elsewhere give the same bits |
//! | `places` | a slice that begins anywhere, and the keys around it stay as they are |
//! | `zeros and ones` | up to 16 keys: every input of zeros and ones; above: every number of them, shuffled |
//! | `two runs` | two runs of zeros and ones: what the last level of a network must merge |
//!
//! The last two are proofs where the sort is a network of comparators: by the 0-1 principle it sorts all inputs
//! of up to 16 keys.

mod zero_one;

use super::sample::{fingerprint, oracle, same_bits};
use super::{Check, Extent, Input, Pattern, Sample, Sort, SortGear};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use bitonic::Algorithm;
use bitonic::Direction::{self, Ascending, Descending};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zero_one::{two_runs, zeros_and_ones};

/// The whole suite.
pub fn checks<G: SortGear>() -> Vec<Check<G>> {
    vec![
        Check {
            name: "lengths",
            run: |gear, extent| of_types!(lengths(sort!(gear), extent) u32 i32 f32 u64 i64 f64),
        },
        Check { name: "long", run: |gear, extent| of_types!(long(sort!(gear), extent) u32 f32 u64 u8) },
        Check { name: "types", run: |gear, extent| of_types!(types(sort!(gear), extent)) },
        Check { name: "extremes", run: |gear, extent| of_types!(extremes(sort!(gear), extent)) },
        Check { name: "permutation", run: |gear, extent| of_types!(permutation(sort!(gear), extent)) },
        Check { name: "descending", run: |gear, extent| of_types!(descending(sort!(gear), extent)) },
        Check { name: "again", run: |gear, extent| of_types!(again(sort!(gear), extent)) },
        Check { name: "places", run: |gear, extent| of_types!(places(sort!(gear), extent)) },
        Check { name: "zeros and ones", run: zeros_and_ones },
        Check { name: "two runs", run: |gear, extent| of_types!(two_runs(sort!(gear), extent)) },
    ]
}

/// One input of keys of the nth type, for generated ones.
///
/// # Errors
///
/// If it isn't sorted as the standard library does it.
pub fn one(gear: Algorithm, nth_type: usize, input: &Input, direction: Direction) -> Verdict {
    fn one<K: Sample>(sort: Sort<'_, K>, input: &Input, direction: Direction) -> Verdict {
        sorts("any input", sort, &input.keys::<K>(), direction, input)
    }
    match nth_type % 6 {
        0 => one::<u8>(sort!(gear), input, direction),
        1 => one::<i16>(sort!(gear), input, direction),
        2 => one::<u32>(sort!(gear), input, direction),
        3 => one::<f32>(sort!(gear), input, direction),
        4 => one::<f64>(sort!(gear), input, direction),
        _ => one::<i128>(sort!(gear), input, direction),
    }
}

fn lengths<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    let of_length = |length: usize| -> Verdict {
        let random = Input { pattern: Pattern::Random, length, seed: 1 };
        let other = Input { pattern: Pattern::ALL[length % Pattern::ALL.len()], length, seed: 2 };
        Ok(sorts("lengths", sort, &random.keys::<K>(), Ascending, random)?
            + sorts("lengths", sort, &other.keys::<K>(), Descending, other)?)
    };
    (0..=extent.choose(150, 2050)).map(of_length).sum()
}

fn long<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    let mut lengths = Vec::new();
    for k in 11..=extent.choose(11, 18) {
        let power = 1 << k;
        lengths.extend([power - 1, power, power + 1, power + mix(0, 3, power) as usize % power]);
    }
    let of_length = |(n, length)| {
        // Of most patterns a few, of random keys every third.
        let pattern = if n % 3 == 0 { Pattern::Random } else { Pattern::ALL[n % Pattern::ALL.len()] };
        let input = Input { pattern, length, seed: 3 };
        sorts("long", sort, &input.keys::<K>(), Direction::ALL[n % 2], input)
    };
    lengths.into_iter().enumerate().map(of_length).sum()
}

fn types<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    each("types", sort, extent, &|keys: &[K], sorted, direction| {
        if same_bits(sorted, &oracle(keys, direction)) {
            Ok(())
        } else {
            Err(difference(keys, sorted, direction))
        }
    })
}

fn permutation<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    each("permutation", sort, extent, &|keys: &[K], sorted, _| match fingerprint(keys) == fingerprint(sorted)
    {
        true => Ok(()),
        false => Err(format!("the keys aren't those that were there: {}", shown(keys))),
    })
}

fn descending<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    each("descending", sort, extent, &|keys: &[K], sorted, direction| {
        let opposite = if direction == Ascending { Descending } else { Ascending };
        let mut backwards =
            run("descending", sort, keys, opposite, "the other direction").map_err(|r| r.detail)?;
        backwards.reverse();
        match same_bits(sorted, &backwards) {
            true => Ok(()),
            false => Err(format!("{} isn't the reverse of {opposite:?}", shown(sorted))),
        }
    })
}

fn again<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    each("again", sort, extent, &|keys: &[K], sorted, direction| {
        for (before, what) in [(sorted, "what is sorted changes"), (keys, "another run gives other bits")] {
            let after = run("again", sort, before, direction, what).map_err(|r| r.detail)?;
            if !same_bits(sorted, &after) {
                return Err(format!("{what}: {} became {}", shown(sorted), shown(&after)));
            }
        }
        Ok(())
    })
}

fn extremes<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    let of_length = |length: usize| -> Verdict {
        let mixed = |index| [K::LEAST, K::GREATEST][mix(4, length, index) as usize % 2];
        let other = |index: usize| if index == length / 2 { K::any(5, length) } else { mixed(index) };
        let inputs: [Vec<K>; 4] = [
            vec![K::LEAST; length],
            vec![K::GREATEST; length],
            (0..length).map(mixed).collect(),
            (0..length).map(other).collect(),
        ];
        let of_input = |keys: &Vec<K>| -> Verdict {
            let about =
                |direction| sorts("extremes", sort, keys, direction, "the least and the greatest key");
            Direction::ALL.map(about).into_iter().sum()
        };
        inputs.iter().map(of_input).sum()
    };
    (0..=extent.choose(70, 130)).chain(extent.choose(vec![], vec![255, 257, 1000, 4097])).map(of_length).sum()
}

/// Within a buffer, at every offset up to 64 keys.
fn places<K: Sample>(sort: Sort<'_, K>, extent: Extent) -> Verdict {
    const AROUND: usize = 64;
    let lengths = extent.choose(vec![1, 5, 40], vec![0, 1, 2, 3, 7, 8, 16, 31, 64, 100, 257, 513]);
    let mut cases = 0;
    for length in lengths {
        let buffer = Input { pattern: Pattern::Random, length: length + 2 * AROUND, seed: 6 }.keys::<K>();
        for start in 0..=AROUND {
            let (place, direction) = (start..start + length, Direction::ALL[start % 2]);
            let mut expected = buffer.clone();
            expected[place.clone()].copy_from_slice(&oracle(&buffer[place.clone()], direction));
            let mut sorted = buffer.clone();
            sort(&mut sorted[place.clone()], direction);
            if !same_bits(&sorted, &expected) {
                let wrong =
                    (0..buffer.len()).find(|&i| sorted[i].bits() != expected[i].bits()).expect("differs");
                let detail = format!(
                    "{}, {direction:?}: of {} random keys with seed 6 those at {place:?} are sorted, and {wrong} is {:?}, not {:?}",
                    K::NAME,
                    buffer.len(),
                    sorted[wrong],
                    expected[wrong]
                );
                return Err(Rejection { check: "places", detail });
            }
            cases += 1;
        }
    }
    Ok(cases)
}

/// Of an input, what a sort made of it, and the direction: why that isn't right.
type Holds<'a, K> = &'a dyn Fn(&[K], &[K], Direction) -> Result<(), String>;

/// Every pattern in both directions, for lengths around the sizes of vectors and of blocks in registers.
fn each<K: Sample>(check: &'static str, sort: Sort<'_, K>, extent: Extent, holds: Holds<'_, K>) -> Verdict {
    let few = vec![0, 1, 2, 3, 5, 8, 13, 33, 64, 100, 200];
    let full = vec![
        0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 200, 256, 257, 500, 1023,
        2049,
    ];
    let mut cases = 0;
    for length in extent.choose(few, full) {
        for pattern in Pattern::ALL {
            for direction in Direction::ALL {
                let input = Input { pattern, length, seed: 7 };
                let keys = input.keys::<K>();
                let sorted = run(check, sort, &keys, direction, input)?;
                holds(&keys, &sorted, direction)
                    .map_err(|detail| Rejection { check, detail: about::<K>(direction, input) + &detail })?;
                cases += 1;
            }
        }
    }
    Ok(cases)
}

/// The sorted keys; a sort that panics is rejected.
pub(super) fn run<K: Sample>(
    check: &'static str,
    sort: Sort<'_, K>,
    keys: &[K],
    direction: Direction,
    input: impl Display,
) -> Result<Vec<K>, Rejection> {
    let mut sorted = keys.to_vec();
    catch_unwind(AssertUnwindSafe(|| sort(&mut sorted, direction)))
        .map_err(|_| Rejection { check, detail: about::<K>(direction, input) + "it panics" })?;
    Ok(sorted)
}

/// Whether the keys are sorted as the standard library does it.
pub(super) fn sorts<K: Sample>(
    check: &'static str,
    sort: Sort<'_, K>,
    keys: &[K],
    direction: Direction,
    input: impl Display,
) -> Verdict {
    let sorted = run(check, sort, keys, direction, &input)?;
    if same_bits(&sorted, &oracle(keys, direction)) {
        return Ok(1);
    }
    Err(Rejection { check, detail: about::<K>(direction, input) + &difference(keys, &sorted, direction) })
}

fn about<K: Sample>(direction: Direction, input: impl Display) -> String {
    format!("{}, {}, {input}: ", K::NAME, direction.name())
}

/// Where the first wrong key stands, and whether all keys are still there.
fn difference<K: Sample>(keys: &[K], sorted: &[K], direction: Direction) -> String {
    let expected = oracle(keys, direction);
    let place = (0..keys.len()).find(|&i| sorted[i].bits() != expected[i].bits()).expect("they differ");
    let (found, right) = (sorted[place], expected[place]);
    let lost = if fingerprint(keys) == fingerprint(sorted) { "" } else { "; keys are lost" };
    format!(
        "key {place} of {} is {found:?} ({:#x}), not {right:?} ({:#x}){lost}: {} became {}",
        keys.len(),
        found.bits(),
        right.bits(),
        shown(keys),
        shown(sorted)
    )
}

/// The keys, if they aren't too many to read.
pub(super) fn shown<K: Sample>(keys: &[K]) -> String {
    if keys.len() <= 16 { format!("{keys:?}") } else { format!("{:?}..", &keys[..8]) }
}
