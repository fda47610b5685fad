//! Which part of a buffer belongs to which rank.

use crate::tree::Place;
use std::ops::Range;

/// A buffer cut into consecutive blocks, one a rank.
#[derive(Clone, Debug)]
pub struct Layout(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// So many blocks of `base` elements, the first `longer` of which have one more. (What is left of a division:
    /// divided by for each block, it would take a large part of a short call.)
    Even { base: usize, longer: usize, parts: usize },
    /// Block i is `bounds[i]..bounds[i + 1]`.
    Bounds(Vec<usize>),
}

impl Layout {
    /// `parts` blocks whose lengths differ by one element at most, the longer ones first.
    ///
    /// ```text
    /// length 11, 4 parts:   0 1 2 | 3 4 5 | 6 7 8 | 9 10
    /// ```
    ///
    /// # Panics
    ///
    /// If there are no parts.
    pub fn even(length: usize, parts: usize) -> Self {
        assert!(parts > 0, "{length} elements can't be cut into 0 parts");
        Self(Kind::Even { base: length / parts, longer: length % parts, parts })
    }

    /// A block of each length.
    ///
    /// # Panics
    ///
    /// If they are more elements together than a `usize` can count.
    pub fn of_counts(counts: impl IntoIterator<Item = usize>) -> Self {
        Self::try_of_counts(counts).expect("as many elements as a usize can count")
    }

    /// A block of each length, unless their sum overflows.
    pub(crate) fn try_of_counts(counts: impl IntoIterator<Item = usize>) -> Option<Self> {
        let mut bounds = vec![0];
        let mut end: usize = 0;
        for count in counts {
            end = end.checked_add(count)?;
            bounds.push(end);
        }
        Some(Self(Kind::Bounds(bounds)))
    }

    /// Where block `i` begins; `i` may be the number of blocks.
    pub fn start(&self, i: usize) -> usize {
        match &self.0 {
            Kind::Even { base, longer, .. } => i * base + i.min(*longer),
            Kind::Bounds(bounds) => bounds[i],
        }
    }

    /// The elements of block `i`.
    pub fn block(&self, i: usize) -> Range<usize> {
        self.start(i)..self.start(i + 1)
    }

    /// The elements of several consecutive blocks.
    pub fn blocks(&self, range: Range<usize>) -> Range<usize> {
        self.start(range.start)..self.start(range.end)
    }

    /// The length of block `i`.
    pub fn len(&self, i: usize) -> usize {
        self.block(i).len()
    }

    /// All blocks of a buffer, in order.
    pub(crate) fn cut<'a, T>(
        &self,
        buffer: &'a mut [T],
    ) -> impl Iterator<Item = &'a mut [T]> + use<'a, '_, T> {
        let mut rest = buffer;
        (0..self.parts())
            .map(move |i| rest.split_off_mut(..self.len(i)).expect("a buffer as long as its blocks"))
    }

    /// How many blocks there are.
    pub fn parts(&self) -> usize {
        match &self.0 {
            Kind::Even { parts, .. } => *parts,
            Kind::Bounds(bounds) => bounds.len() - 1,
        }
    }

    /// Elements in all blocks together.
    pub fn total(&self) -> usize {
        self.start(self.parts())
    }

    /// The elements of the blocks of the subtree of `v`: a run that may wrap round the end, so two ranges,
    /// the second one mostly empty.
    pub(crate) fn run(&self, place: &Place, v: usize) -> [Range<usize>; 2] {
        let subtree = place.subtree_of(v);
        let first = place.rank_of(subtree.start);
        let end = first + subtree.len();
        match end.checked_sub(self.parts()) {
            None => [self.blocks(first..end), 0..0],
            Some(wrapped) => [self.blocks(first..self.parts()), self.blocks(0..wrapped)],
        }
    }

    /// The number of elements of the blocks of the subtree of `v`.
    pub(crate) fn held_by(&self, place: &Place, v: usize) -> usize {
        self.run(place, v).into_iter().map(|range| range.len()).sum()
    }
}

/// Two disjoint parts of a buffer at once: one to send from, one to write to.
///
/// # Panics
///
/// If they overlap.
pub(crate) fn disjoint<T>(buffer: &mut [T], read: Range<usize>, write: Range<usize>) -> (&[T], &mut [T]) {
    if read.is_empty() {
        return (&[], &mut buffer[write]);
    }
    if write.is_empty() {
        return (&buffer[read], &mut []);
    }
    if read.end <= write.start {
        let (low, high) = buffer.split_at_mut(write.start);
        (&low[read], &mut high[..write.end - write.start])
    } else {
        assert!(write.end <= read.start, "{read:?} and {write:?} overlap");
        let (low, high) = buffer.split_at_mut(read.start);
        (&high[..read.end - read.start], &mut low[write])
    }
}
