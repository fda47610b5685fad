//! Dropout of shares: which are dropped is a function of a seed and of the pair's place, so nothing is
//! stored.
//!
//! Each share P[b, h, i, j] is kept with probability 1 - p, and then multiplied by 1 / (1 - p), so that the
//! expected output is the same (Srivastava et al., *Dropout*, 2014). The backward pass needs the same choice
//! again: it is made anew from (seed, b, h, i, j), whatever the order in which tiles are visited.

#[cfg(test)]
mod tests;

use crate::{Error, Result};

/// Which shares are dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    probability: f64,
    seed: u64,
}

impl Dropout {
    /// Drops each share with this probability.
    ///
    /// # Errors
    ///
    /// If the probability isn't in 0 <= p < 1.
    pub fn new(probability: f64, seed: u64) -> Result<Dropout> {
        match (0.0..1.0).contains(&probability) {
            true => Ok(Dropout { probability, seed }),
            false => Err(Error::Number {
                what: "the probability to drop",
                given: probability.to_string(),
                expected: "0 <= p < 1",
            }),
        }
    }

    /// The probability to drop a share.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// What all kept shares are multiplied by.
    pub fn scale(&self) -> f64 {
        1.0 / (1.0 - self.probability)
    }

    /// The choices for one query: of batch entry b, query head h, query i.
    pub fn row(&self, batch: usize, head: usize, query: usize) -> DropoutRow {
        let place = [batch, head, query].iter().fold(self.seed, |seed, &i| mix(seed ^ mix(i as u64 + 1)));
        // Of 2^32 equally likely numbers those below `threshold` are dropped.
        DropoutRow { seed: place as u32, threshold: (self.probability * 4_294_967_296.0) as u32 }
    }
}

/// The choices for one query.
#[derive(Clone, Copy, Debug)]
pub struct DropoutRow {
    seed: u32,
    threshold: u32,
}

impl DropoutRow {
    /// Whether the share of this key is kept.
    #[inline(always)]
    pub fn keeps(&self, key: usize) -> bool {
        // 32 bits, so that sixteen fit in a vector. The steps are those of Wellons' hash "lowbias32" (2018).
        let mut x = (key as u32).wrapping_mul(0x9e37_79b9) ^ self.seed;
        x ^= x >> 16;
        x = x.wrapping_mul(0x7feb_352d);
        x ^= x >> 15;
        x = x.wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
        x >= self.threshold
    }
}

/// The finalizer of SplitMix64 (Steele, Lea & Flood, 2014): every bit of the result depends on every bit of
/// x.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
