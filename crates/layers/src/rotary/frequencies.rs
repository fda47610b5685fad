//! How fast the points turn, and how that is slowed down for sequences longer than those of training.
//!
//! ```text
//! θᵢ = base^(-2i / R)      i = 0, 1, ..., R/2 - 1        wavelength λᵢ = 2π / θᵢ positions
//!
//! as trained   ●──●──●──●──●──●──●──●     θ on a logarithmic scale, fast to slow, R = 16
//! linear         ●──●──●──●──●──●──●──●   all slower by the factor
//! NTK-aware    ●───●───●───●───●───●───●  the fastest as trained, the slowest slower by the factor
//! Llama 3      ●──●──●──●────●────●──●──● fast ones as trained, slow ones slower by the factor, a bridge between
//! ```

use crate::{Error, Result};

/// How fast each point turns, in radians per position.
#[derive(Clone, Debug, PartialEq)]
pub struct Frequencies {
    of_points: Vec<f64>,
}

/// How a model is made to read longer sequences than it was trained on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    /// Position interpolation: position p counts as p / factor. Chen et al., *Extending Context Window of
    /// Large Language Models via Positional Interpolation*, 2023.
    Linear {
        /// How many times as long.
        factor: f64,
    },
    /// The base is multiplied by factor^(R / (R - 2)). So the slowest point is slowed down by the factor and
    /// the fastest not at all. Its author, bloc97, published it in a forum in 2023; Peng et al., *YaRN*,
    /// 2023, describe it.
    NtkAware {
        /// How many times as long.
        factor: f64,
    },
    /// By wavelength, with C for `original_context`: those under C / `high_frequency_factor` stay, those over
    /// C / `low_frequency_factor` are multiplied by the factor, and between them the share of either changes
    /// with C / λ. *The Llama 3 Herd of Models*, 2024; the values of Llama 3.1 are 8, 1, 4 and 8192.
    Llama3 {
        /// How many times as long.
        factor: f64,
        /// Waves that fit less often than this into the original context are slowed down in full.
        low_frequency_factor: f64,
        /// Waves that fit more often than this into the original context aren't.
        high_frequency_factor: f64,
        /// The length of sequences in training.
        original_context: usize,
    },
}

impl Frequencies {
    /// θᵢ = base^(-2i / R) for R rotated elements of each head. The base of RoFormer is 10,000, that of Llama
    /// 3 500,000.
    ///
    /// # Errors
    ///
    /// If R is odd, or the base isn't a positive number.
    pub fn new(dims: usize, base: f64) -> Result<Frequencies> {
        if !dims.is_multiple_of(2) {
            return Err(number("the number of rotated elements", dims, "an even number"));
        }
        if !(base > 0.0 && base.is_finite()) {
            return Err(number("the base", base, "a positive number"));
        }
        let of_point = |i| base.powf(-2.0 * i as f64 / dims as f64);
        Ok(Frequencies { of_points: (0..dims / 2).map(of_point).collect() })
    }

    /// The same, for longer sequences.
    ///
    /// ```
    /// use layers::rotary::{Frequencies, Scaling};
    ///
    /// let scaled = Frequencies::new(4, 100.0)?.scaled(Scaling::Linear { factor: 2.0 })?;
    /// assert_eq!(scaled.of_points(), [0.5, 0.05]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a factor isn't a positive number, if NTK-aware scaling has fewer than two points to spread over, or
    /// if Llama 3's high-frequency factor isn't above the low one.
    pub fn scaled(self, scaling: Scaling) -> Result<Frequencies> {
        let (Scaling::Linear { factor } | Scaling::NtkAware { factor } | Scaling::Llama3 { factor, .. }) =
            scaling;
        if !(factor > 0.0 && factor.is_finite()) {
            return Err(number("the scaling factor", factor, "a positive number"));
        }
        let dims = 2 * self.of_points.len();
        match scaling {
            Scaling::Linear { factor } => Ok(self.each(|_, theta| theta / factor)),
            Scaling::NtkAware { .. } if dims < 4 => {
                Err(number("the number of rotated elements", dims, "at least 4, for NTK-aware scaling"))
            }
            // A base of base factor^(R / (R - 2)), written as what it does to each point.
            Scaling::NtkAware { factor } => {
                Ok(self.each(|i, theta| theta * factor.powf(-2.0 * i as f64 / (dims as f64 - 2.0))))
            }
            Scaling::Llama3 { low_frequency_factor: low, high_frequency_factor: high, .. }
                if !(low > 0.0 && high > low && high.is_finite()) =>
            {
                Err(number("the high-frequency factor", high, "more than the low one, which is positive"))
            }
            Scaling::Llama3 {
                factor,
                low_frequency_factor: low,
                high_frequency_factor: high,
                original_context,
            } => Ok(self.each(|_, theta| {
                let waves = original_context as f64 * theta / std::f64::consts::TAU; // C / λ
                let kept = ((waves - low) / (high - low)).clamp(0.0, 1.0);
                kept * theta + (1.0 - kept) * theta / factor
            })),
        }
    }

    /// Radians per position of each of the R/2 points.
    pub fn of_points(&self) -> &[f64] {
        &self.of_points
    }

    fn each(self, f: impl Fn(usize, f64) -> f64) -> Frequencies {
        let of_points = self.of_points.into_iter().enumerate().map(|(i, theta)| f(i, theta)).collect();
        Frequencies { of_points }
    }
}

fn number(what: &'static str, given: impl ToString, expected: &str) -> Error {
    Error::Number { what, given: given.to_string(), expected: expected.into() }
}
