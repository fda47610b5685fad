//! The end of a world reaches everybody: a rank that has returned, one that failed, ranks that disagree.

use super::*;
use crate::Cause;
use crate::threads::sync::{UnsafeCell, Weakness, plant};
use std::sync::Arc;

/// Rank 1 returns while rank 0 is about to wait for it.
fn left_alone(at: &Endpoint) -> Result<()> {
    match at.rank() {
        0 => {
            let told = receive(at, 1).unwrap_err();
            assert!(matches!(told, Error::Left { rank: 1, .. }), "{told}");
            Err(told)
        }
        _ => Ok(()),
    }
}

#[test]
fn a_rank_that_waits_for_one_that_leaves_is_told() {
    explore("a rank leaves", None, || assert_eq!(buffered(2, left_alone).unwrap_err().rank, 1));
}

#[test]
#[should_panic(expected = "deadlock; threads")]
fn a_leaver_that_nobody_asks_about_is_found() {
    let _planted = plant(Weakness::ForgottenLeaver);
    a_rank_that_waits_for_one_that_leaves_is_told();
}

/// What was sent before leaving arrives, and the leaver is not blamed.
#[test]
fn a_rank_that_leaves_after_it_has_sent_is_never_blamed() {
    explore("a rank sends and leaves", None, || {
        buffered(2, |at| if at.rank() == 0 { receive(at, 1) } else { send(at, 0) }).unwrap();
    });
}

/// Rank 0 waits for 1, and 1 for 2, which returns.
#[test]
fn a_chain_of_ranks_is_told_who_left() {
    explore("a chain that a rank leaves", Some(3), || {
        let ended = buffered(3, |at| match at.rank() {
            2 => Ok(()),
            rank => {
                let told = receive(at, rank + 1).unwrap_err();
                assert!(matches!(told, Error::Left { rank: 2, .. }), "{told}");
                Err(told)
            }
        });
        assert_eq!(ended.unwrap_err().rank, 2);
    });
}

fn boom() -> Error {
    Error::Failed { rank: 1, message: "boom".to_owned(), last: None }
}

/// Rank 1 returns an error while the others are about to wait for it.
fn one_fails(at: &Endpoint) -> Result<()> {
    if at.rank() == 1 {
        return Err(boom());
    }
    let told = receive(at, 1).unwrap_err();
    assert!(matches!(told, Error::Failed { rank: 1, .. }), "{told}");
    Err(told)
}

fn ends_in_failure(ended: Result<(), RunError<Error>>, ranks: usize) {
    let error = ended.unwrap_err();
    assert!(matches!(error.cause, Cause::Returned(Error::Failed { .. })), "{error}");
    assert_eq!((error.rank, error.consequences.len()), (1, ranks - 1));
}

#[test]
fn a_rank_that_waits_for_one_that_fails_is_told() {
    explore("a rank fails", None, || ends_in_failure(buffered(2, one_fails), 2));
}

#[test]
fn two_ranks_that_wait_for_one_that_fails_are_told() {
    explore("a rank of 3 fails", Some(2), || ends_in_failure(buffered(3, one_fails), 3));
}

#[test]
#[should_panic(expected = "deadlock; threads")]
fn a_failure_that_wakes_nobody_is_found() {
    let _planted = plant(Weakness::SilentFailure);
    a_rank_that_waits_for_one_that_fails_is_told();
}

#[test]
#[should_panic(expected = "set before the flag")]
fn a_failure_published_relaxed_is_found() {
    let _planted = plant(Weakness::RelaxedFailure);
    a_rank_that_waits_for_one_that_fails_is_told();
}

/// A buffer whose accesses loom tracks stands for what is lent: readers look at it while they look at the
/// message, and its owner writes it when the transfer is over, however it ended.
struct Tracked(UnsafeCell<u8>);

// SAFETY: loom objects if accesses aren't ordered; that is what the models are about.
#[allow(unsafe_code, reason = "a model of what is lent")]
unsafe impl Sync for Tracked {}

impl Tracked {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(1)))
    }

    fn lend(&self, at: &Endpoint, to: usize) -> Result<()> {
        let outgoing = Outgoing { to, bytes: &[1], elements: 1, stamp: 0 };
        let sent = at.transfer(&operation(), Some(outgoing), None, None).map(drop);
        // SAFETY: the transfer is over, so that nobody looks any more.
        #[allow(unsafe_code, reason = "a model of what is lent")]
        self.0.with_mut(|value| unsafe { *value = 2 });
        sent
    }

    fn look(&self, at: &Endpoint, from: usize, length: usize) -> Result<()> {
        let mut visit = |_: &[u8]| {
            // SAFETY: lent while the visitor runs.
            #[allow(unsafe_code, reason = "a model of what is lent")]
            let value = self.0.with(|value| unsafe { *value });
            assert_eq!(value, 1, "looked at after it was given back");
        };
        let incoming = Incoming { from, elements: length, visit: &mut visit };
        at.transfer(&operation(), None, Some(incoming), None).map(drop)
    }
}

#[test]
fn ranks_that_disagree_are_both_told_and_the_loan_is_over() {
    explore("a mismatch", Some(3), || {
        let lent = Tracked::new();
        let ended = Threads::new(2).strict(true).run(|at| {
            let told = match at.rank() {
                0 => lent.lend(&at, 1),
                _ => lent.look(&at, 0, 2),
            };
            let told = told.unwrap_err();
            assert!(matches!(told, Error::Mismatch(_)), "{told}");
            Err::<(), _>(told)
        });
        assert_eq!(ended.unwrap_err().rank, 1);
    });
}

/// The world fails while a loan is offered, read or over.
#[test]
fn a_loan_outlives_a_look_though_the_world_fails() {
    explore("a failure during a loan", Some(2), || {
        let lent = Tracked::new();
        let ended = Threads::new(3).strict(true).run(|at| match at.rank() {
            0 => lent.lend(&at, 1),
            1 => lent.look(&at, 0, 1),
            _ => Err(boom()),
        });
        assert_eq!(ended.unwrap_err().rank, 2);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_loan_that_ends_during_a_look_is_found() {
    let _planted = plant(Weakness::HastyLoan);
    a_loan_outlives_a_look_though_the_world_fails();
}
