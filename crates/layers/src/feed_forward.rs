//! Feed-forward networks: what a transformer does with each token alone, between two attentions.
//!
//! ```text
//! Mlp      y = act(x W₁ᵀ) W₂ᵀ                          dim ──► hidden ──► dim
//! SwiGLU   y = (silu(x Wgᵀ) ∘ (x Wuᵀ)) Wdᵀ             dim ══► hidden ──► dim
//! ```
//!
//! Saved is what Korthikanti et al. count in *Reducing Activation Recomputation in Large Transformer Models*
//! (2022): the input of each linear layer, and that of the activation. One of them, the activation's result,
//! could be computed anew from the other at the price of a pass over it.

mod mlp;
mod swiglu;
#[cfg(test)]
mod tests;

pub use mlp::{Mlp, Saved as MlpSaved};
pub use swiglu::{Saved as SwiGluSaved, SwiGlu};

use crate::parameters::{Parameter, ParameterMut, Parameters};
use crate::{Float, Result, Threads};
use ndarray::{ArcArray2, Array2, ArrayView2};

/// One of the feed-forward networks, for what can be built with either.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedForward<T> {
    /// Two linear layers with an activation between.
    Mlp(Mlp<T>),
    /// With a gate.
    SwiGlu(SwiGlu<T>),
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub enum Saved<T> {
    /// Of an MLP.
    Mlp(MlpSaved<T>),
    /// Of SwiGLU.
    SwiGlu(SwiGluSaved<T>),
}

impl<T> Saved<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Saved::Mlp(saved) => saved.bytes(),
            Saved::SwiGlu(saved) => saved.bytes(),
        }
    }
}

impl<T: Float> FeedForward<T> {
    /// The output for x (tokens, dim): (tokens, dim).
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        match self {
            FeedForward::Mlp(network) => network.infer(x, threads),
            FeedForward::SwiGlu(network) => network.infer(x, threads),
        }
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns.
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        match self {
            FeedForward::Mlp(network) => network.forward(x, threads).map(|(y, saved)| (y, Saved::Mlp(saved))),
            FeedForward::SwiGlu(network) => {
                network.forward(x, threads).map(|(y, saved)| (y, Saved::SwiGlu(saved)))
            }
        }
    }

    /// The gradients of the input and of the network, given that of the output.
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output.
    ///
    /// # Panics
    ///
    /// If `saved` is of the other network.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<(Array2<T>, FeedForward<T>)> {
        match (self, saved) {
            (FeedForward::Mlp(network), Saved::Mlp(saved)) => {
                network.backward(saved, gradient, threads).map(|(dx, d)| (dx, FeedForward::Mlp(d)))
            }
            (FeedForward::SwiGlu(network), Saved::SwiGlu(saved)) => {
                network.backward(saved, gradient, threads).map(|(dx, d)| (dx, FeedForward::SwiGlu(d)))
            }
            _ => panic!("what the forward pass of another network saved"),
        }
    }
}

impl<T: Float> Parameters<T> for FeedForward<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        match self {
            FeedForward::Mlp(network) => network.parameters(),
            FeedForward::SwiGlu(network) => network.parameters(),
        }
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        match self {
            FeedForward::Mlp(network) => network.parameters_mut(),
            FeedForward::SwiGlu(network) => network.parameters_mut(),
        }
    }
}
