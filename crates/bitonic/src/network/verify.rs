//! The 0-1 principle: a network that sorts all inputs of zeros and ones sorts all inputs.
//!
//! Why: a comparator does the same to keys, whatever they are called, as long as their order stays. Take any keys and
//! call those that are at least t "1" and the others "0": the zeros and ones run along the wires as the keys do, and if
//! they come out sorted for every t, so do the keys.
//!
//! So n! orders become 2^n inputs, and those can be tried. A key is one bit, so a word holds that of 64 inputs at once,
//! and a comparator is two instructions:
//!
//! ```text
//! wire          inputs 63, ..., 1, 0
//! 0             1010...1010               low  = a AND b
//! 1             1100...1100               high = a OR b
//! 5             1...1 0...0 (32 each)
//! 6 and up      all 0, or all 1: the bits of the number of the word
//! ```
//!
//! Cost: 2^n / 64 words through `size` comparators, on all threads. Doubles with each wire.
//!
//! Source: D. E. Knuth, The Art of Computer Programming 3, section 5.3.4, theorem Z.

use super::Network;
use rayon::prelude::*;
use std::fmt;

/// [`Network::verify`] tries all inputs for at most so many wires. Each more would take twice as long.
pub const MOST_WIRES: usize = 28;

/// Wires 0 to 5 of 64 inputs: input j has bit w of j on wire w.
const PATTERNS: [u64; 6] = [
    0xAAAA_AAAA_AAAA_AAAA,
    0xCCCC_CCCC_CCCC_CCCC,
    0xF0F0_F0F0_F0F0_F0F0,
    0xFF00_FF00_FF00_FF00,
    0xFFFF_0000_FFFF_0000,
    0xFFFF_FFFF_0000_0000,
];

/// Which of 64 inputs have so many ones on wires 0 to 5.
const BY_ONES: [u64; 7] = {
    let mut masks = [0; 7];
    let mut j: usize = 0;
    while j < 64 {
        masks[j.count_ones() as usize] |= 1 << j;
        j += 1;
    }
    masks
};

/// Words that a thread takes at a time at least: so much that small networks aren't shared out.
const GRAIN: usize = 1024;

impl Network {
    /// Tries all 2^n inputs of zeros and ones, and answers how many these were if all come out in ascending order.
    ///
    /// ```
    /// use bitonic::network::{Kind, Network, Unverified};
    ///
    /// let network = Kind::Bitonic.build(16);
    /// assert_eq!(network.verify(), Ok(65536));
    ///
    /// let mut stages = network.stages().to_vec();
    /// stages.pop(); // the last one: comparisons of neighbours
    /// let Err(Unverified::Unsorted(unsorted)) = Network::new(16, stages)?.verify() else { panic!() };
    /// assert_eq!(unsorted.to_string(), "1000000000000000 comes out as 0000000000000010");
    /// # Ok::<(), bitonic::network::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unverified::Unsorted`] if an input doesn't come out sorted, with a minimal one; [`Unverified::TooManyWires`] if
    /// there are more than [`MOST_WIRES`].
    pub fn verify(&self) -> Result<u64, Unverified> {
        if self.wires > MOST_WIRES {
            return Err(Unverified::TooManyWires { wires: self.wires });
        }
        let words: u32 = 1 << self.wires.saturating_sub(PATTERNS.len());
        let least = (0..words)
            .into_par_iter()
            .with_min_len(GRAIN)
            .map_init(|| vec![0; self.wires], |bits, word| self.least_unsorted(word.into(), bits))
            .flatten()
            .min();
        match least {
            None => Ok(1 << self.wires),
            Some((_, input)) => {
                let input: Vec<bool> = (0..self.wires).map(|wire| input >> wire & 1 == 1).collect();
                let mut output = input.clone();
                self.apply(&mut output);
                Err(Unverified::Unsorted(Unsorted { input, output }))
            }
        }
    }

    /// Of the 64 inputs of a word those that don't come out sorted, and of these the least by its number of ones, then
    /// by its bits read as a number; with that number of ones.
    ///
    /// With fewer than 6 wires there are fewer than 64 inputs, and a word repeats them. The least has no ones on wires
    /// that aren't there.
    fn least_unsorted(&self, word: u64, bits: &mut [u64]) -> Option<(u32, u64)> {
        for (wire, bits) in bits.iter_mut().enumerate() {
            *bits = match wire.checked_sub(PATTERNS.len()) {
                None => PATTERNS[wire],
                Some(bit) => (word >> bit & 1).wrapping_neg(),
            };
        }
        for comparator in self.stages.iter().flatten() {
            let (a, b) = (bits[comparator.low], bits[comparator.high]);
            (bits[comparator.low], bits[comparator.high]) = (a & b, a | b);
        }
        // A one just above a zero.
        let unsorted = bits.windows(2).fold(0, |unsorted, pair| unsorted | pair[0] & !pair[1]);
        let ones = (0..).zip(BY_ONES).find(|(_, with_ones)| unsorted & with_ones != 0);
        ones.map(|(ones, with_ones)| {
            let input = word << PATTERNS.len() | u64::from((unsorted & with_ones).trailing_zeros());
            (ones + word.count_ones(), input)
        })
    }
}

/// Why it isn't proven that a network sorts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It doesn't.
    Unsorted(Unsorted),
    /// There are more inputs than can be tried: see [`MOST_WIRES`].
    TooManyWires {
        /// The wires of the network.
        wires: usize,
    },
}

/// An input of zeros and ones that doesn't come out sorted.
///
/// [`Network::verify`] gives a minimal one: no unsorted input has fewer ones; and of those with as many, none has its
/// ones on smaller wires, comparing their highest wires first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsorted {
    /// What goes in, by wire.
    pub input: Vec<bool>,
    /// What comes out.
    pub output: Vec<bool>,
}

impl fmt::Display for Unsorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |keys: &[bool]| keys.iter().map(|&key| if key { '1' } else { '0' }).collect::<String>();
        write!(f, "{} comes out as {}", digits(&self.input), digits(&self.output))
    }
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsorted(unsorted) => unsorted.fmt(f),
            Self::TooManyWires { wires } => {
                write!(
                    f,
                    "{wires} wires have 2^{wires} inputs, which are tried for {MOST_WIRES} wires at most"
                )
            }
        }
    }
}

impl std::error::Error for Unverified {}
