//! Layers on a sequence that is cut by tokens: multi-head attention, a block, and a stack of blocks on
//! several ranks equal those on one, send what their formulas say, and keep what their formulas say, whatever
//! the strategy.
//!
//! | file | what is held |
//! |---|---|
//! | `whole.rs` | output and all gradients, any sizes, ranks, masks, positions; f64 and f32 |
//! | `traffic.rs` | bytes and messages of each rank equal the formulas |
//! | `memory.rs` | bytes kept equal the formulas |
//! | `training.rs` | a stack of four blocks learns as on one rank |
//! | `mistakes.rs` | mistakes of others by name; planted ones are rejected |
//! | `refusals.rs` | what doesn't fit is an error, before anything is sent |
//!
//! `case.rs` says what is tried, `outcome.rs` what came of it.

mod case;
mod memory;
mod mistakes;
mod outcome;
mod refusals;
mod traffic;
mod training;
mod whole;
