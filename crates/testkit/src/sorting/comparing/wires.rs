//! Which wires a sort compares.

use crate::sorting::{ComparisonGear, Extent};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// An item so large that few of them fill a cache: what a sort does with blocks it does with some dozens.
type Large = [u64; 128];

/// The comparisons of a sort: the wires of the lower and of the upper item.
type Trace = Vec<(usize, usize)>;

/// The same wires for items in any order, and for answers that have nothing to do with the items.
///
/// # Errors
///
/// The first comparison that is another one.
pub(super) fn oblivious<G: ComparisonGear>(gear: &G, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in lengths(extent) {
        let small: Vec<u8> = (0..length).map(|index| mix(1, length, index) as u8).collect();
        let large: Vec<Large> = (0..length).map(|index| [mix(2, length, index); 128]).collect();
        cases += always_the_same(gear, small, extent)? + always_the_same(gear, large, extent)?;
    }
    Ok(cases)
}

fn always_the_same<G: ComparisonGear, T: Copy + Ord>(gear: &G, items: Vec<T>, extent: Extent) -> Verdict {
    const CHECK: &str = "oblivious";
    let length = items.len();
    let first = trace(CHECK, gear, &items, T::cmp)?;
    let same = |what: &str, trace: Trace| match trace == first {
        true => Ok(1),
        false => {
            let place = (0..).find(|&n| trace.get(n) != first.get(n)).expect("they differ");
            let detail = format!(
                "{length} items, {what}: comparison {place} is {:?}, and of random items it is {:?}",
                trace.get(place),
                first.get(place)
            );
            Err(Rejection { check: CHECK, detail })
        }
    };
    let mut ordered = items.clone();
    ordered.sort();
    let mut cases = same("in order", trace(CHECK, gear, &ordered, T::cmp)?)?;
    ordered.reverse();
    cases += same("in reverse", trace(CHECK, gear, &ordered, T::cmp)?)?;
    for (answer, what) in
        [(Ordering::Less, "less"), (Ordering::Equal, "equal"), (Ordering::Greater, "greater")]
    {
        cases += same(&format!("all {what}"), trace(CHECK, gear, &items, |_, _| answer)?)?;
    }
    for seed in 0..extent.choose(1, 3) {
        let mut calls = 0;
        let random = |_: &T, _: &T| {
            calls += 1;
            [Ordering::Less, Ordering::Greater][mix(seed, 3, calls) as usize % 2]
        };
        cases += same("answered at random", trace(CHECK, gear, &items, random)?)?;
    }
    Ok(cases)
}

/// The network of the next power of two, without what isn't there. On each wire the same comparisons in the same
/// order: so the two differ only in the order of comparators that have no wire in common, which do the same in
/// any order.
///
/// For lengths that aren't powers of two a sort may leave out what can do nothing: to clean the lower half of a
/// group whose upper half isn't there.
///
/// # Errors
///
/// The first wire of which the comparisons are others.
pub(super) fn network<G: ComparisonGear>(gear: &G, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in lengths(extent) {
        let [all, needed] = [false, true].map(|needed| by_wire(length, &one_direction(length, needed)));
        let small = trace("network", gear, &vec![0_u8; length], u8::cmp)?;
        let large = trace("network", gear, &vec![[0_u64; 128]; length], Large::cmp)?;
        for (size, trace) in [(1, small), (size_of::<Large>(), large)] {
            for (wire, partners) in by_wire(length, &trace).iter().enumerate() {
                if !(is_within(&needed[wire], partners) && is_within(partners, &all[wire])) {
                    let detail = format!(
                        "{length} items of {size} bytes: wire {wire} is compared with {partners:?}, not with {:?}",
                        all[wire]
                    );
                    return Err(Rejection { check: "network", detail });
                }
            }
            cases += 1;
        }
    }
    Ok(cases)
}

/// The one-direction bitonic network on so many wires, level by level and stage by stage: the lower and the upper
/// wire of each comparator.
pub fn network_of(wires: usize) -> Vec<(usize, usize)> {
    one_direction(wires, false)
}

/// Wire i is compared with wire i ^ mask. If only what is needed is wanted: not the lower halves of groups that have
/// no upper one.
fn one_direction(wires: usize, needed: bool) -> Trace {
    let mut comparators = Vec::new();
    let mut group = 2;
    while group / 2 < wires {
        let mut mask = group - 1;
        while mask > 0 {
            for low in 0..wires {
                let (high, middle) = (low ^ mask, low / group * group + group / 2);
                if low < high && high < wires && (middle < wires || !needed) {
                    comparators.push((low, high));
                }
            }
            // The flip is followed by the half-cleaner of a quarter of the group, that by the half of it.
            mask = if mask == group - 1 { group / 4 } else { mask / 2 };
        }
        group *= 2;
    }
    comparators
}

/// With what each wire is compared, one after the other.
fn by_wire(length: usize, trace: &Trace) -> Vec<Vec<usize>> {
    let mut wires = vec![Vec::new(); length];
    for &(low, high) in trace {
        wires[low].push(high);
        wires[high].push(low);
    }
    wires
}

/// Whether one is the other, perhaps with some left out.
fn is_within(part: &[usize], whole: &[usize]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|wire| rest.any(|other| other == wire))
}

/// Runs a sort and notes which wires it compares.
///
/// # Errors
///
/// If something is compared that doesn't lie in the slice, or with the upper item first; or far too often.
fn trace<G: ComparisonGear, T: Copy>(
    check: &'static str,
    gear: &G,
    items: &[T],
    mut compare: impl FnMut(&T, &T) -> Ordering,
) -> Result<Trace, Rejection> {
    let mut items = items.to_vec();
    let (start, length) = (items.as_ptr() as usize, items.len());
    let wire = |item: &T| (item as *const T as usize).wrapping_sub(start) / size_of::<T>();
    let mut trace = Trace::new();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        gear.sort_by(&mut items, |a, b| {
            trace.push((wire(a), wire(b)));
            if trace.len() > enough(length) {
                resume_unwind(Box::new("enough"));
            }
            compare(a, b)
        });
    }));
    match trace.iter().find(|(low, high)| low >= high || *high >= length) {
        None if ended.is_ok() => Ok(trace),
        None => Err(Rejection {
            check,
            detail: format!("{length} items: stopped after {} comparisons", trace.len()),
        }),
        Some(pair) => Err(Rejection { check, detail: format!("{length} items: compares wires {pair:?}") }),
    }
}

/// More comparisons than any network of this kind has.
pub(super) fn enough(length: usize) -> usize {
    length * (length.next_power_of_two().ilog2() as usize + 1).pow(2)
}

fn lengths(extent: Extent) -> Vec<usize> {
    let long = extent.choose(vec![], vec![191, 255, 256, 257, 500, 512, 1000]);
    (0..=extent.choose(70, 130)).chain(long).collect()
}
