//! The concurrent core under loom, a model checker: every interleaving of a few ranks, and everything that the
//! memory model lets a load return. What each model explored, and in what time, it prints:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p transport --lib models -- --show-output
//! ```
//!
//! Beside each stand the mistakes that it must find, planted one at a time.

mod mailbox;
mod seat;

pub(super) use super::sync::explore;
