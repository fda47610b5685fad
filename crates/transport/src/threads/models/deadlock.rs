//! The proof: who waits in vain is always told, and nobody else ever is.

use super::*;
use crate::Cause;
use crate::threads::sync::{Weakness, plant};

/// Who waits for whom, as the ranks of a deadlock are told.
fn cycle(error: &Error) -> Vec<(usize, usize)> {
    match error {
        Error::Deadlock { cycle } => cycle.iter().map(|wait| (wait.rank, wait.peer)).collect(),
        other => panic!("{other}"),
    }
}

/// Everybody receives from the rank on the right.
fn all_receive_first(at: &Endpoint) -> Result<()> {
    let ranks = at.size();
    let told = receive(at, (at.rank() + 1) % ranks).unwrap_err();
    let expected: Vec<_> = (0..ranks).map(|rank| (rank, (rank + 1) % ranks)).collect();
    assert_eq!(cycle(&told), expected, "every rank is told the whole cycle");
    Err(told)
}

fn ends_in_deadlock(ended: Result<(), RunError<Error>>) {
    let error = ended.unwrap_err();
    assert!(matches!(error.cause, Cause::World(Error::Deadlock { .. })), "{error}");
    assert_eq!(error.rank, 0);
}

#[test]
fn two_ranks_that_both_receive_first_are_told() {
    explore("2 ranks receive first", None, || ends_in_deadlock(buffered(2, all_receive_first)));
}

#[test]
fn three_ranks_that_all_receive_first_are_told() {
    explore("3 ranks receive first", Some(2), || ends_in_deadlock(buffered(3, all_receive_first)));
}

#[test]
fn two_ranks_that_both_send_first_are_told() {
    explore("2 ranks send first", Some(5), || {
        ends_in_deadlock(strict(2, |at| {
            let told = send(at, 1 - at.rank()).unwrap_err();
            assert_eq!(cycle(&told), [(0, 1), (1, 0)]);
            Err(told)
        }));
    });
}

fn exchange(at: &Endpoint) -> Result<()> {
    let (ranks, rank) = (at.size(), at.rank());
    transfer(at, Some((rank + 1) % ranks), Some((rank + ranks - 1) % ranks))
}

#[test]
fn two_ranks_that_exchange_are_never_accused() {
    explore("2 ranks exchange", Some(3), || strict(2, exchange).unwrap());
}

#[test]
fn three_ranks_that_exchange_are_never_accused() {
    explore("3 ranks exchange", Some(2), || strict(3, exchange).unwrap());
}

/// Rank 1 waits for 2 first; 2 has sent to 0 and waits until it is read; 0 sends to 1 and receives from 2, at
/// once. All three may be on the list with an unmet need, in a cycle, but 0 is about to read.
fn half_of_a_transfer(at: &Endpoint) -> Result<()> {
    match at.rank() {
        0 => transfer(at, Some(1), Some(2)),
        1 => receive(at, 2).and_then(|()| receive(at, 0)),
        _ => send(at, 0).and_then(|()| send(at, 1)),
    }
}

#[test]
fn a_rank_that_can_do_half_of_its_transfer_is_never_accused() {
    explore("half of a transfer", Some(2), || strict(3, half_of_a_transfer).unwrap());
}

#[test]
#[should_panic(expected = "deadlock: each of these ranks waits")]
fn a_proof_that_counts_half_stuck_ranks_is_found() {
    let _planted = plant(Weakness::HalfStuck);
    a_rank_that_can_do_half_of_its_transfer_is_never_accused();
}

#[test]
#[should_panic(expected = "deadlock: each of these ranks waits")]
fn a_proof_from_the_list_alone_is_found() {
    let _planted = plant(Weakness::StaleNeeds);
    two_ranks_that_exchange_are_never_accused();
}
