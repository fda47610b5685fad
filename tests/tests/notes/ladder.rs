//! Every operation's algorithms, as tables and formulas see them: a name, a cost, and how to run one.

use crate::model::{Ghost, GhostSum};
use collectives::{
    AllGather, AllReduce, AllToAll, BadCall, Barrier, Broadcast, Cause, Communicator, Cost, Error,
    ExclusiveScan, Gather, Layout, Reduce, ReduceScatter, Result, Scan, Scatter, World,
};

/// What rank r of P sends for N elements, from (P, r, N).
type CostOf = Box<dyn Fn(usize, usize, usize) -> Cost + Sync>;

/// One call on buffers of N elements.
type Run = Box<dyn Fn(&Communicator, usize) -> Result<()> + Sync>;

/// One algorithm.
pub(crate) struct Rung {
    pub(crate) name: &'static str,
    cost: CostOf,
    run: Run,
}

/// The costs of all ranks in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) rounds: usize,
    pub(crate) messages: usize,
    pub(crate) busiest: usize,
    pub(crate) elements: usize,
}

impl Rung {
    /// What P ranks send for N elements. N is the length of the longest buffer: of the output of a gather
    /// or all-gather, of the input of a scatter, reduce-scatter or all-to-all. The root is rank 0.
    pub(crate) fn totals(&self, ranks: usize, length: usize) -> Totals {
        let costs: Vec<Cost> = (0..ranks).map(|rank| (self.cost)(ranks, rank, length)).collect();
        Totals {
            rounds: costs.iter().map(|cost| cost.rounds).max().unwrap_or(0),
            messages: costs.iter().map(|cost| cost.messages).sum(),
            busiest: costs.iter().map(|cost| cost.elements).max().unwrap_or(0),
            elements: costs.iter().map(|cost| cost.elements).sum(),
        }
    }

    /// Runs it on ghosts: elements that take no memory.
    pub(crate) fn run(&self, comm: &Communicator, length: usize) -> Result<()> {
        (self.run)(comm, length)
    }

    /// Whether it takes so many ranks.
    pub(crate) fn works_for(&self, ranks: usize) -> bool {
        match World::new(ranks).run(|comm| self.run(comm, 0)) {
            Ok(_) => true,
            Err(error)
                if matches!(
                    error.cause,
                    Cause::Returned(Error::BadCall { call: BadCall::NotPowerOfTwo { .. }, .. })
                ) =>
            {
                false
            }
            Err(error) => panic!("{} on {ranks} ranks: {error}", self.name),
        }
    }
}

/// The algorithms of an operation, simplest first.
pub(crate) fn ladder(operation: &str) -> Option<Vec<Rung>> {
    Some(match operation {
        "barrier" => {
            rungs(Barrier::ALL, Barrier::name, |a, p, r, _| a.cost(p, r), |a, comm, _| comm.barrier_with(a))
        }
        "broadcast" => rungs(
            Broadcast::ALL,
            Broadcast::name,
            |a, p, r, n| a.cost(p, r, n, 0),
            |a, comm, n| comm.broadcast_with(a, &mut ghosts(n), 0),
        ),
        "reduce" => rungs(
            Reduce::ALL,
            Reduce::name,
            |a, p, r, n| a.cost(p, r, n, 0, true),
            |a, comm, n| comm.reduce_with(a, &ghosts(n), &mut ghosts(at_root(comm, n)), &GhostSum, 0),
        ),
        "all_reduce" => rungs(
            AllReduce::ALL,
            AllReduce::name,
            |a, p, r, n| a.cost(p, r, n),
            |a, comm, n| comm.all_reduce_with(a, &mut ghosts(n), &GhostSum),
        ),
        "gather" => rungs(
            Gather::ALL,
            Gather::name,
            |a, p, r, n| a.cost(&Layout::even(n, p), r, 0),
            |a, comm, n| comm.gather_with(a, &ghosts(share(comm, n)), &mut ghosts(at_root(comm, n)), 0),
        ),
        "scatter" => rungs(
            Scatter::ALL,
            Scatter::name,
            |a, p, r, n| a.cost(&Layout::even(n, p), r, 0),
            |a, comm, n| comm.scatter_with(a, &ghosts(at_root(comm, n)), &mut ghosts(share(comm, n)), 0),
        ),
        "all_gather" => rungs(
            AllGather::ALL,
            AllGather::name,
            |a, p, r, n| a.cost(&Layout::even(n, p), r),
            |a, comm, n| comm.all_gather_with(a, &ghosts(share(comm, n)), &mut ghosts(n)),
        ),
        "reduce_scatter" => rungs(
            ReduceScatter::ALL,
            ReduceScatter::name,
            |a, p, r, n| a.cost(&Layout::even(n, p), r),
            |a, comm, n| comm.reduce_scatter_with(a, &ghosts(n), &mut ghosts(share(comm, n)), &GhostSum),
        ),
        "all_to_all" => rungs(
            AllToAll::ALL,
            AllToAll::name,
            |a, p, r, n| a.cost(&Layout::even(n, p), r),
            |a, comm, n| comm.all_to_all_with(a, &ghosts(n), &mut ghosts(n)),
        ),
        "scan" => rungs(
            Scan::ALL,
            Scan::name,
            |a, p, r, n| a.cost(p, r, n),
            |a, comm, n| comm.scan_with(a, &mut ghosts(n), &GhostSum),
        ),
        "exclusive_scan" => rungs(
            ExclusiveScan::ALL,
            ExclusiveScan::name,
            |a, p, r, n| a.cost(p, r, n),
            |a, comm, n| comm.exclusive_scan_with(a, &mut ghosts(n), &GhostSum),
        ),
        _ => return None,
    })
}

/// `cost` takes P, r and N; `run` takes a length N that P divides.
fn rungs<A: Copy + Sync + Send + 'static>(
    all: &[A],
    name: fn(A) -> &'static str,
    cost: fn(A, usize, usize, usize) -> Cost,
    run: fn(A, &Communicator, usize) -> Result<()>,
) -> Vec<Rung> {
    let rung = |&a: &A| Rung {
        name: name(a),
        cost: Box::new(move |ranks, rank, length| cost(a, ranks, rank, length)),
        run: Box::new(move |comm, length| run(a, comm, length)),
    };
    all.iter().map(rung).collect()
}

fn ghosts(length: usize) -> Vec<Ghost> {
    vec![Ghost::default(); length]
}

fn share(comm: &Communicator, length: usize) -> usize {
    length / comm.size()
}

fn at_root(comm: &Communicator, length: usize) -> usize {
    if comm.rank() == 0 { length } else { 0 }
}
