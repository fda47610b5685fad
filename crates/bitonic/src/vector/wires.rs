//! A slice of keys as the wires of a network that may have more wires than there are keys.
//!
//! ```text
//! wire  0             first                   end           2^k
//!       LEAST LEAST | the keys, as they lie | GREATEST .. |
//! ```
//!
//! The keys of absent wires need no memory: they are made up when vectors with absent lanes are read, and dropped when
//! they are written. What is dropped is what was made up, since a stage puts the smaller keys on lower wires: of keys
//! alone nobody can tell equal ones apart. (A value beside a key would tell them apart. So among pairs there are none
//! with the greatest key: see `put_last` in `dispatch.rs`.)

use super::lanes::{Code, Lanes};
use std::ops::Range;

/// Keys, and what lies beside them, on the wires from `first` on.
pub(super) struct Wires<'a, L: Lanes> {
    lanes: L,
    keys: &'a mut [L::Key],
    values: &'a mut [L::Value],
    first: usize,
}

/// Keys, and what lies beside them.
pub(super) type Slices<'a, L> = (&'a mut [<L as Lanes>::Key], &'a mut [<L as Lanes>::Value]);

/// 32 lanes of 8 bits: AVX2.
const MOST_LANES: usize = 32;

impl<'a, L: Lanes> Wires<'a, L> {
    /// # Panics
    ///
    /// If there are not as many values as keys.
    pub(super) fn new(lanes: L, keys: &'a mut [L::Key], values: &'a mut [L::Value], first: usize) -> Self {
        const { assert!(1 << L::LOG <= MOST_LANES) };
        assert_eq!(keys.len(), values.len());
        Wires { lanes, keys, values, first }
    }

    /// The first wire with a key.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    /// The first wire after those with keys.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.first + self.keys.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// That each of the wires below `count` has a key.
    #[inline(always)]
    pub(super) fn are_present(&self, count: usize) -> bool {
        self.first == 0 && self.keys.len() >= count
    }

