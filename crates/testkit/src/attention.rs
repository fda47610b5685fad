//! What every attention owes, whatever the algorithm: the oracle, the cases, the suite, and the planted
//! mistakes that it must reject.
//!
//! | module | idea |
//! |---|---|
//! | [`case`] | one attention to try: sizes, mask, options |
//! | [`cases`] | which ones the suite tries |
//! | [`inputs`] | the tensors of a case: a function of it, and exact in f32 as in f64 |
//! | [`oracle`] | attention as the formulas say it, pair by pair, in f64 |
//! | [`sensitive`] | numbers that know how far rounding may move them: where bounds come from |
//! | [`trial`] | a case with its inputs and what is right, computed once |
//! | [`suite`] | what every attention owes |
//! | [`paged`] | attention over pages, as one that the suite can try |
//! | `rows` | a tensor as rows: what oracle and mutants index |
//! | [`mutants`] | attentions with a mistake each |
//!
//! [`AttentionGear`] is anything that claims to be one; [`attention::Algorithm`] is.

pub mod case;
pub mod cases;
pub mod inputs;
// This crate's own unit tests, a second build of it, do without.
#[cfg(not(test))]
pub mod mutants;
pub mod oracle;
pub mod paged;
mod rows;
pub mod sensitive;
pub mod suite;
pub mod trial;

pub use case::{Case, Fill, Parts};
pub use inputs::Inputs;
pub use oracle::Oracle;
pub use trial::Trial;

use attention::algorithm::{Attended, Gradients, Upstream};
use attention::{Algorithm, Options, Result};
use ndarray::ArrayView4;
use parallel::Float;

/// Anything that claims to be scaled dot-product attention, forward and backward, in f32 and f64.
pub trait AttentionGear: Sync {
    /// Whether it claims to handle the case.
    fn supports(&self, _case: &Case) -> bool {
        true
    }

    /// Whether it takes a mask that is said of a larger attention ([`attention::Mask::part`]).
    fn computes_parts(&self) -> bool {
        true
    }

    /// The attention of `query` (B, H, Tq, D) over `key` (B, G, Tk, D) and `value` (B, G, Tk, E).
    ///
    /// # Errors
    ///
    /// If shapes don't fit. The suite takes any error for a rejection.
    fn forward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Attended<T>>;

    /// The gradients, given that of the output.
    ///
    /// # Errors
    ///
    /// If shapes don't fit. The suite takes any error for a rejection.
    fn backward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>>;
}

impl AttentionGear for Algorithm {
    fn forward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Attended<T>> {
        Algorithm::forward(*self, query, key, value, options)
    }

    fn backward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        Algorithm::backward(*self, query, key, value, upstream, options)
    }
}
