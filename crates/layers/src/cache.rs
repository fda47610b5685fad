//! Key-value caches: the keys and values of the tokens that came before, so that a new token's attention
//! needn't compute them again.
//!
//! ```text
//! token by token without a cache:   1 + 2 + ... + T tokens projected          with one:   T
//!
//! in one piece  [`KeyValueCache`]   ┌───────────────────┬──────────────┐  room for `capacity` tokens,
//!                                   │ a₀ a₁ a₂ a₃ a₄    │              │  taken up at once, for each
//!                                   └───────────────────┴──────────────┘  sequence
//! in pages      [`PagedCache`]      ┌──────┬──────┬──────┬──────┬──────┐  a pool that all sequences
//!                                   │ b₀ b₁│ a₀ a₁│      │ a₄   │ a₂ a₃│  take pages from as they grow
//!                                   └──────┴──────┴──────┴──────┴──────┘
//! ```
//!
//! Bytes: 2 G D elements for each token, in each layer. That G is in it and H isn't, is what grouped heads
//! are for.

mod contiguous;
mod paged;

pub use contiguous::KeyValueCache;
pub use paged::{PagedCache, Sequence};

use crate::error::{Error, Result};
fn check_truncation(length: usize, held: usize) -> Result<()> {
    match length <= held {
        true => Ok(()),
        false => Err(Error::Number {
            what: "the length to truncate to",
            given: length.to_string(),
            expected: format!("at most the {held} tokens that are held"),
        }),
    }
}