    /// The keys and the values.
    pub(super) fn into_slices(self) -> Slices<'a, L> {
        (self.keys, self.values)
    }

    /// For as long as this is borrowed.
    pub(super) fn borrow(&mut self) -> Wires<'_, L> {
        Wires { lanes: self.lanes, keys: self.keys, values: self.values, first: self.first }
    }

    /// The wires below `wire`, and those from it on, which are counted from there.
    pub(super) fn split_at(self, wire: usize) -> (Self, Self) {
        let Wires { lanes, keys, values, first } = self;
        let keys_below = wire.saturating_sub(first).min(keys.len());
        let (low_keys, high_keys) = keys.split_at_mut(keys_below);
        let (low_values, high_values) = values.split_at_mut(keys_below);
        let high = Wires { lanes, keys: high_keys, values: high_values, first: first.saturating_sub(wire) };
        (Wires { lanes, keys: low_keys, values: low_values, first }, high)
    }

    /// Makes all keys what the network compares.
    #[inline(always)]
    pub(super) fn encode(&mut self, code: Code<L::Key>) {
        let (lanes, start) = (1 << L::LOG, self.first);
        for wire in (start..self.end()).step_by(lanes) {
            let vector = self.read::<1>(wire, Some(code));
            self.write(wire, vector, None);
        }
    }

    /// `N` vectors of keys, from `wire` on, as the network compares them. Of absent keys: as they are after
    /// encoding.
    #[inline(always)]
    pub(super) fn read<const N: usize>(&self, wire: usize, code: Option<Code<L::Key>>) -> [L::Vector; N] {
        let mut vectors = [self.lanes.splat(L::GREATEST); N];
        match self.place::<N>(wire) {
            Some(place) => {
                let (keys, values) = (&self.keys[place.clone()], &self.values[place]);
                for (number, vector) in vectors.iter_mut().enumerate() {
                    *vector = self.encoded(self.lanes.load(keys, values, number << L::LOG), code);
                }
                vectors
            }
            None if wire >= self.end() => vectors,
            None => {
                // Its own array, since what another function is given the address of can't be in registers.
                let mut some = vectors;
                self.read_some(wire, &mut some, code);
                some
            }
        }
    }

    /// The same, vector by vector; where lanes are absent, from a copy.
    #[inline(never)]
    fn read_some(&self, wire: usize, vectors: &mut [L::Vector], code: Option<Code<L::Key>>) {
        let (lanes, count) = (self.lanes, 1 << L::LOG);
        let (least, greatest) = code.map_or((L::LEAST, L::GREATEST), |code| (code.least, code.greatest));
        lanes.vectorise(
            #[inline(always)]
            || {
                // Beyond the end there is nothing to do: the vectors are full of greatest keys.
                for (vector, wire) in vectors.iter_mut().zip((wire..self.end()).step_by(count)) {
                    if wire + count <= self.first {
                        *vector = lanes.splat(L::LEAST);
                        continue;
                    }
                    let plain = if let Some(place) = self.place::<1>(wire) {
                        lanes.load(self.keys, self.values, place.start)
                    } else {
                        let (mut keys, mut values) =
                            ([greatest; MOST_LANES], [L::Value::default(); MOST_LANES]);
                        let (present, place) = self.present(wire);
                        keys[..present.start].fill(least);
                        keys[present.clone()].copy_from_slice(&self.keys[place.clone()]);
                        values[present].copy_from_slice(&self.values[place]);
                        lanes.load(&keys, &values, 0)
                    };
                    *vector = self.encoded(plain, code);
                }
            },
        );
    }

    #[inline(always)]
    fn encoded(&self, vector: L::Vector, code: Option<Code<L::Key>>) -> L::Vector {
        match code {
            Some(code) => self.lanes.encode(vector, code),
            None => vector,
        }
    }

    #[inline(always)]
    fn decoded(&self, vector: L::Vector, code: Option<Code<L::Key>>) -> L::Vector {
        match code {
            Some(code) => self.lanes.decode(vector, code),
            None => vector,
        }
    }

    /// Writes `N` vectors of keys, from `wire` on, where wires are not absent.
    #[inline(always)]
    pub(super) fn write<const N: usize>(
        &mut self,
        wire: usize,
        vectors: [L::Vector; N],
        code: Option<Code<L::Key>>,
    ) {
        match self.place::<N>(wire) {
            Some(place) => {
                for (number, vector) in vectors.into_iter().enumerate() {
                    let vector = self.decoded(vector, code);
                    let (keys, values) = (&mut self.keys[place.clone()], &mut self.values[place.clone()]);
                    self.lanes.store(vector, keys, values, number << L::LOG);
                }
            }
            None if wire >= self.end() => {}
            None => self.write_some(wire, &{ vectors }, code),
        }
    }

    /// The same, vector by vector; where lanes are absent, through a copy.
    #[inline(never)]
    fn write_some(&mut self, wire: usize, vectors: &[L::Vector], code: Option<Code<L::Key>>) {
        let (lanes, count) = (self.lanes, 1 << L::LOG);
        lanes.vectorise(
            #[inline(always)]
            || {
                for (vector, wire) in vectors.iter().zip((wire..self.end()).step_by(count)) {
                    if wire + count <= self.first {
                        continue;
                    }
                    let vector = self.decoded(*vector, code);
                    if let Some(place) = self.place::<1>(wire) {
                        lanes.store(vector, self.keys, self.values, place.start);
                    } else {
                        let (mut keys, mut values) =
                            ([L::LEAST; MOST_LANES], [L::Value::default(); MOST_LANES]);
                        lanes.store(vector, &mut keys, &mut values, 0);
                        let (present, place) = self.present(wire);
                        self.keys[place.clone()].copy_from_slice(&keys[present.clone()]);
                        self.values[place].copy_from_slice(&values[present]);
                    }
                }
            },
        );
    }

    /// Where the keys of `N` vectors lie, if all lanes have one.
    #[inline(always)]
    fn place<const N: usize>(&self, wire: usize) -> Option<Range<usize>> {
        (wire >= self.first && wire + (N << L::LOG) <= self.end()).then(|| {
            let start = wire - self.first;
            start..start + (N << L::LOG)
        })
    }

    /// Which lanes of a vector have a key, and where these lie.
    fn present(&self, wire: usize) -> (Range<usize>, Range<usize>) {
        let beyond = wire + (1 << L::LOG);
        let from = self.first.clamp(wire, beyond);
        let to = self.end().clamp(from, beyond);
        let start = from.saturating_sub(self.first);
        (from - wire..to - wire, start..start + (to - from))
    }
}
