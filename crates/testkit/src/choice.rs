//! Any call of any collective: by one algorithm, or by the plain method.

use crate::case::{Case, Operation};
use crate::gear::{Algorithm, Gear};
use collectives::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, Communicator, Element, ExclusiveScan, Gather, Reduce,
    ReduceScatter, Reduction, Result, Scan, Scatter, Setting, World,
};

/// One algorithm of an operation, or its plain method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The plain method, which chooses an algorithm by itself.
    Plain(Operation),
    /// This one.
    Algorithm(Algorithm),
}

impl Choice {
    /// What it does.
    pub fn operation(self) -> Operation {
        match self {
            Self::Plain(operation) => operation,
            Self::Algorithm(algorithm) => algorithm.operation(),
        }
    }

    /// Its name within the operation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain(_) => "auto",
            Self::Algorithm(algorithm) => algorithm.name(),
        }
    }

    /// The algorithm that carries it out in such a setting, on equal blocks of elements of so many bytes, summed.
    pub fn algorithm(self, setting: Setting, case: &Case, element: usize) -> Algorithm {
        let operation = match self {
            Self::Algorithm(algorithm) => return algorithm,
            Self::Plain(operation) => operation,
        };
        let bytes = case.length * element;
        let blocks = setting.ranks * bytes;
        match operation {
            Operation::Barrier => Barrier::choose(setting).into(),
            Operation::Broadcast => Broadcast::choose(setting, bytes).into(),
            Operation::Reduce => Reduce::choose(setting, bytes).into(),
            Operation::AllGather => AllGather::choose(setting, blocks).into(),
            Operation::ReduceScatter => ReduceScatter::choose(setting, blocks, true).into(),
            Operation::AllReduce => AllReduce::choose(setting, bytes, true).into(),
            Operation::AllToAll => AllToAll::choose(setting, blocks).into(),
            Operation::Gather => Gather::choose(setting, blocks).into(),
            Operation::Scatter => Scatter::choose(setting, blocks).into(),
            Operation::Scan => Scan::choose(setting, bytes).into(),
            Operation::ExclusiveScan => ExclusiveScan::choose(setting, bytes).into(),
        }
    }

    /// Whether it works for the case, with a reduction that `commutes` or not.
    pub fn supports(self, case: &Case, commutes: bool) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Algorithm(algorithm) => algorithm.supports(case, commutes),
        }
    }

    /// One rank's part. Operations that work in place find their input in the output.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn run<T: Element>(
        self,
        comm: &Communicator,
        case: &Case,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        if self.operation().in_place() {
            output.copy_from_slice(input);
        }
        self.call(comm, case, input, output, op)
    }

    /// The call alone, which is what is timed: an operation that works in place ignores `input`.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn call<T: Element>(
        self,
        comm: &Communicator,
        case: &Case,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        match (self, case.uneven) {
            (Self::Plain(operation), false) => plain(operation, comm, case.root, input, output, op),
            (Self::Plain(operation), true) => plain_v(operation, comm, case, input, output, op),
            (Self::Algorithm(algorithm), false) => by(algorithm, comm, case.root, input, output, op),
            (Self::Algorithm(algorithm), true) => by_v(algorithm, comm, case, input, output, op),
        }
    }
}

/// Where the ranks of a world of so many run.
///
/// # Panics
///
/// If there are none, or no more threads.
pub fn setting(ranks: usize) -> Setting {
    World::new(ranks).run(|comm| Ok(comm.setting())).expect("ranks that do nothing")[0]
}

fn plain<T: Element>(
    operation: Operation,
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    match operation {
        Operation::Barrier => comm.barrier(),
        Operation::Broadcast => comm.broadcast(output, root),
        Operation::Reduce => comm.reduce(input, output, op, root),
        Operation::AllGather => comm.all_gather(input, output),
        Operation::ReduceScatter => comm.reduce_scatter(input, output, op),
        Operation::AllReduce => comm.all_reduce(output, op),
        Operation::AllToAll => comm.all_to_all(input, output),
        Operation::Gather => comm.gather(input, output, root),
        Operation::Scatter => comm.scatter(input, output, root),
        Operation::Scan => comm.scan(output, op),
        Operation::ExclusiveScan => comm.exclusive_scan(output, op),
    }
}

fn plain_v<T: Element>(
    operation: Operation,
    comm: &Communicator,
    case: &Case,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (root, counts) = (case.root, case.counts());
    match operation {
        Operation::AllGather => comm.all_gather_v(input, &counts, output),
        Operation::ReduceScatter => comm.reduce_scatter_v(input, &counts, output, op),
        Operation::Gather => comm.gather_v(input, &counts, output, root),
        Operation::Scatter => comm.scatter_v(input, &counts, output, root),
        Operation::AllToAll => {
            let (sent, taken) = case.pair_counts(comm.rank());
            comm.all_to_all_v(input, &sent, output, &taken)
        }
        _ => plain(operation, comm, root, input, output, op),
    }
}

fn by<T: Element>(
    algorithm: Algorithm,
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    match algorithm {
        Algorithm::Barrier(a) => comm.barrier_with(a),
        Algorithm::Broadcast(a) => comm.broadcast_with(a, output, root),
        Algorithm::Reduce(a) => comm.reduce_with(a, input, output, op, root),
        Algorithm::AllGather(a) => comm.all_gather_with(a, input, output),
        Algorithm::ReduceScatter(a) => comm.reduce_scatter_with(a, input, output, op),
        Algorithm::AllReduce(a) => comm.all_reduce_with(a, output, op),
        Algorithm::AllToAll(a) => comm.all_to_all_with(a, input, output),
        Algorithm::Gather(a) => comm.gather_with(a, input, output, root),
        Algorithm::Scatter(a) => comm.scatter_with(a, input, output, root),
        Algorithm::Scan(a) => comm.scan_with(a, output, op),
        Algorithm::ExclusiveScan(a) => comm.exclusive_scan_with(a, output, op),
    }
}

fn by_v<T: Element>(
    algorithm: Algorithm,
    comm: &Communicator,
    case: &Case,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (root, counts) = (case.root, case.counts());
    match algorithm {
        Algorithm::AllGather(a) => comm.all_gather_v_with(a, input, &counts, output),
        Algorithm::ReduceScatter(a) => comm.reduce_scatter_v_with(a, input, &counts, output, op),
        Algorithm::Gather(a) => comm.gather_v_with(a, input, &counts, output, root),
        Algorithm::Scatter(a) => comm.scatter_v_with(a, input, &counts, output, root),
        Algorithm::AllToAll(a) => {
            let (sent, taken) = case.pair_counts(comm.rank());
            comm.all_to_all_v_with(a, input, &sent, output, &taken)
        }
        _ => by(algorithm, comm, root, input, output, op),
    }
}
