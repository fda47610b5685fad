//! Bad arguments: an error with both numbers and the place of the call, on every rank that made it, nothing sent,
//! and the communicator usable afterwards.

use collectives::*;
use std::ops::Range;
use std::panic::Location;

/// Makes a bad call on every rank of three and returns what it says, without the place. Checks that the place is
/// that of the call, that nothing was sent and that the communicator still works.
#[track_caller]
fn says(bad: impl Fn(&Communicator) -> Result<()> + Sync) -> String {
    let errors = World::new(3)
        .counting(true)
        .run(|comm| {
            let error = bad(comm).expect_err("the call is bad");
            assert_eq!(comm.traffic().unwrap().total.messages, 0, "something was sent");
            let mut sum = [comm.rank() as u32];
            comm.all_reduce(&mut sum, &Sum)?;
            assert_eq!(sum, [3]);
            Ok(error.to_string())
        })
        .unwrap();
    assert!(errors.iter().all(|error| *error == errors[0]), "ranks disagree: {errors:?}");
    // The call stands in an argument of this function.
    let line = Location::caller().line();
    placed(&errors[0], line..line + 3)
}

/// Takes the place off the end. It must be in this file, on one of these lines.
#[track_caller]
fn placed(error: &str, lines: Range<u32>) -> String {
    let (said, place) = error.rsplit_once(", called at ").unwrap_or_else(|| panic!("no place: {error}"));
    let numbers = place.strip_prefix(file!()).and_then(|numbers| numbers.strip_prefix(':'));
    let (line, column) =
        numbers.and_then(|numbers| numbers.split_once(':')).unwrap_or_else(|| panic!("{error}"));
    assert!(lines.contains(&line.parse().expect("a line")), "{error}, not in lines {lines:?}");
    assert!(column.parse::<u32>().is_ok_and(|column| column > 1), "{error}");
    said.to_owned()
}

#[test]
fn zero_ranks() {
    let error = World::new(0).run(|_| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "a world needs at least 1 rank, 0 were asked for");
}

#[test]
fn roots_out_of_range() {
    let expected = |operation| format!("{operation}: root is 3, below 3 (the number of ranks) was expected");
    assert_eq!(says(|comm| comm.broadcast(&mut [0_u8], 3)), expected("broadcast"));
    assert_eq!(says(|comm| comm.reduce(&[0_u8], &mut [], &Sum, 3)), expected("reduce"));
    assert_eq!(says(|comm| comm.gather(&[0_u8], &mut [], 3)), expected("gather"));
    assert_eq!(says(|comm| comm.scatter(&[0_u8; 0], &mut [0], 3)), expected("scatter"));
    assert_eq!(says(|comm| comm.gather_v(&[0_u8], &[1; 3], &mut [], 3)), expected("gather_v"));
    assert_eq!(says(|comm| comm.scatter_v(&[0_u8; 0], &[1; 3], &mut [0], 3)), expected("scatter_v"));
}

#[test]
fn partners_out_of_range() {
    let destination = "send: destination is 7, below 3 (the number of ranks) was expected";
    assert_eq!(says(|comm| comm.send(7, &[0_u8])), destination);
    let source = "recv: source is 3, below 3 (the number of ranks) was expected";
    assert_eq!(says(|comm| comm.recv(3, &mut [0_u8])), source);
    let both = "send_recv: source is 9, below 3 (the number of ranks) was expected";
    assert_eq!(says(|comm| comm.send_recv(0, &[0_u8], 9, &mut [0])), both);
}

#[test]
fn buffers_that_do_not_fit() {
    assert_eq!(
        says(|comm| comm.all_gather(&[0_u8; 4], &mut [0; 11])),
        "all_gather: output holds 11 elements, 12 were expected (ranks x input)"
    );
    assert_eq!(
        says(|comm| comm.reduce_scatter(&[0_u8; 7], &mut [0; 2], &Sum)),
        "reduce_scatter: input holds 7 elements, 6 were expected (ranks x output)"
    );
    assert_eq!(
        says(|comm| comm.all_to_all(&[0_u8; 7], &mut [0; 7])),
        "all_to_all: input holds 7 elements, a multiple of 3 (the number of ranks) was expected"
    );
    assert_eq!(
        says(|comm| comm.all_to_all(&[0_u8; 6], &mut [0; 5])),
        "all_to_all: output holds 5 elements, 6 were expected (the length of the input)"
    );
}

