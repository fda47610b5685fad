//! The concurrent core under loom, a model checker: interleavings of a few ranks, and everything that the
//! memory model lets a load return. `mailbox.rs` and `seat.rs` try the parts, the others whole worlds, as
//! [`Threads::run`] starts them; ranks neither spin nor yield, so each wait parks. Beside the models stand the
//! mistakes that they must find, planted one at a time.
//!
//! Every model says how many preemptions it allows: how often a rank that could go on is made to wait. With
//! `None` it is every interleaving there is. What was explored, and in what time, they print:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p transport --lib models -- --show-output
//! ```

mod deadlock;
mod failure;
mod mailbox;
mod seat;
mod share;

use super::sync::explore;
use super::{Endpoint, RunError, Threads};
use crate::{Call, ElementType, Envelope, Error, Incoming, Operation, Origin, Outgoing, Result, Transport};

const CALL: &Call = &Call::new("model");
const BYTES: &ElementType = &ElementType::of::<u8>("u8");

fn envelope(length: usize) -> Envelope {
    Envelope::new(CALL, BYTES, length)
}

fn outgoing(bytes: &[u8], stamp: u32) -> Outgoing<'_> {
    Outgoing { to: 1, bytes, elements: bytes.len(), stamp }
}

fn operation() -> Operation {
    Operation { envelope: envelope(0), origin: Origin::here() }
}

/// Runs `program` on every rank of a strict world, in which each message is a loan.
fn strict(ranks: usize, program: fn(&Endpoint) -> Result<()>) -> Result<(), RunError<Error>> {
    Threads::new(ranks).strict(true).run(|endpoint| program(&endpoint)).map(drop)
}

/// The same with messages that are copied.
fn buffered(ranks: usize, program: fn(&Endpoint) -> Result<()>) -> Result<(), RunError<Error>> {
    Threads::new(ranks).run(|endpoint| program(&endpoint)).map(drop)
}

/// A byte to one rank, a byte from another, or both at once.
fn transfer(at: &Endpoint, to: Option<usize>, from: Option<usize>) -> Result<()> {
    let own = [at.rank() as u8];
    let outgoing = to.map(|to| Outgoing { to, bytes: &own, elements: 1, stamp: 0 });
    let mut seen = None;
    let mut visit = |bytes: &[u8]| seen = Some(bytes[0]);
    let incoming = from.map(|from| Incoming { from, elements: 1, visit: &mut visit });
    at.transfer(&operation(), outgoing, incoming, None)?;
    assert_eq!(seen, from.map(|from| from as u8));
    Ok(())
}

fn send(at: &Endpoint, to: usize) -> Result<()> {
    transfer(at, Some(to), None)
}

fn receive(at: &Endpoint, from: usize) -> Result<()> {
    transfer(at, None, Some(from))
}
