//! What happens in the first-level cache: a block of up to 16 tiles, sorted or merged.
//!
//! Keys are read from where they lie when they are first touched, and written there when they are last touched;
//! between, they are in the block, as whole vectors that lie as the cache likes them. A level of the network over
//! g tiles takes two passes over the block:
//!
//! ```text
//! across    the same row of each of g tiles      the flip (or a half-cleaner), and the half-cleaners down to
//!                                                the distance of one tile
//! within    the rows of each tile                all smaller distances
//! ```

use super::lanes::{Code, Lanes};
use super::tile::{self, each};
use super::wires::Wires;

/// The tiles of a block. With tiles of 16 vectors of AVX-512 they are 16 KiB of keys, so that the places that the keys
/// are read from also fit the first-level cache.
const TILES: usize = 16;

/// Room for a block of tiles, of `TILE` vectors each. What it holds means nothing between two calls.
pub(super) struct Block<L: Lanes, const TILE: usize> {
    tiles: [[L::Vector; TILE]; TILES],
}

impl<L: Lanes, const TILE: usize> Block<L, TILE> {
    /// lg of the wires of a tile.
    const TILE_LOG: usize = L::LOG + TILE.ilog2() as usize;

    /// lg of the wires of a block.
    pub(super) const LOG: usize = Self::TILE_LOG + TILES.ilog2() as usize;

    pub(super) fn new(lanes: L) -> Self {
        Block { tiles: [[lanes.splat(L::GREATEST); TILE]; TILES] }
    }

    /// Sorts up to a block of wires. They are encoded as they are read, and decoded as they are written if this is
    /// the `last` that happens to them.
    #[inline(always)]
    pub(super) fn sort(&mut self, lanes: L, mut wires: Wires<'_, L>, code: Code<L::Key>, last: bool) {
        let present = wires.end().div_ceil(1 << Self::TILE_LOG);
        for number in 0..present {
            let mut tile = wires.read(number << Self::TILE_LOG, Some(code));
            tile::sort_runs::<L, TILE>(lanes, &mut tile);
            self.tiles[number] = tile;
        }
        // One level after the other, over all tiles: the next tile doesn't wait for this one, so the processor works
        // on both. (With each tile finished before the next is begun, a whole block takes 1.2 times as long.)
        macro_rules! levels {
            ($($group:literal)*) => {$(
                if $group <= TILE && $group << L::LOG > TILE {
                    for tile in &mut self.tiles[..present] {
                        tile::merge(lanes, tile, $group);
                    }
                }
            )*};
        }
        levels!(2 4 8 16);
        // Absent tiles are there, as far as the last level needs them.
        for tile in &mut self.tiles[present..present.next_power_of_two()] {
            tile.fill(lanes.splat(L::GREATEST));
        }
        let mut group = 2;
        while group / 2 < present {
            // A group without an upper half is sorted.
            for first in (0..present - group / 2).step_by(group) {
                let tiles = &mut self.tiles[first..first + group];
                match group {
                    2 => across::<L, TILE, 2>(lanes, tiles),
                    4 => across::<L, TILE, 4>(lanes, tiles),
                    8 => across::<L, TILE, 8>(lanes, tiles),
                    _ => across::<L, TILE, 16>(lanes, tiles),
                }
                for tile in &mut tiles[..group.min(present - first)] {
                    tile::clean(lanes, tile);
                }
            }
            group *= 2;
        }
        for (number, tile) in self.tiles[..present].iter().enumerate() {
            wires.write(number << Self::TILE_LOG, *tile, last.then_some(code));
        }
    }

    /// Sorts a bitonic sequence on a block of wires; its keys are decoded as they are written, if `code` says how.
    #[inline(always)]
    pub(super) fn clean(&mut self, lanes: L, mut wires: Wires<'_, L>, code: Option<Code<L::Key>>) {
        if wires.are_present(1 << Self::LOG) {
            let (keys, values) = wires.borrow().into_slices();
            self.clean_rows(
                lanes,
                #[inline(always)]
                |_, number, row| lanes.load(keys, values, number << Self::TILE_LOG | row << L::LOG),
            );
        } else {
            for (number, tile) in self.tiles.iter_mut().enumerate() {
                *tile = wires.read(number << Self::TILE_LOG, None);
            }
            self.clean_rows(
                lanes,
                #[inline(always)]
                |tiles, number, row| tiles[number][row],
            );
        }
        let absent = wires.first() >> Self::TILE_LOG;
        for number in absent..wires.end().div_ceil(1 << Self::TILE_LOG) {
            let mut tile = self.tiles[number];
            tile::clean(lanes, &mut tile);
            wires.write(number << Self::TILE_LOG, tile, code);
        }
    }

    /// Half-cleaners down to the distance of a tile. `vector` gives what is in a row of a tile.
    #[inline(always)]
    fn clean_rows(
        &mut self,
        lanes: L,
        vector: impl Fn(&[[L::Vector; TILE]; TILES], usize, usize) -> L::Vector,
    ) {
        for row in 0..TILE {
            let mut rows = [lanes.splat(L::GREATEST); TILES];
            each!(number < TILES, { rows[number] = vector(&self.tiles, number, row) });
            tile::clean_vectors(lanes, &mut rows, TILES / 2);
            each!(number < TILES, { self.tiles[number][row] = rows[number] });
        }
    }
}

/// The first stages of a merge of `G` tiles: the flip, and the half-cleaners down to the distance of a tile.
#[inline(always)]
fn across<L: Lanes, const TILE: usize, const G: usize>(lanes: L, tiles: &mut [[L::Vector; TILE]]) {
    let tiles: &mut [[L::Vector; TILE]; G] = tiles.try_into().expect("the tiles of a group");
    for row in 0..TILE {
        let place = |number: usize| if number < G / 2 { row } else { TILE - 1 - row };
        let mut rows = [lanes.splat(L::GREATEST); G];
        each!(number < G, { rows[number] = tiles[number][place(number)] });
        flip(lanes, &mut rows);
        each!(number < G, { tiles[number][place(number)] = rows[number] });
    }
}

/// The flip and all half-cleaners between vectors, of which those of the upper half come from wires in reversed
/// order, and go back to them.
#[inline(always)]
pub(super) fn flip<L: Lanes, const N: usize>(lanes: L, vectors: &mut [L::Vector; N]) {
    for vector in &mut vectors[N / 2..] {
        *vector = lanes.reverse(L::LOG, *vector);
    }
    for i in 0..N / 2 {
        (vectors[i], vectors[N - 1 - i]) = lanes.compare(vectors[i], vectors[N - 1 - i]);
    }
    tile::clean_vectors(lanes, vectors, N / 4);
    for vector in &mut vectors[N / 2..] {
        *vector = lanes.reverse(L::LOG, *vector);
    }
}
