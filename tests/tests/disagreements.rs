//! Never lie: ranks that mean different things are told so, with both views.

use collectives::{
    AllGather, AllReduce, Barrier, Broadcast, Communicator, Max, Result, RunError, Sum, World,
};

/// A pair of calls that disagree, and what both views say.
fn mismatch(call: impl Fn(&Communicator) -> Result<()> + Sync) -> String {
    let error: RunError = World::new(2).run(call).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("mismatch"), "{text}");
    // Both ranks got it: neither was left waiting, neither believes that all is well.
    assert_eq!(error.consequences.len(), 1, "{error:?}");
    text
}

#[test]
fn ranks_that_disagree_are_told_so() {
    let lengths = mismatch(|comm| {
        let mut buffer = vec![0.0_f32; 5 + comm.rank()];
        comm.all_reduce_with(AllReduce::Ring, &mut buffer, &Sum)
    });
    assert!(lengths.contains("of 5 f32") && lengths.contains("of 6 f32"), "{lengths}");

    let types = mismatch(|comm| match comm.rank() {
        0 => comm.all_reduce(&mut [0.0_f32; 4], &Sum),
        _ => comm.all_reduce(&mut [0_i32; 4], &Sum),
    });
    assert!(types.contains("f32") && types.contains("i32"), "{types}");

    let reductions = mismatch(|comm| match comm.rank() {
        0 => comm.all_reduce(&mut [0_u8; 4], &Sum),
        _ => comm.all_reduce(&mut [0_u8; 4], &Max),
    });
    assert!(reductions.contains("reduction sum") && reductions.contains("reduction max"), "{reductions}");

    let algorithms = mismatch(|comm| match comm.rank() {
        0 => comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 4], &Sum),
        _ => comm.all_reduce_with(AllReduce::HalvingDoubling, &mut [0_u8; 4], &Sum),
    });
    assert!(algorithms.contains("ring") && algorithms.contains("halving_doubling"), "{algorithms}");

    let operations = mismatch(|comm| match comm.rank() {
        0 => comm.barrier_with(Barrier::Dissemination),
        _ => comm.all_reduce(&mut [0_u8; 4], &Sum),
    });
    assert!(operations.contains("barrier") && operations.contains("all_reduce"), "{operations}");

    let roots = mismatch(|comm| {
        let root = comm.rank();
        comm.broadcast_with(Broadcast::ScatterAllGather, &mut [0_u8; 4], root)
    });
    assert!(roots.contains("root 0") && roots.contains("root 1"), "{roots}");

    let order = mismatch(|comm| {
        if comm.rank() == 0 {
            comm.barrier_with(Barrier::Dissemination)?;
        }
        comm.all_reduce_with(AllReduce::Ring, &mut [0_u8; 4], &Sum)?;
        comm.barrier_with(Barrier::Dissemination)
    });
    assert!(order.contains("collective 1 of the communicator"), "{order}");
}

#[test]
fn ranks_that_disagree_about_more_than_the_call_are_told_so() {
    let groups = disagreement(4, |comm| {
        let group = if comm.rank() == 0 { 2 } else { 4 };
        comm.all_reduce_with(AllReduce::TwoLevel { group }, &mut [1_u32], &Sum)
    });
    assert!(groups.contains("group 2") && groups.contains("group 4"), "{groups}");

    let counts = disagreement(4, |comm| {
        let counts = if comm.rank() == 1 { [1, 2, 2, 3] } else { [2; 4] };
        comm.all_gather_v_with(AllGather::Bruck, &vec![0_u8; counts[comm.rank()]], &counts, &mut [0; 8])
    });
    assert!(counts.contains("all_gather_v/bruck") && counts.contains("counts"), "{counts}");

    let split = disagreement(2, |comm| match comm.rank() {
        0 => comm.split(Some(0), 0).map(|_| ()),
        _ => comm.all_gather_with(AllGather::Bruck, &[0_i64; 2], &mut [0; 4]),
    });
    assert!(split.contains("split") && split.contains("all_gather"), "{split}");

    let ghosts = disagreement(2, |comm| match comm.rank() {
        0 => comm.send(1, &[std::marker::PhantomData::<f32>; 3]),
        _ => comm.recv_reduce(0, &mut [0_f32; 3], &Sum),
    });
    assert!(ghosts.contains("mismatch"), "{ghosts}");
}

fn disagreement(ranks: usize, call: impl Fn(&Communicator) -> Result<()> + Sync) -> String {
    let text = World::new(ranks).run(call).unwrap_err().to_string();
    assert!(text.contains("mismatch"), "{text}");
    text
}

/// Short messages don't wait, so ranks that each take themselves for the root all return. What they leave
/// behind shows that they disagreed.
#[test]
fn ranks_that_all_send_as_the_root_are_told_so_in_the_end() {
    let error = World::new(3).run(|comm| comm.broadcast(&mut [1.0_f32], comm.rank())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("mismatch: rank 0 sent broadcast/flat"), "{text}");
    assert!(text.contains("root 0, but rank 1 expected broadcast/flat") && text.contains("root 1"), "{text}");
}
