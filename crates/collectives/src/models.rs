//! The barriers under loom: whole worlds, as [`World::run`] starts them. See `transport/src/threads/models.rs`.
//!
//! Every rank leaves a trace before the barrier and looks at all traces after it. Loom objects if a look is not
//! ordered after the trace: a barrier has to order memory, too.

use crate::{Barrier, Communicator, Result, World};
use loom::cell::UnsafeCell;
use std::sync::Arc;
use transport::{Weakness, explore, plant};

struct Trace(UnsafeCell<bool>);

// SAFETY: loom objects if accesses aren't ordered; that is what the models are about.
#[allow(unsafe_code, reason = "a model of what a barrier orders")]
unsafe impl Sync for Trace {}

impl Trace {
    fn leave(&self) {
        // SAFETY: as above.
        #[allow(unsafe_code, reason = "a model of what a barrier orders")]
        self.0.with_mut(|came| unsafe { *came = true });
    }

    fn is_left(&self) -> bool {
        // SAFETY: as above.
        #[allow(unsafe_code, reason = "a model of what a barrier orders")]
        self.0.with(|came| unsafe { *came })
    }
}

fn meet(
    name: &str,
    preemptions: usize,
    world: World,
    ranks: usize,
    barrier: fn(&Communicator) -> Result<()>,
) {
    explore(name, Some(preemptions), move || {
        let traces: Arc<[_]> = (0..ranks).map(|_| Trace(UnsafeCell::new(false))).collect();
        let met = world.run(|comm| {
            traces[comm.rank()].leave();
            barrier(comm)?;
            assert!(traces.iter().all(Trace::is_left), "left before all had come");
            Ok(())
        });
        met.unwrap();
    });
}

fn central(comm: &Communicator) -> Result<()> {
    comm.barrier_with(Barrier::Central)
}

fn dissemination(comm: &Communicator) -> Result<()> {
    comm.barrier_with(Barrier::Dissemination)
}

fn butterfly(comm: &Communicator) -> Result<()> {
    comm.barrier_with(Barrier::Butterfly)
}

fn tournament(comm: &Communicator) -> Result<()> {
    comm.barrier_with(Barrier::Tournament)
}

#[test]
fn two_ranks_meet_centrally() {
    meet("central, P = 2", 4, World::new(2), 2, central);
    meet("central, strict, P = 2", 3, World::new(2).strict(true), 2, central);
}

#[test]
fn three_ranks_meet_centrally() {
    meet("central, P = 3", 2, World::new(3), 3, central);
}

#[test]
fn two_ranks_meet_in_a_dissemination() {
    meet("dissemination, P = 2", 4, World::new(2), 2, dissemination);
    meet("dissemination, strict, P = 2", 3, World::new(2).strict(true), 2, dissemination);
}

#[test]
fn three_ranks_meet_in_a_dissemination() {
    meet("dissemination, P = 3", 2, World::new(3), 3, dissemination);
}

#[test]
fn two_ranks_meet_in_a_butterfly() {
    meet("butterfly, P = 2", 4, World::new(2), 2, butterfly);
}

#[test]
fn three_ranks_meet_in_a_tournament() {
    meet("tournament, P = 3", 2, World::new(3), 3, tournament);
}

/// The dissemination's first round alone, which is enough for two ranks.
#[test]
#[should_panic(expected = "left before all had come")]
fn a_barrier_that_is_one_round_short_is_found() {
    meet("one round short", 1, World::new(3), 3, |comm| {
        comm.send_recv((comm.rank() + 1) % 3, &[0_u8; 0], (comm.rank() + 2) % 3, &mut [])
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_barrier_that_orders_nothing_is_found() {
    let _planted = plant(Weakness::RelaxedSlot);
    two_ranks_meet_in_a_dissemination();
}
