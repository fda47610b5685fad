//! Layers cut up among ranks: Megatron's tensor parallelism, and its sequence parallelism.
//!
//! A rank has some heads of the attention and some hidden elements of the network; all ranks work on the same
//! tokens. Two layers after each other are cut so that one sum over ranks is enough for both (see
//! [`linear`]):
//!
//! ```text
//!             every rank          its own part, no communication            every rank
//! x ──norm──►  f or g  ──►  rows of W₁ ── act ── columns of W₂  ──►  f̄ or ḡ ──(+)──► y
//! ```
//!
//! f, g and their bars ([`operators`]) are all that is sent. Which pair it is, is a value, [`Edges`]:
//! `AllReduce` is tensor parallel, `GatherScatter` sequence parallel. The layers are the same.
//!
//! The parts of ranks are layers of the [`layers`] crate, of smaller sizes; what stands here is how they are
//! cut, and what happens between them. Each is made of a whole layer (`from_full`), so that a checkpoint can
//! be loaded, and can be put together again (`to_full`).
//!
//! | module | idea |
//! |---|---|
//! | [`operators`] | f, g and their bars |
//! | [`edges`] | which of them: what makes the one parallelism the other |
//! | [`ranks`] | who takes part, and who has the same key-value heads |
//! | [`linear`] | a layer by its outputs, and by its inputs |
//! | [`attention`] | attention by its heads |
//! | [`feed_forward`] | a network by its hidden elements |
//! | [`embedding`] | the embedding by the vocabulary |
//! | [`cross_entropy`] | the loss, of logits that nobody has all of |
//! | [`block`] | a transformer block |
//! | [`costs`], [`memory`] | what that sends, and keeps |
//!
//! What a layer saved is handed to its `backward` by value, unlike in [`layers`]: it may hold a shard in place
//! of what it was gathered to, and that comes in again there. [`cross_entropy::backward`], which gathers
//! nothing, looks at what was saved.
//!
//! Parts know for which rank of how many they are cut, and refuse to work for another: their shapes would
//! often fit, and their sums be wrong.
//!
//! Sources: Shoeybi et al., *Megatron-LM: Training Multi-Billion Parameter Language Models Using Model
//! Parallelism*, 2019; Korthikanti et al., *Reducing Activation Recomputation in Large Transformer Models*,
//! 2022.

pub mod attention;
pub mod block;
pub mod costs;
pub mod cross_entropy;
mod cut;
pub mod edges;
pub mod embedding;
pub mod feed_forward;
pub mod linear;
pub mod memory;
pub mod operators;
pub mod ranks;
mod shards;

pub use attention::Attention;
pub use block::Block;
pub use costs::{BlockSizes, Costs};
pub use edges::{Edges, Keep};
pub use embedding::Embedding;
pub use feed_forward::FeedForward;
pub use linear::{ColumnParallel, RowParallel};
pub use ranks::Ranks;
