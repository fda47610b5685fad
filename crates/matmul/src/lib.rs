//! One seam over the fastest matrix product, with as many threads as the caller says.
//!
//! ```text
//!            n                 k              n
//!         ┌──────┐          ┌─────┐        ┌──────┐
//!       m │ out  │  =     m │  a  │   ·  k │  b   │         2 m n k floating-point operations
//!         └──────┘          └─────┘        └──────┘
//! ```
//!
//! The product itself is the [`gemm`] crate's: of those measured (see `cargo bench -- matmul`) the fastest at
//! the sizes that attention is made of, whatever the strides. Nothing else in gears calls it.
//!
//! | module | idea |
//! |---|---|
//! | [`mod@product`] | products of views: replace or add |
//! | [`threads`] | how many threads, and tasks shared out among them |

pub mod product;
pub mod threads;

#[cfg(test)]
mod tests;

pub use product::{Error, Write, product, product_into, tile};
pub use simd::Float;
pub use threads::Threads;
