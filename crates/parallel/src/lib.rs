//! Attention and layers on many ranks: forward and backward.
//!
//! Letters: P ranks, r one of them; B batch, T tokens of the whole sequence, H query heads, G key-value
//! heads, D head dimension.

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
