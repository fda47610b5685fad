//! Softmax and scaled dot-product attention on one rank, from the definition to flash; forward and backward.
//!
//! Letters: B batch, H query heads, G key-value heads (H is a multiple of G), Tq queries, Tk keys, D head
//! dimension, E value dimension (mostly D).
//!
//! ```text
//! S = Q Kᵀ scale + mask      (B, H, Tq, Tk)
//! P = softmax(S)             each query's shares of the keys: they sum to 1
//! O = P V                    (B, H, Tq, E)
//! ```
//!
//! | module | idea | memory besides inputs and outputs |
//! |---|---|---|
//! | [`softmax`] | the ladder of softmax: definition, shifted, online, vectorised, parallel | |
//! | [`partial`] | a softmax of some keys that can be merged with that of others | |
//! | [`naive`] | the textbook: all scores at once. Everyone's oracle, in f64 | Tq Tk a thread |
//! | [`blocked`] | some keys at a time, with a running softmax | Tq block a thread |
//! | [`flash`] | tiles of queries and keys that fit in cache, products of tiles | a tile a thread; backward Tq D a thread |
//! | [`split`] | keys shared out among threads: for decoding, where there is one query | Tq E for each 512 keys, and their scores a thread |
//! | [`paged`] | keys and values in pages, found by a block table | as split |
//! | [`mask`] | who sees whom, as data | |
//! | [`dropout`] | which shares are dropped: a function of the seed, so that it needn't be stored | |

pub mod algorithm;
pub mod blocked;
pub mod dropout;
pub mod error;
pub mod flash;
pub mod mask;
pub mod naive;
pub mod options;
pub mod paged;
pub mod partial;
mod seen;
pub mod shape;
pub mod softmax;
pub mod split;

pub use algorithm::Algorithm;
pub use dropout::Dropout;
pub use error::{Error, Result};
pub use mask::Mask;
pub use matmul::Threads;
pub use options::Options;
pub use shape::Shape;
pub use simd::Float;
