use super::*;

/// An item that fills a line of the cache.
type Line = [u64; 8];

/// A first-level cache of the size of a block and as is common otherwise: lines of 64 bytes, eight to a set, of
/// which the one that wasn't used for longest makes room.
struct Cache {
    sets: Vec<Vec<usize>>,
    misses: usize,
}

impl Cache {
    fn touch(&mut self, address: usize) {
        let line = address / 64;
        let sets = self.sets.len();
        let set = &mut self.sets[line % sets];
        match set.iter().position(|&other| other == line) {
            Some(found) => set[..=found].rotate_right(1),
            None => {
                set.truncate(7);
                set.insert(0, line);
                self.misses += 1;
            }
        }
    }
}

/// How often a sort of 2^k items of a line each fetches a line from memory, per line that there is.
fn passes(k: u32, sort: impl FnOnce(&mut [Line], &mut dyn FnMut(&Line, &Line) -> Ordering)) -> f64 {
    let mut items = vec![[0; 8]; 1 << k];
    let mut cache = Cache { sets: vec![Vec::new(); BLOCK_BYTES / 64 / 8], misses: 0 };
    sort(&mut items, &mut |a, b| {
        for item in [a, b] {
            cache.touch(item.as_ptr() as usize);
        }
        Ordering::Equal
    });
    cache.misses as f64 / items.len() as f64
}

/// What is still there when the next pass begins needn't be fetched: so it is a little less.
#[test]
fn passes_over_memory_are_as_many_as_the_header_says() {
    let b = block::<Line>().ilog2();
    for m in 0..=6 {
        let blocked = passes(b + m, |items, compare| sort_by(items, compare));
        let formula = f64::from(1 + 2 * m + m * m / 4);
        assert!((formula - 0.6..=formula).contains(&blocked), "{m} levels above: {blocked}, not {formula}");
    }
}

#[test]
fn the_plain_loops_go_over_memory_once_a_stage() {
    let k = block::<Line>().ilog2() + 4;
    let iterative = passes(k, |items, compare| crate::iterative::sort_by(items, compare));
    let formula = f64::from(k * (k + 1) / 2);
    assert!((formula - 0.6..=formula).contains(&iterative), "{iterative}, not {formula}");
}
