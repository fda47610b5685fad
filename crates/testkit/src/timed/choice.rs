//! What is timed: one algorithm, or what the plain method chooses.

use crate::case::{Case, Operation};
use crate::gear::{Algorithm, Gear};
use collectives::{Communicator, Number, Result, Sum};

/// One algorithm of an operation, or its plain method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The plain method, which chooses an algorithm by itself.
    Plain(Operation),
    /// This one.
    Algorithm(Algorithm),
}

/// Whether the operation finds its input in the buffer that it leaves its output in.
pub fn in_place(operation: Operation) -> bool {
    use Operation::{AllReduce, Broadcast, ExclusiveScan, Scan};
    matches!(operation, Broadcast | AllReduce | Scan | ExclusiveScan)
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

    /// Whether it works for the case's number of ranks.
    pub fn supports(self, case: &Case) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Algorithm(algorithm) => algorithm.supports(case, true),
        }
    }

    /// One rank's part, on equal blocks, and nothing but the call itself: [`Gear::run`] copies the input of
    /// an operation that works in place, here it is in `output` already and `input` is empty.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn call<T: Number>(
        self,
        comm: &Communicator,
        case: &Case,
        input: &[T],
        output: &mut [T],
    ) -> Result<()> {
        match self {
            Self::Plain(operation) => plain(operation, comm, case.root, input, output),
            Self::Algorithm(algorithm) => by(algorithm, comm, case.root, input, output),
        }
    }
}

fn plain<T: Number>(
    operation: Operation,
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
) -> Result<()> {
    match operation {
        Operation::Barrier => comm.barrier(),
        Operation::Broadcast => comm.broadcast(output, root),
        Operation::Reduce => comm.reduce(input, output, &Sum, root),
        Operation::AllGather => comm.all_gather(input, output),
        Operation::ReduceScatter => comm.reduce_scatter(input, output, &Sum),
        Operation::AllReduce => comm.all_reduce(output, &Sum),
        Operation::AllToAll => comm.all_to_all(input, output),
        Operation::Gather => comm.gather(input, output, root),
        Operation::Scatter => comm.scatter(input, output, root),
        Operation::Scan => comm.scan(output, &Sum),
        Operation::ExclusiveScan => comm.exclusive_scan(output, &Sum),
    }
}

fn by<T: Number>(
    algorithm: Algorithm,
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
) -> Result<()> {
    match algorithm {
        Algorithm::Barrier(a) => comm.barrier_with(a),
        Algorithm::Broadcast(a) => comm.broadcast_with(a, output, root),
        Algorithm::Reduce(a) => comm.reduce_with(a, input, output, &Sum, root),
        Algorithm::AllGather(a) => comm.all_gather_with(a, input, output),
        Algorithm::ReduceScatter(a) => comm.reduce_scatter_with(a, input, output, &Sum),
        Algorithm::AllReduce(a) => comm.all_reduce_with(a, output, &Sum),
        Algorithm::AllToAll(a) => comm.all_to_all_with(a, input, output),
        Algorithm::Gather(a) => comm.gather_with(a, input, output, root),
        Algorithm::Scatter(a) => comm.scatter_with(a, input, output, root),
        Algorithm::Scan(a) => comm.scan_with(a, output, &Sum),
        Algorithm::ExclusiveScan(a) => comm.exclusive_scan_with(a, output, &Sum),
    }
}
