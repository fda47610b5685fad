//! The promise of a barrier.

use super::{Rejection, Verdict, is_deadlock};
use crate::case::{Case, Operation};
use crate::gear::Gear;
use collectives::{Sum, World};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// If one rank never comes, nobody leaves: the promise of a barrier, tested without a clock. Every rank that
/// gets through waits for a message from itself, so the world is proven deadlocked only when
/// nothing can move any more; then it is known who got through.
///
/// # Errors
///
/// If a rank left before all had come.
pub fn nobody_early<G: Gear>(gear: &G) -> Verdict {
    if gear.operation() != Operation::Barrier {
        return Ok(0);
    }
    let mut cases = 0;
    for ranks in (2..=9).filter(|&ranks| gear.supports(&Case::new(ranks, 0), true)) {
        for absent in 0..ranks {
            let through: Vec<_> = (0..ranks).map(|_| AtomicBool::new(false)).collect();
            let ended = World::new(ranks).run(|comm| {
                if comm.rank() != absent {
                    gear.run::<u8>(comm, &Case::new(ranks, 0), &[], &mut [], &Sum)?;
                    through[comm.rank()].store(true, SeqCst);
                }
                comm.recv(comm.rank(), &mut [0_u8])
            });
            let deadlock = ended.as_ref().is_err_and(is_deadlock);
            let early = through.iter().position(|passed| passed.load(SeqCst));
            let rejected = |detail| Err(Rejection { check: "nobody early", detail });
            match early {
                Some(rank) => {
                    return rejected(format!(
                        "P = {ranks}: rank {rank} left though rank {absent} never came"
                    ));
                }
                None if !deadlock => return rejected(format!("P = {ranks}: ended as {ended:?}")),
                None => cases += 1,
            }
        }
    }
    Ok(cases)
}
