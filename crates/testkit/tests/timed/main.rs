//! Whatever is timed is right: each way to sort, each attention, on one rank and across ranks.
//!
//! These tests are not in the library: linked to it, they call what it has compiled for every type.

mod arithmetic;
mod parallel;
mod sorting;