#[test]
fn buffers_that_only_the_root_has() {
    // Rank 0 forgets its output, the others bring one: each is told what was expected of it.
    let line = line!() + 4;
    let errors = World::new(2)
        .run(|comm| {
            let mut output = vec![0_u8; comm.rank() * 6];
            let error = comm.gather(&[1_u8; 3], &mut output, 0).unwrap_err().to_string();
            comm.barrier()?;
            Ok(error)
        })
        .unwrap();
    let [zero, one] = [0, 1].map(|rank| placed(&errors[rank], line..line + 1));
    assert_eq!(zero, "gather: output holds 0 elements, 6 were expected (ranks x input)");
    assert_eq!(one, "gather: output holds 6 elements, 0 were expected (only the root has it)");
}

#[test]
fn counts_that_do_not_add_up() {
    assert_eq!(
        says(|comm| comm.all_gather_v(&[0_u8; 2], &[2; 4], &mut [0; 8])),
        "all_gather_v: counts holds 4 elements, 3 were expected (one count a rank)"
    );
    assert_eq!(
        says(|comm| comm.all_gather_v(&[0_u8; 2], &[3; 3], &mut [0; 9])),
        "all_gather_v: input holds 2 elements, 3 were expected (the rank's count)"
    );
    assert_eq!(
        says(|comm| comm.all_gather_v(&[0_u8; 3], &[3; 3], &mut [0; 8])),
        "all_gather_v: output holds 8 elements, 9 were expected (the sum of the counts)"
    );
    assert_eq!(
        says(|comm| comm.reduce_scatter_v(&[0_u8; 5], &[2; 3], &mut [0; 2], &Sum)),
        "reduce_scatter_v: input holds 5 elements, 6 were expected (the sum of the counts)"
    );
    assert_eq!(
        says(|comm| comm.all_to_all_v(&[0_u8; 6], &[2; 3], &mut [0; 3], &[1; 3])),
        "all_to_all_v: the block kept holds 2 elements, 1 were expected (the count received)"
    );
}

#[test]
fn counts_that_overflow() {
    assert_eq!(
        says(|comm| comm.all_gather_v(&[0_u8; 0], &[0, usize::MAX, 1], &mut [])),
        format!("all_gather_v: the sum of counts overflows, at most {} was expected", usize::MAX)
    );
}

#[test]
fn algorithms_that_cannot() {
    assert_eq!(
        says(|comm| comm.barrier_with(Barrier::Butterfly)),
        "the butterfly barrier works for a power of two of ranks only, there are 3"
    );
    assert_eq!(
        says(|comm| comm.all_to_all_v_with(AllToAll::Bruck, &[0_u8; 3], &[1; 3], &mut [0; 3], &[1; 3])),
        "Bruck's all-to-all needs blocks of equal length, and has no form with counts"
    );
    let first = Custom::ordered(&Name("first"), |a: u8, _: u8| a);
    assert_eq!(
        says(|comm| comm.all_reduce_with(AllReduce::Ring, &mut [0], &first)),
        "the ring all-reduce doesn't keep the order of the ranks, which the reduction first needs"
    );
    assert_eq!(
        says(|comm| comm.reduce_scatter_with(ReduceScatter::RecursiveHalving, &[0; 3], &mut [0], &first)),
        "recursive halving doesn't keep the order of the ranks, which the reduction first needs"
    );
    assert_eq!(
        says(|comm| comm.all_reduce_with(AllReduce::SegmentedRing { segment: 0 }, &mut [0_u8], &Sum)),
        "the segmented ring: segment is 0, at least 1 was expected"
    );
    assert_eq!(
        says(|comm| comm.all_reduce_with(AllReduce::TwoLevel { group: 0 }, &mut [0_u8], &Sum)),
        "the two-level all-reduce: group is 0, at least 1 was expected"
    );
}
