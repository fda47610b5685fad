//! What a merge owes: of a hill, which rises and then falls, and of a valley, which falls and then rises.
//!
//! | check | what must hold |
//! |---|---|
//! | `hills`, `valleys` | every length up to 130, every place of the top or the bottom: bit for bit what the standard library makes of it |
//! | `hills of ones`, `valleys of ones` | every hill and valley of zeros and ones, up to 65 keys and some longer: by the 0-1 principle a proof, where the merge is a network |

use super::sample::{ascend, oracle, same_bits};
use super::suite::shown;
use super::{Check, Extent, Input, MergeGear, Pattern, Sample};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use bitonic::Direction;

/// The whole suite.
pub fn checks<G: MergeGear>() -> Vec<Check<G>> {
    vec![
        Check { name: "hills", run: |gear, extent| splits("hills", gear, Shape::Hill, extent) },
        Check { name: "valleys", run: |gear, extent| splits("valleys", gear, Shape::Valley, extent) },
        Check {
            name: "hills of ones",
            run: |gear, extent| of_types!(ones(&merge("hills of ones", gear, Shape::Hill), extent)),
        },
        Check {
            name: "valleys of ones",
            run: |gear, extent| of_types!(ones(&merge("valleys of ones", gear, Shape::Valley), extent)),
        },
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Hill,
    Valley,
}

/// One of the two merges, of keys of one type.
struct Merge<'a, K> {
    check: &'static str,
    shape: Shape,
    run: Run<'a, K>,
}

type Run<'a, K> = Box<dyn Fn(&mut [K], Direction) + 'a>;

fn merge<'a, G: MergeGear, K: Sample>(check: &'static str, gear: &'a G, shape: Shape) -> Merge<'a, K> {
    let run = move |keys: &mut [K], direction| match shape {
        Shape::Hill => gear.merge_hill(keys, direction),
        Shape::Valley => gear.merge_valley(keys, direction),
    };
    Merge { check, shape, run: Box::new(run) }
}

fn splits<G: MergeGear>(check: &'static str, gear: &G, shape: Shape, extent: Extent) -> Verdict {
    Ok(of_types!(every_split(&merge(check, gear, shape), extent) u32 f32 u64 i64)?
        + of_types!(some_splits(&merge(check, gear, shape), extent))?)
}

fn every_split<K: Sample>(merge: &Merge<'_, K>, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in 0..=extent.choose(40, 130) {
        for split in 0..=length {
            let pattern = [Pattern::Random, Pattern::FewUnique, Pattern::Special][split % 3];
            cases += merges(merge, Input { pattern, length, seed: split as u64 }, split)?;
        }
    }
    Ok(cases)
}

fn some_splits<K: Sample>(merge: &Merge<'_, K>, extent: Extent) -> Verdict {
    let full = vec![33, 100, 257, 1000, 1023, 1024, 1025, 2049, 4096, 5000, 8193, 16_383, 65_537];
    let mut cases = 0;
    for length in extent.choose(vec![33, 100], full) {
        let some = (0..4).map(|n| mix(5, length, n) as usize % length);
        for split in [0, 1, length / 2, length - 1, length].into_iter().chain(some) {
            let input = Input { pattern: Pattern::Random, length, seed: split as u64 };
            cases += merges(merge, input, split)?;
        }
    }
    Ok(cases)
}

/// Every stretch of other keys.
fn ones<K: Sample>(merge: &Merge<'_, K>, extent: Extent) -> Verdict {
    let mut cases = 0;
    let full = vec![1, 2, 3, 5, 8, 16, 17, 31, 32, 33, 64, 65, 100, 129, 256, 257, 1025, 4097, 20_000];
    for length in extent.choose(vec![2, 3, 8, 17, 40], full) {
        let step = if length <= 65 { 1 } else { length / 20 };
        for start in (0..=length).step_by(step) {
            for end in (start..=length).step_by(step) {
                let special = K::special();
                let lower = (start + end) % (special.len() - 1);
                let (around, within) = match merge.shape {
                    Shape::Hill => (special[lower], special[lower + 1]),
                    Shape::Valley => (special[lower + 1], special[lower]),
                };
                let mut keys = vec![around; length];
                keys[start..end].fill(within);
                let about = format!("{length} keys, ones at {start}..{end}");
                cases += sorts(merge, &keys, Direction::ALL[(start + end) / 2 % 2], &about)?;
            }
        }
    }
    Ok(cases)
}

fn merges<K: Sample>(merge: &Merge<'_, K>, input: Input, split: usize) -> Verdict {
    let mut keys: Vec<K> = input.keys();
    let (first, second) = keys.split_at_mut(split);
    let (rising, falling) = if merge.shape == Shape::Hill { (first, second) } else { (second, first) };
    ascend(rising);
    ascend(falling);
    falling.reverse();
    let about = format!("{input}, split at {split}");
    Direction::ALL.iter().map(|&direction| sorts(merge, &keys, direction, &about)).sum()
}

fn sorts<K: Sample>(merge: &Merge<'_, K>, keys: &[K], direction: Direction, about: &str) -> Verdict {
    let mut sorted = keys.to_vec();
    (merge.run)(&mut sorted, direction);
    if same_bits(&sorted, &oracle(keys, direction)) {
        return Ok(1);
    }
    let detail =
        format!("{}, {}, {about}: {} became {}", K::NAME, direction.name(), shown(keys), shown(&sorted));
    Err(Rejection { check: merge.check, detail })
}
