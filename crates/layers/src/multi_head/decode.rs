//! Decoding: the attention of new tokens over all that came before, whose keys and values a cache holds.
//!
//! ```text
//! new x (B, 1, dim) ──► q, k, v of the new token      cache: k₀ k₁ k₂ k₃ │ k      q sees all of it
//!                                                            v₀ v₁ v₂ v₃ │ v
//! ```
//!
//! Token by token, or some at a time, gives what one pass over the whole sequence gives with a causal mask.
//! One token costs 2 dim (2 H + 2 G) D operations for the projections and 4 H T D for the attention: little
//! arithmetic, for which all of the weights and of the cache must be loaded. That is why decoding is bounded
//! by memory, and caches are worth making small.

use super::MultiHeadAttention;
use crate::cache::{KeyValueCache, PagedCache, Sequence};
use crate::error::{Result, expect};
use crate::rotary::Positions;
use crate::{Algorithm, Float, Options};
use attention::paged;
use ndarray::{Array2, Array3, ArrayView3};

#[cfg(test)]
mod tests;

/// So many new tokens are few. Tuned on one core of an AMD EPYC (Zen 5), 2026-11, with 8 heads on 2 of
/// dimension 64: over 512 keys split is faster up to 8 tokens, over 4096 up to 16.
const FEW: usize = 8;

impl<T: Float> MultiHeadAttention<T> {
    /// Self-attention of the next tokens x (B, T, dim) over those in the cache and each other: (B, T, dim).
    /// Their keys and values are added to the cache.
    ///
    /// Positions, and the mask's offset, follow from what the cache holds. So the mask is mostly
    /// [`Mask::causal`](crate::Mask::causal), which hides nothing from a single token.
    ///
    /// # Errors
    ///
    /// If shapes don't fit, or the cache has no room; then the cache is as it was.
    pub fn decode(
        &self,
        x: ArrayView3<'_, T>,
        cache: &mut KeyValueCache<T>,
        options: &Options<'_, T>,
    ) -> Result<Array3<T>> {
        let held = cache.len();
        let projected = self.project(x, Positions::From(held), options.threads)?;
        cache.append(projected.key.view(), projected.value.view())?;
        let options = Options { mask: options.mask.clone().offset(held as isize), ..options.clone() };
        let (query, keys, values) = (projected.query.view(), cache.keys(), cache.values());
        match self.algorithm_for(x.dim().1).forward(query, keys, values, &options) {
            Ok(attended) => self.project_output(attended.output.view(), options.threads),
            Err(error) => {
                cache.truncate(held)?;
                Err(error.into())
            }
        }
    }

    /// The same with a cache in pages: the next tokens x (B, T, dim) of B sequences, which may be of
    /// different lengths.
    ///
    /// # Errors
    ///
    /// If shapes don't fit, a sequence doesn't exist or is named twice, or too few pages are free; then the
    /// cache holds what it held.
    pub fn decode_paged(
        &self,
        x: ArrayView3<'_, T>,
        cache: &mut PagedCache<T>,
        sequences: &[Sequence],
        options: &Options<'_, T>,
    ) -> Result<Array3<T>> {
        let (_, tokens, dim) = x.dim();
        expect("x", x.shape(), &[sequences.len(), tokens, dim], "(B, T, dim), with B sequences")?;
        let held = sequences.iter().map(|&sequence| cache.len(sequence)).collect::<Result<Vec<_>>>()?;
        let positions = Array2::from_shape_fn((held.len(), tokens), |(b, t)| held[b] + t);
        let projected = self.project(x, Positions::PerSequence(positions.view()), options.threads)?;
        cache.append(sequences, projected.key.view(), projected.value.view())?;
        // In pages queries are the last tokens of their sequences: no offset is needed.
        let options = Options { mask: options.mask.clone().offset(0), ..options.clone() };
        let attended = paged::forward(projected.query.view(), &cache.view(sequences)?, &options);
        match attended {
            Ok(attended) => self.project_output(attended.output.view(), options.threads),
            Err(error) => {
                for (&sequence, held) in sequences.iter().zip(held) {
                    cache.truncate(sequence, held)?;
                }
                Err(error.into())
            }
        }
    }

    /// With few queries flash has too little to share out among threads.
    fn algorithm_for(&self, tokens: usize) -> Algorithm {
        match self.algorithm {
            Algorithm::Flash if tokens <= FEW => Algorithm::Split,
            algorithm => algorithm,
        }
    }
}
