//! What ranks do together.
//!
//! [`World::run`] starts P ranks; each gets a [`Communicator`] and calls collectives on it, named as in MPI.
//! Every collective is a ladder of algorithms, naive first, a file each: read `all_reduce/`, from
//! `reduce_broadcast.rs` up. Beside each algorithm stands its exact cost ([`Cost`]).
//!
//! Letters: P ranks, r a rank, N elements, lg the logarithm to base 2, ∘ the reduction.

mod algorithms;
mod all_gather;
mod all_reduce;
mod all_to_all;
mod barrier;
mod broadcast;
mod choose;
mod communicator;
mod cost;
mod element;
mod error;
mod gather;
mod kernels;
mod layout;
#[cfg(all(test, loom))]
mod models;
mod number;
mod peers;
mod plan;
mod power;
mod reduce;
mod reduce_scatter;
mod reduction;
mod scan;
mod scatter;
mod scratch;
mod stand_in;
mod tree;
mod world;

pub use {bytemuck, half};

pub use all_gather::AllGather;
pub use all_reduce::AllReduce;
pub use all_to_all::AllToAll;
pub use barrier::Barrier;
pub use broadcast::Broadcast;
pub use choose::{Limits, Setting};
pub use communicator::Communicator;
pub use cost::{Cost, ceil_log2};
pub use element::Element;
pub use error::{BadCall, Error, Result};
pub use gather::Gather;
pub use layout::Layout;
pub use number::Number;
pub use plan::{Blocks, Call, Plan};
pub use reduce::Reduce;
pub use reduce_scatter::ReduceScatter;
pub use reduction::{Custom, Max, Mean, Min, Product, Reduction, Sum};
pub use scan::{ExclusiveScan, Scan};
pub use scatter::Scatter;
pub use transport::{self, Cause, Counts, Divergence, ElementType, Fault, FaultKind, Field, Name, Traffic};
pub use world::{RunError, World};
