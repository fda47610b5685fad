//! Plain loops, compiled for the widest vectors of the processor that runs them.
//!
//! A binary that is built with default flags may use nothing newer than SSE2. Yet the loops of softmax run five
//! times faster on AVX-512. So a loop is compiled three times, and the choice is made when it runs:
//!
//! ```text
//! vectorised(|| loop) ──► level() ─┬─► Avx512     compiled with AVX-512
//!                                  ├─► Avx2       compiled with AVX2 and FMA
//!                                  └─► Portable   compiled for the target's baseline (NEON on AArch64)
//! ```
//!
//! The loops are ordinary Rust on slices: the compiler turns them into vector instructions if they are written
//! so that it can, with independent elements side by side and no branch between. [`exp()`] is such a loop's body.
//!
//! *The same bits on every level*: nothing here depends on the width of a vector, and a fused multiply-add is
//! asked for by name (`mul_add`) or not made at all. (Where a processor has no such instruction, before 2013,
//! `mul_add` is a call of the C library: slow, and right.)
//!
//! | module | idea |
//! |---|---|
//! | [`mod@level`] | which vectors there are, and how to do without |
//! | [`float`] | f32 and f64 |
//! | [`mod@exp`] | the exponential without a branch |

pub mod exp;
pub mod float;
pub mod level;

pub use exp::{exp, exp_nonpositive};
pub use float::Float;
pub use level::{Level, level, vectorised};
