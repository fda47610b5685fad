//! What happens in registers: a tile of up to 16 vectors, from loading to storing.
//!
//! The wires of a tile of 2^r vectors of 2^`LOG` lanes are counted along the vectors: the lowest `LOG` bits of a
//! wire's number are its lane, the others its vector. Comparators between vectors cost a minimum and a maximum;
//! those between lanes need the lanes exchanged as well, so they are avoided where they can be:
//!
//! ```text
//! sort      lg N levels down the columns, no lane moves:      a transposition turns columns of N into runs of N:
//!           | | | |   each lane a list of its own             = = = =   rows from here on
//! merge     flip: vector v with vector N-1-v reversed,  half-cleaners between vectors,  then between lanes
//! ```

use super::lanes::Lanes;

/// Runs a block for each number below `$count`, at most 16, written out: what is in registers has no address, so
/// the loop has to be gone before the compiler places anything.
macro_rules! each {
    ($number:ident < $count:expr, $body:block) => {
        each!(@ $number $count, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $number:ident $count:expr, $body:block, $($literal:literal)*) => {$(
        if $literal < $count {
            let $number = $literal;
            $body
        }
    )*};
}
pub(super) use each;

/// Puts the smaller keys into vector `i`, the greater ones into vector `j`.
#[inline(always)]
fn compare<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N], i: usize, j: usize) {
    (tile[i], tile[j]) = lanes.compare(tile[i], tile[j]);
}

/// Half-cleaners between vectors at the distances `from`, `from / 2`, .., 1.
#[inline(always)]
pub(super) fn clean_vectors<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N], from: usize) {
    macro_rules! distances {
        ($($distance:literal)*) => {$(
            if $distance <= from {
                for i in 0..N {
                    if i & $distance == 0 {
                        compare(lanes, tile, i, i | $distance);
                    }
                }
            }
        )*};
    }
    distances!(8 4 2 1);
}

/// Sorts each lane by itself, down the vectors: lg N levels of the network.
#[inline(always)]
fn sort_columns<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N]) {
    macro_rules! groups {
        ($($group:literal)*) => {$(
            if $group <= N {
                for i in 0..N {
                    if i & ($group / 2) == 0 {
                        compare(lanes, tile, i, i ^ ($group - 1));
                    }
                }
                clean_vectors(lanes, tile, $group / 4);
            }
        )*};
    }
    groups!(2 4 8 16);
}

/// Turns the sorted columns into sorted runs of N wires.
#[inline(always)]
fn transpose<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N]) {
    macro_rules! slots {
        ($($slot:literal)*) => {$(
            if $slot < L::LOG {
                for i in 0..N {
                    if i >> $slot & 1 == 0 && i | 1 << $slot < N {
                        (tile[i], tile[i | 1 << $slot]) = lanes.exchange::<$slot>(tile[i], tile[i | 1 << $slot]);
                    }
                }
            }
        )*};
    }
    slots!(0 1 2 3);
    if N > 1 << L::LOG {
        // A column is longer than a vector: its parts are brought together. Only names change here.
        let parts = N >> L::LOG;
        let old = *tile;
        for i in 0..N {
            tile[i % (1 << L::LOG) * parts + (i >> L::LOG)] = old[i];
        }
    }
}

/// Half-cleaners between the lanes of groups of 2^`slots`; with `flip`, the first of them is the flip.
#[inline(always)]
fn clean_lanes<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N], slots: usize, flip: bool) {
    macro_rules! slots {
        ($($slot:literal)*) => {$(
            if $slot < slots {
                for i in 0..N / 2 {
                    let (a, b) = lanes.exchange::<$slot>(tile[2 * i], tile[2 * i + 1]);
                    (tile[2 * i], tile[2 * i + 1]) = if flip && $slot + 1 == slots {
                        let (a, b) = lanes.compare(a, lanes.reverse($slot, b));
                        (a, lanes.reverse($slot, b))
                    } else {
                        lanes.compare(a, b)
                    };
                }
            }
        )*};
    }
    slots!(4 3 2 1 0);
    for i in 0..N / 2 {
        (tile[2 * i], tile[2 * i + 1]) = lanes.rotate(slots, tile[2 * i], tile[2 * i + 1]);
    }
}

/// Sorts runs of `N` wires, and of a vector at least.
#[inline(always)]
pub(super) fn sort_runs<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N]) {
    sort_columns(lanes, tile);
    transpose(lanes, tile);
    macro_rules! levels {
        ($($level:literal)*) => {$(
            if 1 << $level > N && $level <= L::LOG {
                clean_lanes(lanes, tile, $level, true);
            }
        )*};
    }
    levels!(2 3 4 5);
}

/// Sorts a tile.
#[inline(always)]
pub(super) fn sort<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N]) {
    sort_runs(lanes, tile);
    macro_rules! groups {
        ($($group:literal)*) => {$(
            if $group <= N && $group << L::LOG > N {
                merge(lanes, tile, $group);
            }
        )*};
    }
    groups!(2 4 8 16);
}

/// Merges the sorted halves of each group of `group` vectors.
#[inline(always)]
pub(super) fn merge<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N], group: usize) {
    for i in 0..N {
        if i & (group / 2) == 0 {
            let j = i ^ (group - 1);
            tile[j] = lanes.reverse(L::LOG, tile[j]);
            compare(lanes, tile, i, j);
            tile[j] = lanes.reverse(L::LOG, tile[j]);
        }
    }
    clean_vectors(lanes, tile, group / 4);
    clean_lanes(lanes, tile, L::LOG, false);
}

/// Half-cleaners at all distances of a tile: sorts each bitonic sequence.
#[inline(always)]
pub(super) fn clean<L: Lanes, const N: usize>(lanes: L, tile: &mut [L::Vector; N]) {
    clean_vectors(lanes, tile, N / 2);
    clean_lanes(lanes, tile, L::LOG, false);
}
