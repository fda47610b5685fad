//! Every call is known by the line of the program that it stands on, not by one in this library.

use collectives::*;
use std::collections::BTreeSet;

/// A call, the line that it stands on, and what it is called to other ranks.
type Call = (u32, fn(&Communicator) -> Result<()>, &'static str);

/// Every method of a communicator that talks to others, on two ranks.
#[rustfmt::skip] // a call must stand on the line that it says
fn calls() -> Vec<Call> {
    fn at(comm: &Communicator, root: usize, length: usize) -> usize {
        if comm.rank() == root { length } else { 0 }
    }
    fn other(comm: &Communicator) -> usize {
        1 - comm.rank()
    }
    vec![
        (line!(), |c| c.barrier(), "barrier"),
        (line!(), |c| c.barrier_with(Barrier::Central), "barrier"),
        (line!(), |c| c.broadcast(&mut [0_u8; 4], 1), "broadcast"),
        (line!(), |c| c.broadcast_with(Broadcast::Binomial, &mut [0_u8; 4], 1), "broadcast"),
        (line!(), |c| c.reduce(&[0_u8; 4], &mut vec![0; at(c, 1, 4)], &Sum, 1), "reduce"),
        (line!(), |c| c.reduce_with(Reduce::Binomial, &[0_u8; 4], &mut vec![0; at(c, 1, 4)], &Sum, 1), "reduce"),
        (line!(), |c| c.all_reduce(&mut [0_u8; 4], &Sum), "all_reduce"),
        (line!(), |c| c.all_reduce_with(AllReduce::Ring, &mut [0_u8; 4], &Sum), "all_reduce"),
        (line!(), |c| c.gather(&[0_u8; 2], &mut vec![0; at(c, 1, 4)], 1), "gather"),
        (line!(), |c| c.gather_with(Gather::Binomial, &[0_u8; 2], &mut vec![0; at(c, 1, 4)], 1), "gather"),
        (line!(), |c| c.scatter(&vec![0_u8; at(c, 1, 4)], &mut [0; 2], 1), "scatter"),
        (line!(), |c| c.scatter_with(Scatter::Binomial, &vec![0_u8; at(c, 1, 4)], &mut [0; 2], 1), "scatter"),
        (line!(), |c| c.all_gather(&[0_u8; 2], &mut [0; 4]), "all_gather"),
        (line!(), |c| c.all_gather_with(AllGather::Ring, &[0_u8; 2], &mut [0; 4]), "all_gather"),
        (line!(), |c| c.reduce_scatter(&[0_u8; 4], &mut [0; 2], &Sum), "reduce_scatter"),
        (line!(), |c| c.reduce_scatter_with(ReduceScatter::Ring, &[0_u8; 4], &mut [0; 2], &Sum), "reduce_scatter"),
        (line!(), |c| c.all_to_all(&[0_u8; 4], &mut [0; 4]), "all_to_all"),
        (line!(), |c| c.all_to_all_with(AllToAll::Linear, &[0_u8; 4], &mut [0; 4]), "all_to_all"),
        (line!(), |c| c.scan(&mut [0_u8; 4], &Sum), "scan"),
        (line!(), |c| c.scan_with(Scan::Linear, &mut [0_u8; 4], &Sum), "scan"),
        (line!(), |c| c.exclusive_scan(&mut [0_u8; 4], &Sum), "exclusive_scan"),
        (line!(), |c| c.exclusive_scan_with(ExclusiveScan::Linear, &mut [0_u8; 4], &Sum), "exclusive_scan"),
        (line!(), |c| c.split(Some(0), 0).map(|_| ()), "split"),

        (line!(), |c| c.gather_v(&[0_u8; 2], &[2; 2], &mut vec![0; at(c, 1, 4)], 1), "gather_v"),
        (line!(), |c| c.gather_v_with(Gather::Linear, &[0_u8; 2], &[2; 2], &mut vec![0; at(c, 1, 4)], 1), "gather_v"),
        (line!(), |c| c.scatter_v(&vec![0_u8; at(c, 1, 4)], &[2; 2], &mut [0; 2], 1), "scatter_v"),
        (line!(), |c| c.scatter_v_with(Scatter::Linear, &vec![0_u8; at(c, 1, 4)], &[2; 2], &mut [0; 2], 1), "scatter_v"),
        (line!(), |c| c.all_gather_v(&[0_u8; 2], &[2; 2], &mut [0; 4]), "all_gather_v"),
        (line!(), |c| c.all_gather_v_with(AllGather::Ring, &[0_u8; 2], &[2; 2], &mut [0; 4]), "all_gather_v"),
        (line!(), |c| c.reduce_scatter_v(&[0_u8; 4], &[2; 2], &mut [0; 2], &Sum), "reduce_scatter_v"),
        (line!(), |c| c.reduce_scatter_v_with(ReduceScatter::Ring, &[0_u8; 4], &[2; 2], &mut [0; 2], &Sum), "reduce_scatter_v"),
        (line!(), |c| c.all_to_all_v(&[0_u8; 4], &[2; 2], &mut [0; 4], &[2; 2]), "all_to_all_v"),
        (line!(), |c| c.all_to_all_v_with(AllToAll::Linear, &[0_u8; 4], &[2; 2], &mut [0; 4], &[2; 2]), "all_to_all_v"),
        (line!(), |c| c.all_to_all_look(&[0_u8; 4], &[2; 2], &[2; 2], |_, _| (), || ()), "all_to_all_v"),

        (line!(), |c| if c.rank() == 0 { c.send(1, &[0_u8]) } else { c.recv(0, &mut [0_u8]) }, "message"),
        (line!(), |c| if c.rank() == 0 { c.send(1, &[0_u8]) } else { c.recv_reduce(0, &mut [0_u8], &Sum) }, "message"),
        (line!(), |c| c.send_recv(other(c), &[0_u8], other(c), &mut [0]), "message"),
        (line!(), |c| c.send_recv_during(other(c), &[0_u8], other(c), &mut [0], || ()), "message"),
        (line!(), |c| c.send_recv_look(other(c), &[0_u8], other(c), 1, |_: &[u8]| ()), "message"),
        (line!(), |c| c.send_recv_reduce(other(c), &[0_u8], other(c), &mut [0], &Sum), "message"),
    ]
}

#[test]
fn every_call_is_known_by_its_line() {
    for (line, call, operation) in calls() {
        let world = World::new(2).run(|comm| {
            call(comm)?;
            Err::<(), _>(Error::other("on purpose"))
        });
        let error = world.unwrap_err();
        // The other rank may have been told in the middle of it.
        for journal in &error.journals {
            let [record] = &journal[..] else { panic!("line {line}: {error:?}") };
            let origin = record.operation.origin;
            assert_eq!((origin.caller.file(), origin.caller.line()), (file!(), line), "{operation}");
            assert_eq!(record.operation.envelope.call.operation, operation);
        }
    }
}

/// A method that was added and not listed above would go untested.
#[test]
fn every_method_is_listed() {
    let sources = [
        include_str!("../../crates/collectives/src/communicator.rs"),
        include_str!("../../crates/collectives/src/communicator/collective.rs"),
        include_str!("../../crates/collectives/src/communicator/point_to_point.rs"),
        include_str!("../../crates/collectives/src/communicator/with_counts.rs"),
    ];
    let name = |line: &'static str| line.trim().strip_prefix("pub fn ")?.split(['<', '(']).next();
    let methods: BTreeSet<&str> = sources.iter().flat_map(|source| source.lines()).filter_map(name).collect();
    let silent = BTreeSet::from(["new", "rank", "size", "setting", "traffic", "reset_traffic"]);
    let listed = include_str!("places.rs");
    for method in methods.difference(&silent) {
        assert!(listed.contains(&format!("c.{method}(")), "{method} is not listed");
    }
    assert!(methods.len() > 40, "{methods:?}");
}
