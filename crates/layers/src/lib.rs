//! What transformers are made of, on one rank: forward and backward.
//!
//! Letters: B batch, T tokens of a sequence, H query heads, G key-value heads, D head dimension. What treats
//! every token alike takes a matrix with a token in each row, (tokens, dim); attention takes (B, T, dim).
//!
//! A layer is a value: its parameters are public fields, and so are those of its gradient, which is a layer
//! of the same type. Each has three calls:
//!
//! ```text
//! infer(x)              ──► y                            saves nothing
//! forward(x)            ──► y, saved                     saved.bytes(): what is kept for the backward pass
//! backward(saved, dy)   ──► dx, the layer's gradient
//! ```
//!
//! What is kept is in sight, a field for each array: of all the memory of training it is the part that grows
//! with the tokens. `forward` takes its input as a shared array ([`ndarray::ArcArray`]; a plain one is turned
//! into one without a copy), so that two that keep the same array keep it once. (Bytes are those of the
//! elements: a slice of a larger shared array keeps all of that alive.)
//!
//! | module | idea |
//! |---|---|
//! | [`linear`] | y = x Wᵀ + b |
//! | [`norm`] | RMSNorm and LayerNorm |
//! | [`rotary`] | positions as rotations |
//! | [`activation`] | SiLU and GELU |
//! | [`feed_forward`] | SwiGLU and the GELU network |
//! | [`multi_head`] | attention of many heads: MHA, GQA, MQA; cross-attention; decoding |
//! | [`cache`] | keys and values of what came before: in one piece, and in pages |
//! | [`block`] | norm, attention, norm, feed-forward, with residuals |
//! | [`parameters`] | a layer's parameters by name |
//! | [`weights`] | from and to safetensors and `.npy` |

pub mod activation;
pub mod block;
pub mod cache;
pub mod error;
pub mod feed_forward;
pub mod linear;
pub mod multi_head;
pub mod norm;
pub mod parameters;
pub mod rotary;
mod rows;
pub mod weights;

pub use attention::{Algorithm, Dropout, Mask, Options, Threads};
pub use block::Block;
pub use error::{Error, Result};
pub use linear::Linear;
pub use multi_head::MultiHeadAttention;
pub use parameters::{Parameter, ParameterMut, Parameters};
pub use simd::Float;

#[cfg(test)]
mod testing;
