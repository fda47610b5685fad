//! Reductions whose arguments can't be swapped.

use super::{Rejection, Verdict, call, compare, rejection, small_cases};
use crate::case::Case;
use crate::gear::Gear;
use crate::values::{Fill, composition, element};
use collectives::{BadCall, Error, World};

/// A reduction that doesn't commute is combined in rank order; a gear that can't must refuse it on every
/// rank, before anything is sent, and leave the communicator usable.
///
/// # Errors
///
/// The first result in another order, or a gear that neither keeps the order nor refuses.
pub fn order<G: Gear>(gear: &G) -> Verdict {
    if !gear.operation().reduces() {
        return Ok(0);
    }
    let input = |rank, index| element::<u64>(Fill::Any, 5, rank, index);
    let at = |ranks| -> Verdict {
        let cases = small_cases(ranks, 4);
        match gear.supports(&cases[0], false) {
            true => compare(gear, &cases, &input, &composition(), World::new(ranks)),
            false => refuses(gear, &Case::new(ranks, 4), &input),
        }
        .map_err(|rejection| rejection.during("order"))
    };
    (1..=9).map(at).sum()
}

fn refuses<G: Gear>(gear: &G, case: &Case, input: &(dyn Fn(usize, usize) -> u64 + Sync)) -> Verdict {
    let run = World::new(case.ranks).counting(true).run(|comm| {
        let refused = matches!(
            call(gear, comm, case, &input, &composition()),
            Err(Error::BadCall { call: BadCall::DoesNotCommute { .. }, .. })
        );
        let sent = comm.traffic().expect("the world counts").total.messages;
        comm.barrier()?;
        match refused && sent == 0 {
            true => Ok(()),
            false => {
                let detail = format!("{case}: refused: {refused}, messages sent: {sent}");
                Err(Error::other(Rejection { check: "order", detail }))
            }
        }
    });
    run.map(|_| 1).map_err(|error| rejection(error, &[*case]))
}
