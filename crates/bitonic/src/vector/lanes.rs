//! What a network moves: keys alone, or keys with a value each.

use super::words::{Words, rotate_lowest};

/// How a key becomes the signed integer that the network compares, and back: see [`Key`](crate::Key).
///
/// With an instruction or two on the way in and out, there is one network for each width of keys instead of one
/// for each type and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code<K> {
    /// Flipped in negative keys: all bits but the sign for floats, none for integers.
    pub(super) fold: K,
    /// Flipped after that: the sign of unsigned integers; all bits for the descending direction.
    pub(super) flip: K,
    /// What becomes the least word.
    pub(super) least: K,
    /// What becomes the greatest word.
    pub(super) greatest: K,
}

/// Vectors of keys, or of keys and values. See [`Words`] for what isn't explained here.
pub(super) trait Lanes: Copy + Send + Sync {
    type Key: Copy + Send + Sync;
    /// What lies beside a key in memory; `()` if there are keys alone.
    type Value: Copy + Send + Sync + Default;
    type Vector: Copy + Send + Sync;

    const LOG: usize;
    const LEAST: Self::Key;
    const GREATEST: Self::Key;

    fn vectorise<R>(self, f: impl FnOnce() -> R) -> R;
    /// The same key in each lane, with default values.
    fn splat(self, key: Self::Key) -> Self::Vector;
    /// Reads the keys and values from `start` on.
    fn load(self, keys: &[Self::Key], values: &[Self::Value], start: usize) -> Self::Vector;
    /// Writes keys and values from `start` on.
    fn store(self, vector: Self::Vector, keys: &mut [Self::Key], values: &mut [Self::Value], start: usize);
    fn compare(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);
    fn exchange<const SLOT: usize>(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);
    fn reverse(self, bits: usize, a: Self::Vector) -> Self::Vector;
    /// Rotates the lowest `slots` slots with the register bit. (A constant, once inlined.)
    fn rotate(self, slots: usize, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);
    fn encode(self, a: Self::Vector, code: Code<Self::Key>) -> Self::Vector;
    fn decode(self, a: Self::Vector, code: Code<Self::Key>) -> Self::Vector;
}

/// Keys alone.
#[derive(Clone, Copy)]
pub(super) struct Keys<W>(pub(super) W);

impl<W: Words> Lanes for Keys<W> {
    type Key = W::Word;
    type Value = ();
    type Vector = W::Vector;

    const LOG: usize = W::LOG;
    const LEAST: W::Word = W::LEAST;
    const GREATEST: W::Word = W::GREATEST;

    #[inline(always)]
    fn vectorise<R>(self, f: impl FnOnce() -> R) -> R {
        self.0.vectorise(f)
    }

    #[inline(always)]
    fn splat(self, key: W::Word) -> W::Vector {
        self.0.splat(key)
    }

    #[inline(always)]
    fn load(self, keys: &[W::Word], _: &[()], start: usize) -> W::Vector {
        self.0.load(&keys[start..][..1 << W::LOG])
    }

    #[inline(always)]
    fn store(self, vector: W::Vector, keys: &mut [W::Word], _: &mut [()], start: usize) {
        self.0.store(vector, &mut keys[start..][..1 << W::LOG]);
    }

    #[inline(always)]
    fn compare(self, a: W::Vector, b: W::Vector) -> (W::Vector, W::Vector) {
        self.0.compare(a, b)
    }

    #[inline(always)]
    fn exchange<const SLOT: usize>(self, a: W::Vector, b: W::Vector) -> (W::Vector, W::Vector) {
        self.0.exchange::<SLOT>(a, b)
    }

    #[inline(always)]
    fn reverse(self, bits: usize, a: W::Vector) -> W::Vector {
        self.0.reverse(bits, a)
    }

    #[inline(always)]
    fn rotate(self, slots: usize, a: W::Vector, b: W::Vector) -> (W::Vector, W::Vector) {
        if slots == W::LOG { self.0.rotate(a, b) } else { rotate_lowest(self.0, slots, a, b) }
    }

    #[inline(always)]
    fn encode(self, a: W::Vector, code: Code<W::Word>) -> W::Vector {
        self.0.flip(self.0.fold(a, code.fold), code.flip)
    }

    #[inline(always)]
    fn decode(self, a: W::Vector, code: Code<W::Word>) -> W::Vector {
        self.0.fold(self.0.flip(a, code.flip), code.fold)
    }
}

/// A value of the same width with each key. A vector is two: the keys and the values.
#[derive(Clone, Copy)]
pub(super) struct Pairs<W>(pub(super) W);

impl<W: Words> Lanes for Pairs<W> {
    type Key = W::Word;
    type Value = W::Word;
    type Vector = [W::Vector; 2];

    const LOG: usize = W::LOG;
    const LEAST: W::Word = W::LEAST;
    const GREATEST: W::Word = W::GREATEST;

    #[inline(always)]
    fn vectorise<R>(self, f: impl FnOnce() -> R) -> R {
        self.0.vectorise(f)
    }

    #[inline(always)]
    fn splat(self, key: W::Word) -> Self::Vector {
        [self.0.splat(key), self.0.splat(W::Word::default())]
    }

    #[inline(always)]
    fn load(self, keys: &[W::Word], values: &[W::Word], start: usize) -> Self::Vector {
        [Keys(self.0).load(keys, &[], start), Keys(self.0).load(values, &[], start)]
    }

    #[inline(always)]
    fn store(self, [key, value]: Self::Vector, keys: &mut [W::Word], values: &mut [W::Word], start: usize) {
        Keys(self.0).store(key, keys, &mut [], start);
        Keys(self.0).store(value, values, &mut [], start);
    }

    #[inline(always)]
    fn compare(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
        let [low, high, with_low, with_high] = self.0.compare_with([a[0], b[0], a[1], b[1]]);
        ([low, with_low], [high, with_high])
    }

    #[inline(always)]
    fn exchange<const SLOT: usize>(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
        let (keys, values) = (self.0.exchange::<SLOT>(a[0], b[0]), self.0.exchange::<SLOT>(a[1], b[1]));
        ([keys.0, values.0], [keys.1, values.1])
    }

    #[inline(always)]
    fn reverse(self, bits: usize, a: Self::Vector) -> Self::Vector {
        [self.0.reverse(bits, a[0]), self.0.reverse(bits, a[1])]
    }

    #[inline(always)]
    fn rotate(self, slots: usize, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
        let keys = Keys(self.0);
        let (keys, values) = (keys.rotate(slots, a[0], b[0]), keys.rotate(slots, a[1], b[1]));
        ([keys.0, values.0], [keys.1, values.1])
    }

    #[inline(always)]
    fn encode(self, [keys, values]: Self::Vector, code: Code<W::Word>) -> Self::Vector {
        [Keys(self.0).encode(keys, code), values]
    }

    #[inline(always)]
    fn decode(self, [keys, values]: Self::Vector, code: Code<W::Word>) -> Self::Vector {
        [Keys(self.0).decode(keys, code), values]
    }
}
