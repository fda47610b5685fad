//! What the benchmarks in `benches/` measure, and under what names.
//!
//! | module | what | for instance |
//! |---|---|---|
//! | [`collectives`] | every collective: ranks x size x algorithm | `all_reduce/ring/P2/f32/8192` |
//! | [`arithmetic`] | products, softmax, attention: size x algorithm | `attention/flash/f32/B1H8D64/2048` |
//! | [`parallel`] | attention across ranks: strategy x ranks x tokens | `ulysses/fused/P2/f32/2048` |
//! | [`sorting`] | sorts: size x type x algorithm | `sort/simd/P1/f32/65536` |
//!
//! A part of a name chooses benchmarks:
//!
//! ```text
//! cargo bench -- all_reduce/ring
//! cargo bench -- /P4/f32/8192
//! cargo bench -- attention/flash
//! cargo bench -- matmul
//! cargo bench -- ulysses/fused
//! cargo bench -- sort/simd
//! ```

pub mod arithmetic;
pub mod collectives;
pub mod parallel;
pub mod sorting;
