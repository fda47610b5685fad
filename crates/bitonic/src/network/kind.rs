//! Four networks, by name, and how large they are.

use super::{Comparator, Network, alternating, bitonic, odd_even_merge, odd_even_transposition};

/// A way to build a sorting network. Each gives one for any number of wires, also 0 and 1.
///
/// ```
/// use bitonic::network::Kind;
///
/// let sizes = Kind::ALL.map(|kind| kind.build(16).size());
/// assert_eq!(sizes, [80, 80, 63, 120]);
/// let depths = Kind::ALL.map(|kind| kind.build(16).depth());
/// assert_eq!(depths, [10, 10, 10, 16]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Batcher's bitonic sorter in the form where every comparator points the same way: each merge begins with a
    /// *flip*.
    Bitonic,
    /// Batcher's bitonic sorter as textbooks draw it: one half is sorted up and the other down.
    Alternating,
    /// Batcher's odd-even merge sort: fewer comparators in as many stages.
    OddEvenMerge,
    /// Bubble sort of all neighbours at once: n stages.
    OddEvenTransposition,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] =
        [Kind::Bitonic, Kind::Alternating, Kind::OddEvenMerge, Kind::OddEvenTransposition];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bitonic => "bitonic",
            Kind::Alternating => "alternating",
            Kind::OddEvenMerge => "odd-even-merge",
            Kind::OddEvenTransposition => "odd-even-transposition",
        }
    }

    /// The network on so many wires.
    pub fn build(self, wires: usize) -> Network {
        let stages = match self {
            Kind::Bitonic => bitonic::stages(wires),
            Kind::Alternating => alternating::stages(wires),
            Kind::OddEvenMerge => odd_even_merge::stages(wires),
            Kind::OddEvenTransposition => odd_even_transposition::stages(wires),
        };
        Network::new(wires, stages).expect("the builders put no wire twice in a stage")
    }

    /// How many comparators it has, without building it.
    pub fn size(self, wires: usize) -> usize {
        match self {
            Kind::Bitonic => bitonic::size(wires),
            Kind::Alternating => alternating::size(wires),
            Kind::OddEvenMerge => odd_even_merge::size(wires),
            Kind::OddEvenTransposition => odd_even_transposition::size(wires),
        }
    }

    /// How many stages it has, without building it.
    pub fn depth(self, wires: usize) -> usize {
        match self {
            Kind::Bitonic | Kind::Alternating | Kind::OddEvenMerge => triangle(levels(wires)),
            Kind::OddEvenTransposition => odd_even_transposition::depth(wires),
        }
    }
}

/// lg n!, in bits: what a sort must find out to tell the n! orders of n keys apart. A comparison answers one bit, so
/// no sort that compares makes fewer of them for every input, whether it is a network or not.
///
/// ```
/// use bitonic::network::information_bound;
///
/// assert_eq!(information_bound(5).ceil(), 7.0); // lg 120 = 6.9
/// ```
pub fn information_bound(keys: usize) -> f64 {
    // Not `sum`, which makes -0 of nothing.
    (2..=keys).fold(0.0, |bits, key| bits + (key as f64).log2())
}

/// lg n, rounded up: the levels of merges that n wires need.
pub(super) fn levels(wires: usize) -> usize {
    wires.next_power_of_two().trailing_zeros() as usize
}

/// 1 + 2 + ... + k: the stages of k levels, of which the l-th has l. Also for the bits of a wire.
pub(super) fn triangle(k: usize) -> usize {
    k * (k + 1) / 2
}

/// How many of the numbers below n have this bit set. These are the wires that are the higher one of a pair, where
/// every two wires meet whose numbers differ in this bit (and, in a flip, in those below it).
pub(super) fn ones(n: usize, bit: usize) -> usize {
    let distance = 1 << bit;
    n / (2 * distance) * distance + (n % (2 * distance)).saturating_sub(distance)
}

/// A stage: those of these pairs of wires, the lower number first, of which both are there.
pub(super) fn present(wires: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Vec<Comparator> {
    pairs.filter(|&(_, high)| high < wires).map(|(low, high)| Comparator { low, high }).collect()
}
