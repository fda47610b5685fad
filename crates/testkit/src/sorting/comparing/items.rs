//! What becomes of the items, whatever the comparison does.

use super::wires::enough;
use crate::sorting::{ComparisonGear, Extent};
use crate::suite::{Rejection, Verdict};
use crate::values::mix;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Strings, boxes, large items and such as have no size.
///
/// # Errors
///
/// The first length at which they aren't sorted, or not the same way twice.
pub(super) fn items<G: ComparisonGear>(gear: &G, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in (0..=extent.choose(40, 140)).chain([256, 1000, 1025]) {
        let number = |index| mix(1, length, index);
        cases += sorts(gear, (0..length).map(|index| format!("{:x}", number(index) % 500)).collect())?;
        cases += sorts(gear, (0..length).map(|index| Box::new(number(index))).collect())?;
        cases += sorts(gear, (0..length).map(|index| [number(index) % 16; 40]).collect())?;
        cases += sorts(gear, vec![(); length])?;
        // Those that compare equal are told apart by their index: which comes first is the same every time.
        let pairs: Vec<(u64, usize)> = (0..length).map(|index| (number(index) % 5, index)).collect();
        let [once, twice] = [(), ()].map(|()| {
            let mut pairs = pairs.clone();
            gear.sort_by(&mut pairs, |a, b| a.0.cmp(&b.0));
            pairs
        });
        if once != twice || !once.is_sorted_by_key(|pair| pair.0) || !is_permutation(&once, |pair| pair.1) {
            return Err(rejection("items", format!("{length} pairs became {once:?}, and again {twice:?}")));
        }
    }
    Ok(cases)
}

fn sorts<G: ComparisonGear, T: Ord + Clone + std::fmt::Debug>(gear: &G, items: Vec<T>) -> Verdict {
    let (mut sorted, mut expected) = (items.clone(), items);
    gear.sort_by(&mut sorted, T::cmp);
    expected.sort();
    match sorted == expected {
        true => Ok(1),
        false => Err(rejection("items", format!("{} items became {sorted:?}", expected.len()))),
    }
}

/// A comparison that answers at random, or always the same.
///
/// # Errors
///
/// If the sort goes on for more comparisons than any network of this kind has, or an item is lost.
pub(super) fn answers<G: ComparisonGear>(gear: &G, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in 0..=extent.choose(70, 300) {
        for kind in 0..5 {
            let mut items: Vec<usize> = (0..length).collect();
            let mut calls = 0;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                gear.sort_by(&mut items, |_, _| {
                    calls += 1;
                    if calls > enough(length) {
                        // Like a panic, but without a message: it is expected here.
                        resume_unwind(Box::new("enough"));
                    }
                    let random = (mix(kind, length, calls) % 3) as usize;
                    [Ordering::Less, Ordering::Equal, Ordering::Greater][random.max(2 * (kind == 4) as usize)]
                });
            }));
            if ended.is_err() || !is_permutation(&items, |&item| item) {
                return Err(rejection("answers", format!("{length} items: {calls} comparisons, {items:?}")));
            }
            cases += 1;
        }
    }
    Ok(cases)
}

/// The comparison panics when it is called for the nth time, for all n or some. As long as nothing but safe
/// code moves the items, the compiler proves that none is lost: this is for the day when something else does.
///
/// # Errors
///
/// If the panic doesn't come through, something is compared after it, or an item is lost, double or dropped twice.
pub(super) fn panics<G: ComparisonGear>(gear: &G, extent: Extent) -> Verdict {
    let mut cases = 0;
    for length in [2, 3, 7, 16, 33, 100, extent.choose(64, 1000)] {
        let mut all = 0;
        gear.sort_by(&mut (0..length).collect::<Vec<usize>>(), |a, b| {
            all += 1;
            a.cmp(b)
        });
        for nth in (1..=all).step_by(1 + all / 300) {
            let drops = RefCell::new(vec![0; length]);
            let mut items: Vec<Counted<'_>> =
                (0..length).map(|index| Counted { index, drops: &drops }).collect();
            let mut calls = 0;
            let panic = catch_unwind(AssertUnwindSafe(|| {
                gear.sort_by(&mut items, |a, b| {
                    calls += 1;
                    if calls == nth {
                        resume_unwind(Box::new("planned"));
                    }
                    mix(nth as u64, 0, a.index).cmp(&mix(nth as u64, 0, b.index))
                });
            }));
            let said = panic.err().and_then(|panic| panic.downcast_ref::<&str>().copied());
            let whole = is_permutation(&items, |item| item.index);
            drop(items);
            let dropped_once = drops.borrow().iter().all(|&count| count == 1);
            if said != Some("planned") || calls != nth || !whole || !dropped_once {
                let detail = format!(
                    "{length} items, comparison {nth} panics: {said:?} comes through after {calls}, all there: {whole}, dropped once: {dropped_once}"
                );
                return Err(rejection("panics", detail));
            }
            cases += 1;
        }
    }
    Ok(cases)
}

/// An item that notes when it is dropped.
struct Counted<'a> {
    index: usize,
    drops: &'a RefCell<Vec<usize>>,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.drops.borrow_mut()[self.index] += 1;
    }
}

/// Whether every index is there once.
fn is_permutation<T>(items: &[T], index: impl Fn(&T) -> usize) -> bool {
    let mut indices: Vec<usize> = items.iter().map(index).collect();
    indices.sort_unstable();
    indices.into_iter().eq(0..items.len())
}

fn rejection(check: &'static str, detail: String) -> Rejection {
    Rejection { check, detail }
}
