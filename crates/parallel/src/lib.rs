//! Attention and layers on many ranks: forward and backward.
//!
//! Letters: P ranks, r one of them; B batch, T tokens of the whole sequence, H query heads, G key-value heads, D
//! head dimension.
//!
//! There are two things to cut up, and two halves of this crate:
//!
//! ```text
//! tokens     every rank has all weights, and some tokens of a sequence: only attention looks at other ranks' tokens
//! weights    every rank has some heads and some hidden elements, and works on all tokens
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`sequence`] | tokens: attention of a sequence that is cut by tokens, by any [`Strategy`]. Start here |
//! | [`strategy`], [`placement`] | which ways there are, which tokens stand where, what is sent |
//! | [`redistribute`], [`heads`] | Ulysses' all-to-all, and who has which heads |
//! | `ring`, `gather` | keys that travel, and keys that are gathered |
//! | [`mesh`] | ranks along several axes |
//! | [`multi_head`], [`mod@block`], [`stack`] | layers on some tokens |
//! | [`gradients`] | the sum of what ranks found for the same weights |
//! | [`tensor`] | weights: Megatron's tensor parallel, and what is called *sequence parallel* there |
//! | [`plan`] | what a layer sends and keeps under each of them |

pub mod block;
pub mod error;
mod float;
mod gather;
pub mod gradients;
pub mod heads;
pub mod mesh;
pub mod multi_head;
mod packing;
pub mod placement;
pub mod plan;
pub mod redistribute;
mod ring;
pub mod sequence;
mod shapes;
pub mod stack;
pub mod strategy;
pub mod tensor;
mod whole;

pub use error::{Error, Result};
pub use float::Float;
pub use mesh::Mesh;
pub use placement::Placement;
pub use sequence::{Exchange, SequenceParallelAttention};
pub use strategy::Strategy;
