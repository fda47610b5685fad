//! What happens beyond the first-level cache: one pass over memory, for several stages of large distance.
//!
//! A group of wires is cut into N streams of equal length. The vectors at the same place of all streams are as
//! far apart as the comparators of the first lg N stages, and nothing else is compared with them: so they are
//! loaded together, go through lg N stages in registers, and are stored.
//!
//! ```text
//! stream   0 |→          |      |          ←| upper half: from the other end, where the stages
//!          1 |→          |      |          ←| begin with the flip
//! ```

use super::block::flip;
use super::lanes::Lanes;
use super::tile::{self, each};
use super::wires::{Slices, Wires};

/// `N` parts of a group of wires, of `distance` wires each, and the stages between them.
pub(super) struct Streams<'a, L: Lanes, const N: usize> {
    lanes: L,
    streams: [Wires<'a, L>; N],
    distance: usize,
    /// Whether the first stage is the flip.
    flip: bool,
}

impl<'a, L: Lanes, const N: usize> Streams<'a, L, N> {
    /// Cuts `N` times `distance` wires.
    pub(super) fn new(lanes: L, wires: Wires<'a, L>, distance: usize, flip: bool) -> Self {
        let mut rest = Some(wires);
        let streams = [(); N].map(|()| {
            let (stream, others) = rest.take().expect("it is put back each time").split_at(distance);
            rest = Some(others);
            stream
        });
        Streams { lanes, streams, distance, flip }
    }

    pub(super) fn into_array(self) -> [Wires<'a, L>; N] {
        self.streams
    }

    /// The pass.
    pub(super) fn compare(self) {
        let Streams { lanes, streams, distance, flip } = self;
        if !streams.iter().all(|stream| stream.are_present(distance)) {
            return vectorise_some(lanes, &mut { streams }, distance, flip);
        }
        let streams = streams.map(Wires::into_slices);
        if flip {
            lanes.vectorise(
                #[inline(always)]
                || compare_all::<L, N, true>(lanes, streams, distance),
            );
        } else {
            lanes.vectorise(
                #[inline(always)]
                || compare_all::<L, N, false>(lanes, streams, distance),
            );
        }
    }

    /// The pass, by several threads: parts of at most `grain` wires.
    pub(super) fn compare_in_parallel(self, grain: usize) {
        if self.distance * N <= grain || self.distance <= 1 << L::LOG {
            return self.compare();
        }
        let (one, other) = self.halves();
        rayon::join(|| one.compare_in_parallel(grain), || other.compare_in_parallel(grain));
    }

    /// Two parts that are not compared with each other.
    fn halves(self) -> (Self, Self) {
        let Streams { lanes, streams, flip, .. } = self;
        let distance = self.distance / 2;
        let mut number = 0;
        let mut others = Vec::with_capacity(N);
        let streams = streams.map(|stream| {
            let (low, high) = stream.split_at(distance);
            let (this, other) = if flip && number >= N / 2 { (high, low) } else { (low, high) };
            others.push(other);
            number += 1;
            this
        });
        let others = others.try_into().unwrap_or_else(|_| unreachable!("as many as there were streams"));
        (Streams { lanes, streams, distance, flip }, Streams { lanes, streams: others, distance, flip })
    }
}

/// Where each wire has a key.
#[inline(always)]
fn compare_all<L: Lanes, const N: usize, const FLIP: bool>(
    lanes: L,
    mut streams: [Slices<'_, L>; N],
    distance: usize,
) {
    for wire in (0..distance).step_by(1 << L::LOG) {
        let reversed = distance - (1 << L::LOG) - wire;
        let mut tile = [lanes.splat(L::GREATEST); N];
        each!(number < N, {
            let (keys, values) = &streams[number];
            tile[number] = lanes.load(keys, values, if FLIP && number >= N / 2 { reversed } else { wire });
        });
        if FLIP {
            flip(lanes, &mut tile)
        } else {
            tile::clean_vectors(lanes, &mut tile, N / 2)
        }
        each!(number < N, {
            let (keys, values) = &mut streams[number];
            lanes.store(tile[number], keys, values, if FLIP && number >= N / 2 { reversed } else { wire });
        });
    }
}

fn vectorise_some<L: Lanes>(lanes: L, streams: &mut [Wires<'_, L>], distance: usize, flip: bool) {
    lanes.vectorise(
        #[inline(always)]
        || compare_some(lanes, streams, distance, flip),
    );
}

/// Where some wires are absent: once in each pass, or twice in that over a hill. So plain loops will do: one for all N.
#[inline(always)]
fn compare_some<L: Lanes>(lanes: L, streams: &mut [Wires<'_, L>], distance: usize, flip: bool) {
    let half = streams.len() / 2;
    for wire in (0..distance).step_by(1 << L::LOG) {
        let reversed = distance - (1 << L::LOG) - wire;
        // The lower half is sorted before the flip: where no key of the upper half is, all stays as it is.
        if flip && streams[half..].iter().all(|stream| stream.end() <= reversed) {
            continue;
        }
        let mut room = [lanes.splat(L::GREATEST); 16];
        let vectors = &mut room[..2 * half];
        for (number, stream) in streams.iter().enumerate() {
            let from_the_end = flip && number >= half;
            [vectors[number]] = stream.read(if from_the_end { reversed } else { wire }, None);
            if from_the_end {
                vectors[number] = lanes.reverse(L::LOG, vectors[number]);
            }
        }
        let mut step = half;
        while step > 0 {
            for i in (0..2 * half).filter(|i| i & step == 0) {
                let j = if flip && step == half { 2 * half - 1 - i } else { i | step };
                (vectors[i], vectors[j]) = lanes.compare(vectors[i], vectors[j]);
            }
            step /= 2;
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            if flip && number >= half {
                stream.write(reversed, [lanes.reverse(L::LOG, vectors[number])], None);
            } else {
                stream.write(wire, [vectors[number]], None);
            }
        }
    }
}
