//! Tensor and sequence parallel: every layer on several ranks equals the layer on one, sends what its formula
//! says, and keeps what its formula says.
//!
//! | file | what is held |
//! |---|---|
//! | `whole.rs` | a block: output and all gradients, any sizes, ranks, masks; f64 and f32 |
//! | `operators.rs` | f, g and their bars: what they are, and that each one's backward is its transpose |
//! | `layers_alone.rs` | its layers alone; the embedding and the loss; cutting and putting together |
//! | `traffic.rs` | bytes and messages of each rank equal the formulas; equal bytes of both parallelisms |
//! | `memory.rs` | bytes kept equal the formulas, and Korthikanti's where they say the same |
//! | `mistakes.rs` | mistakes of others by name; planted ones are rejected |
//! | `training.rs` | a model of four blocks learns as on one rank |
//! | `refusals.rs` | what doesn't fit is an error, before anything is sent |
//!
//! `case.rs` says what is tried, `outcome.rs` what came of it, and `by_hand.rs` is a block in which mistakes
//! are planted.

mod by_hand;
mod case;
mod layers_alone;
mod memory;
mod mistakes;
mod operators;
mod outcome;
mod refusals;
mod traffic;
mod training;
mod whole;
