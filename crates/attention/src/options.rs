//! What can be chosen about an attention besides its inputs.

use crate::{Dropout, Mask, Shape, Threads};
use simd::Float;

/// What can be chosen about an attention besides its inputs. The default: everyone sees everyone, scale 1/√D,
/// no dropout, [all threads](Threads::all).
#[derive(Clone, Debug)]
pub struct Options<'a, T> {
    /// Who sees whom, and what is added to the scores.
    pub mask: Mask<'a, T>,
    /// What products of queries and keys are multiplied by; `None` is 1/√D.
    pub scale: Option<T>,
    /// Which shares are dropped.
    pub dropout: Option<Dropout>,
    /// How many threads to use.
    pub threads: Threads,
}

impl<T> Default for Options<'_, T> {
    fn default() -> Self {
        Options { mask: Mask::none(), scale: None, dropout: None, threads: Threads::all() }
    }
}

impl<'a, T: Float> Options<'a, T> {
    /// The default with this mask.
    pub fn masked(mask: Mask<'a, T>) -> Options<'a, T> {
        Options { mask, ..Options::default() }
    }

    /// The same with so many threads.
    pub fn threads(self, threads: Threads) -> Options<'a, T> {
        Options { threads, ..self }
    }

    /// What products of queries and keys are multiplied by.
    pub fn scale_for(&self, shape: &Shape) -> T {
        self.scale.unwrap_or_else(|| T::one() / T::of(shape.head_dim as f64).sqrt())
    }
}
