//! Sorting networks as data.
//!
//! A *comparator* looks at the keys on two wires and puts the smaller one on the one, the greater on the other. A
//! *network* is a list of comparators: which two wires meet, and when, is fixed before any key is seen. Comparators
//! that share no wire can work at once; they make a *stage*.
//!
//! ```text
//! 0 ──┬───┬─────┬──        wires run from left to right, a comparator is a line between two of them; the
//! 1 ──┴───┼─┬───┴──        smaller key goes up
//! 2 ──┬───┼─┴───┬──
//! 3 ──┴───┴─────┴──        4 wires, 6 comparators in 3 stages of 2
//! ```
//!
//! Two numbers say what a network costs: its *size*, the comparators, is the work; its *depth*, the stages, is the
//! time if there is a comparator for every pair of wires.
//!
//! | module | idea |
//! |---|---|
//! | [`Kind`] | four ways to build one, for any number of wires, and how large they are |
//! | `bitonic`, `alternating`, `odd_even_merge`, `odd_even_transposition` | one each |
//! | [`Network::verify`] | the 0-1 principle: whether it sorts, proven by trying 2^n inputs, 64 at a time |
//! | [`Drawing`] | the picture, as text and as SVG, with keys flowing along the wires |
//!
//! Source: K. E. Batcher, Sorting Networks and Their Applications, 1968; D. E. Knuth, The Art of Computer Programming
//! 3, section 5.3.4.

mod alternating;
mod bitonic;
mod drawing;
mod kind;
mod odd_even_merge;
mod odd_even_transposition;
mod verify;

pub use drawing::Drawing;
pub use kind::{Kind, information_bound};
pub use verify::{MOST_WIRES, Unsorted, Unverified};

use std::cmp::Ordering;
use std::fmt;

/// Puts the smaller of two keys on one wire and the greater on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comparator {
    /// The wire that gets the smaller key. It may be the one with the higher number: then the comparator is a
    /// *descending* one.
    pub low: usize,
    /// The wire that gets the greater key.
    pub high: usize,
}

/// Comparators in stages, on so many wires.
///
/// ```
/// use bitonic::network::{Comparator, Kind, Network};
///
/// let compare = |low, high| Comparator { low, high };
/// let network = Network::new(3, vec![vec![compare(0, 1)], vec![compare(1, 2)], vec![compare(0, 1)]])?;
/// assert_eq!((network.wires(), network.size(), network.depth()), (3, 3, 3));
///
/// let mut keys = ["wire", "comparator", "stage"];
/// network.apply(&mut keys);
/// assert_eq!(keys, ["comparator", "stage", "wire"]);
///
/// assert_eq!(network.verify(), Ok(8)); // all inputs of zeros and ones, so it sorts whatever comes
/// assert_eq!(network, Kind::OddEvenTransposition.build(3));
/// # Ok::<(), bitonic::network::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    wires: usize,
    /// No wire twice in any of them.
    stages: Vec<Vec<Comparator>>,
}

impl Network {
    /// A network of these stages, one after the other.
    ///
    /// # Errors
    ///
    /// If a comparator is on a wire that isn't there, or compares a wire with itself, or if two comparators of a
    /// stage share a wire. Whether the network sorts is another question: see [`verify`](Self::verify).
    pub fn new(wires: usize, stages: Vec<Vec<Comparator>>) -> Result<Self, Error> {
        // The last stage that each wire was seen in, counted from 1.
        let mut seen = vec![0; wires];
        for (stage, comparators) in stages.iter().enumerate() {
            for &Comparator { low, high } in comparators {
                if low == high {
                    return Err(Error::SameWire { stage, wire: low });
                }
                for wire in [low, high] {
                    let seen = seen.get_mut(wire).ok_or(Error::NoSuchWire { stage, wire, wires })?;
                    if std::mem::replace(seen, stage + 1) == stage + 1 {
                        return Err(Error::WireTwice { stage, wire });
                    }
                }
            }
        }
        Ok(Self { wires, stages })
    }

    /// The number of wires.
    pub fn wires(&self) -> usize {
        self.wires
    }

    /// The stages, in the order in which keys meet them.
    pub fn stages(&self) -> &[Vec<Comparator>] {
        &self.stages
    }

    /// All comparators, stage by stage.
    pub fn comparators(&self) -> impl Iterator<Item = Comparator> {
        self.stages.iter().flatten().copied()
    }

    /// How many comparators there are.
    pub fn size(&self) -> usize {
        self.stages.iter().map(Vec::len).sum()
    }

    /// How many stages there are.
    pub fn depth(&self) -> usize {
        self.stages.len()
    }

    /// Sends a key down each wire. If the network sorts, they come out in ascending order.
    ///
    /// # Panics
    ///
    /// If there isn't one key for each wire.
    pub fn apply<T: Ord>(&self, keys: &mut [T]) {
        self.apply_by(keys, T::cmp);
    }

    /// [`apply`](Self::apply), with an order of the caller's own.
    ///
    /// ```
    /// use bitonic::{Key, network::Kind};
    ///
    /// let mut keys = [2.5, f64::NAN, -0.0, 0.0, -1.0];
    /// Kind::Bitonic.build(5).apply_by(&mut keys, f64::order);
    /// assert_eq!(keys.map(f64::to_bits), [-1.0, -0.0, 0.0, 2.5, f64::NAN].map(f64::to_bits));
    /// ```
    ///
    /// # Panics
    ///
    /// If there isn't one key for each wire.
    pub fn apply_by<T>(&self, keys: &mut [T], mut order: impl FnMut(&T, &T) -> Ordering) {
        assert_eq!(keys.len(), self.wires, "there must be one key for each wire");
        for comparator in self.comparators() {
            comparator.exchange(keys, &mut order);
        }
    }
}

impl Comparator {
    /// Does its work, and tells whether the keys changed places.
    fn exchange<T>(self, keys: &mut [T], mut order: impl FnMut(&T, &T) -> Ordering) -> bool {
        let Self { low, high } = self;
        let swaps = order(&keys[high], &keys[low]).is_lt();
        if swaps {
            keys.swap(low, high);
        }
        swaps
    }
}

/// Why comparators don't make a network. Stages and wires are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A comparator is on a wire that isn't there.
    NoSuchWire {
        /// The stage.
        stage: usize,
        /// The wire.
        wire: usize,
        /// How many there are.
        wires: usize,
    },
    /// A comparator has both ends on one wire.
    SameWire {
        /// The stage.
        stage: usize,
        /// The wire.
        wire: usize,
    },
    /// Two comparators of a stage share a wire.
    WireTwice {
        /// The stage.
        stage: usize,
        /// The wire.
        wire: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoSuchWire { stage, wire, wires } => {
                write!(f, "stage {stage} compares wire {wire}, but there are {wires}, counted from 0")
            }
            Self::SameWire { stage, wire } => write!(f, "stage {stage} compares wire {wire} with itself"),
            Self::WireTwice { stage, wire } => {
                write!(f, "stage {stage} has two comparators on wire {wire}")
            }
        }
    }
}

impl std::error::Error for Error {}
