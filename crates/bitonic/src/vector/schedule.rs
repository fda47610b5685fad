//! In which order the network's comparators are met, so that what is in a cache is used while it is there.
//!
//! Depth first: a group of wires is finished before the next one is touched.
//!
//! ```text
//! sort(2^k)     sort(2^(k-1)) twice, then merge(2^k); what fits a block is sorted there
//! merge(2^k)    a pass over memory for up to 4 stages, the flip first, between 16 streams;
//!               then merge(2^(k-4)) of each stream, without a flip; what fits a block is merged there
//! ```
//!
//! So the last passes of a merge are over parts that the second-level cache holds.

use super::block::Block;
use super::lanes::{Code, Lanes};
use super::streams::Streams;
use super::tile;
use super::wires::Wires;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// lg of the fewest wires that several threads divide among them: some 100 µs of one thread's work. With 2^15, two threads
/// took from 60 to 450 µs for 2^16 keys that one sorts in 90: waking a thread takes its time.
const PARALLEL: usize = 17;

/// Sorts all wires, in tiles of `TILE` vectors; on the threads of rayon's pool, if `parallel`.
pub(super) fn sort<L: Lanes, const TILE: usize>(
    lanes: L,
    wires: Wires<'_, L>,
    code: Code<L::Key>,
    parallel: bool,
) {
    match wires.end().div_ceil(1 << L::LOG) {
        0 => {}
        1..=2 => in_tile::<L, 2>(lanes, wires, code),
        3..=4 => in_tile::<L, 4>(lanes, wires, code),
        rows if rows <= TILE => in_tile::<L, TILE>(lanes, wires, code),
        _ => {
            let log = wires.end().next_power_of_two().ilog2() as usize;
            Schedule::<L, TILE>::new(lanes, code, parallel).sort(wires, log, true);
        }
    }
}

/// The wires of the network that merges `keys` keys: a power of two, and a block at least.
pub(super) fn wires_of_merge<L: Lanes, const TILE: usize>(keys: usize) -> usize {
    keys.next_power_of_two().max(1 << Block::<L, TILE>::LOG)
}

/// Sorts wires whose keys are a bitonic sequence, absent ones counted.
pub(super) fn merge<L: Lanes, const TILE: usize>(
    lanes: L,
    mut wires: Wires<'_, L>,
    code: Code<L::Key>,
    parallel: bool,
) {
    let log = wires_of_merge::<L, TILE>(wires.end()).ilog2() as usize;
    lanes.vectorise(
        #[inline(always)]
        || wires.encode(code),
    );
    Schedule::<L, TILE>::new(lanes, code, parallel).merge(wires, log, false, true);
}

/// Sorts `N` vectors of wires in registers.
fn in_tile<L: Lanes, const N: usize>(lanes: L, mut wires: Wires<'_, L>, code: Code<L::Key>) {
    lanes.vectorise(
        #[inline(always)]
        || {
            let mut tile = wires.read::<N>(0, Some(code));
            tile::sort(lanes, &mut tile);
            wires.write(0, tile, Some(code));
        },
    );
}

struct Schedule<L: Lanes, const TILE: usize> {
    lanes: L,
    code: Code<L::Key>,
    parallel: bool,
    block: Block<L, TILE>,
}

impl<L: Lanes, const TILE: usize> Schedule<L, TILE> {
    fn new(lanes: L, code: Code<L::Key>, parallel: bool) -> Self {
        Schedule { lanes, code, parallel, block: Block::new(lanes) }
    }

    /// Sorts up to 2^`log` wires, and decodes them if nothing comes after.
    fn sort(&mut self, mut wires: Wires<'_, L>, log: usize, last: bool) {
        let &mut Schedule { lanes, code, parallel, ref mut block } = self;
        if log <= Block::<L, TILE>::LOG {
            return lanes.vectorise(
                #[inline(always)]
                || block.sort(lanes, wires, code, last),
            );
        }
        let (low, high) = wires.borrow().split_at(1 << (log - 1));
        if high.is_empty() {
            return self.sort(wires, log - 1, last);
        }
        if parallel && log >= PARALLEL {
            let other = || Schedule::<L, TILE>::new(lanes, code, parallel).sort(high, log - 1, false);
            rayon::join(|| self.sort(low, log - 1, false), other);
        } else {
            self.sort(low, log - 1, false);
            self.sort(high, log - 1, false);
        }
        self.merge(wires, log, true, last);
    }

    /// The stages of a merge of up to 2^`log` wires; with `flip`, the first of them is the flip.
    fn merge(&mut self, wires: Wires<'_, L>, mut log: usize, flip: bool, last: bool) {
        if wires.is_empty() {
            return;
        }
        while !flip && log > Block::<L, TILE>::LOG && wires.end() <= 1 << (log - 1) {
            log -= 1; // no comparator of the first stage has both wires
        }
        let stages = log.saturating_sub(Block::<L, TILE>::LOG);
        // At most as many streams as a tile has vectors, and about as many stages in each pass.
        match stages.div_ceil(stages.div_ceil(TILE.ilog2() as usize).max(1)) {
            0 => {
                let &mut Schedule { lanes, code, ref mut block, .. } = self;
                lanes.vectorise(
                    #[inline(always)]
                    || block.clean(lanes, wires, last.then_some(code)),
                );
            }
            1 => self.pass::<2>(wires, log - 1, flip, last),
            2 => self.pass::<4>(wires, log - 2, flip, last),
            3 => self.pass::<8>(wires, log - 3, flip, last),
            _ if TILE >= 16 => self.pass::<16>(wires, log - 4, flip, last),
            more => unreachable!("{more} stages are more than fit a tile"),
        }
    }

    /// The stages between `N` streams of 2^`log` wires each, and then the others, within each stream.
    fn pass<const N: usize>(&mut self, mut wires: Wires<'_, L>, log: usize, flip: bool, last: bool) {
        let &mut Schedule { lanes, code, parallel, .. } = self;
        let streams = Streams::<L, N>::new(lanes, wires.borrow(), 1 << log, flip);
        if !parallel || N << log < 1 << PARALLEL {
            streams.compare();
            for stream in Streams::<L, N>::new(lanes, wires, 1 << log, false).into_array() {
                self.merge(stream, log, false, last);
            }
        } else {
            streams.compare_in_parallel(1 << PARALLEL);
            let streams = Streams::<L, N>::new(lanes, wires, 1 << log, false).into_array();
            streams.into_par_iter().for_each_init(
                || Schedule::<L, TILE>::new(lanes, code, parallel),
                |schedule, stream| schedule.merge(stream, log, false, last),
            );
        }
    }
}
