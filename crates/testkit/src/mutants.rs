//! Gears with a mistake each, most of them found in the wild. The suite must reject every one: a suite that
//! lets one pass proves nothing about the gears that pass it.
//!
//! They are written as a user would write them, with messages between ranks.

use crate::case::{Case, Operation};
use crate::gear::{Algorithm, Gear};
use crate::suite::{Rejection, Verdict, checks, values_of};
use crate::values::Fill;
use collectives::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, Communicator, Cost, Element, Error, ExclusiveScan,
    Gather, Layout, Mean, Reduce, ReduceScatter, Reduction, Result, Scan, Scatter, ceil_log2,
};

/// The planted mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// All-reduce: whole buffers go round and are added up as they come (PyTorch tutorial, issue 31572).
    WholeTensorRing,
    /// All-reduce: blocks of ceil(N/P) elements, the last ones cut off (burn-collective, 5 elements on 4
    /// ranks).
    ChunksRoundedUp,
    /// All-reduce: the second half of the ring is one step short.
    MissingLastStep,
    /// All-reduce: send, then receive, instead of both at once (FateScript's `mpi.py`): deadlock on large
    /// data.
    SendThenReceive,
    /// All-reduce: partner r + 2^k mod P, added up, for any P: some ranks count twice.
    WrappedDoubling,
    /// All-reduce: the mean is taken before the sum and again after it.
    MeanTwice,
    /// All-reduce: the lower and the upper half are combined in the order of arrival.
    PartnerOrder,
    /// Barrier: dissemination, one round short.
    RoundShort,
    /// Barrier: a butterfly that skips partners that don't exist (FateScript's `mpi.py`).
    ButterflySkips,
    /// Barrier: everyone reports to rank 0, and nobody waits to be released.
    NoRelease,
    /// Broadcast: a tree that wraps round when P is no power of two, leaving stray messages (FateScript's
    /// `mpi.py`).
    StrayMessages,
    /// Broadcast: the root is forgotten, and rank 0's buffer goes out.
    RootIgnored,
    /// Reduce: the tree is rooted at the root for reductions that don't commute, too.
    RotatedOrder,
    /// Reduce-scatter: rank r gets block r + 1.
    NextBlock,
    /// All-gather: Bruck's without the final rotation.
    NotTurnedBack,
    /// Scatter: rank r gets elements r, r + P, ... (FateScript's `mpi.py`).
    Strided,
    /// Gather: blocks in the order of distance from the root.
    FromTheRoot,
    /// All-to-all: every rank gets the blocks that it should have sent.
    NotTransposed,
    /// Scan: without the rank's own contribution.
    WithoutOwn,
    /// Exclusive scan: with the rank's own contribution.
    WithOwn,
}

use Mutant::*;

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 20] = [
        WholeTensorRing,
        ChunksRoundedUp,
        MissingLastStep,
        SendThenReceive,
        WrappedDoubling,
        MeanTwice,
        PartnerOrder,
        RoundShort,
        ButterflySkips,
        NoRelease,
        StrayMessages,
        RootIgnored,
        RotatedOrder,
        NextBlock,
        NotTurnedBack,
        Strided,
        FromTheRoot,
        NotTransposed,
        WithoutOwn,
        WithOwn,
    ];

    /// What the suite finds: one rejection for each check that it fails.
    pub fn rejections(self) -> Vec<Rejection> {
        let verdicts = checks().into_iter().map(|check| (check.run)(&self));
        let mut rejections: Vec<_> = verdicts.filter_map(Verdict::err).collect();
        if rejections.is_empty() {
            // The checks sum; the tests try every other reduction with `values_of`, too.
            rejections.extend(values_of::<_, f64>(&self, Fill::Small, &Mean).err());
        }
        rejections
    }

    /// The correct gear that it pretends to be.
    fn model(self) -> Algorithm {
        match self {
            WholeTensorRing | ChunksRoundedUp | MissingLastStep | SendThenReceive => AllReduce::Ring.into(),
            WrappedDoubling | PartnerOrder => AllReduce::RecursiveDoubling.into(),
            MeanTwice => AllReduce::ReduceBroadcast.into(),
            RoundShort => Barrier::Dissemination.into(),
            ButterflySkips => Barrier::Dissemination.into(),
            NoRelease => Barrier::Central.into(),
            StrayMessages | RootIgnored => Broadcast::Binomial.into(),
            RotatedOrder => Reduce::Binomial.into(),
            NextBlock => ReduceScatter::Pairwise.into(),
            NotTurnedBack => AllGather::Bruck.into(),
            Strided => Scatter::Linear.into(),
            FromTheRoot => Gather::Linear.into(),
            NotTransposed => AllToAll::Pairwise.into(),
            WithoutOwn => Scan::Linear.into(),
            WithOwn => ExclusiveScan::Linear.into(),
        }
    }
}

impl Gear for Mutant {
    fn operation(&self) -> Operation {
        self.model().operation()
    }

    fn name(&self) -> &'static str {
        "a mutant"
    }

    fn supports(&self, case: &Case, commutes: bool) -> bool {
        match self {
            // As close to the model as it gets: only the case that the mistake is about is left to find it.
            NotTurnedBack | NextBlock | Strided | FromTheRoot => !case.uneven,
            _ => self.model().supports(case, commutes),
        }
    }

    fn cost(&self, case: &Case, rank: usize, commutes: bool) -> Cost {
        self.model().cost(case, rank, commutes)
    }

    fn run<T: Element>(
        &self,
        comm: &Communicator,
        case: &Case,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        if !self.model().supports(case, op.commutes()) {
            return Err(Error::DoesNotCommute { algorithm: self.name(), reduction: op.name().0 });
        }
        if matches!(self.operation(), Operation::AllReduce | Operation::Scan | Operation::ExclusiveScan) {
            output.copy_from_slice(input);
        }
        match self {
            WholeTensorRing => whole_tensor_ring(comm, output, op),
            ChunksRoundedUp => {
                let chunk = output.len().div_ceil(comm.size());
                let bounds = |i: usize| (i * chunk).min(output.len())..((i + 1) * chunk).min(output.len());
                let blocks: Vec<_> = (0..comm.size()).map(bounds).collect();
                // What burn indexes out of range is cut off here, and the sums are right; the loads are not
                // even.
                ring(comm, output, op, &blocks, comm.size() - 1, false)
            }
            MissingLastStep => {
                let blocks = even(output.len(), comm.size());
                ring(comm, output, op, &blocks, comm.size().saturating_sub(2), false)
            }
            SendThenReceive => {
                let blocks = even(output.len(), comm.size());
                ring(comm, output, op, &blocks, comm.size() - 1, true)
            }
            WrappedDoubling => {
                for k in 0..ceil_log2(comm.size()) {
                    let (to, from) = neighbours(comm, 1 << k);
                    let sent = output.to_vec();
                    comm.send_recv_reduce(to, &sent, from, output, op)?;
                }
                op.finish(output, comm.size());
                Ok(())
            }
            MeanTwice => {
                op.finish(output, comm.size());
                comm.all_reduce_with(AllReduce::ReduceBroadcast, output, op)
            }
            PartnerOrder => partner_order(comm, output, op),
            RoundShort => {
                for k in 0..ceil_log2(comm.size()).saturating_sub(1) {
                    signal(comm, neighbours(comm, 1 << k))?;
                }
                Ok(())
            }
            ButterflySkips => {
                for k in 0..ceil_log2(comm.size()) {
                    let partner = comm.rank() ^ (1 << k);
                    if partner < comm.size() {
                        signal(comm, (partner, partner))?;
                    }
                }
                Ok(())
            }
            NoRelease => {
                if comm.rank() > 0 {
                    return comm.send(0, &[0_u8; 0]);
                }
                (1..comm.size()).try_for_each(|other| comm.recv(other, &mut [0_u8; 0]))
            }
            StrayMessages => stray_messages(comm, case.root, input, output),
            RootIgnored => {
                output.copy_from_slice(input);
                comm.broadcast_with(Broadcast::Binomial, output, 0)
            }
            RotatedOrder => rotated_order(comm, case.root, input, output, op),
            NextBlock => {
                let mut all = input.to_vec();
                comm.all_reduce_with(AllReduce::RecursiveDoubling, &mut all, op)?;
                let next = (comm.rank() + 1) % comm.size();
                output.copy_from_slice(&all[Layout::of_counts(case.counts()).block(next)]);
                Ok(())
            }
            NotTurnedBack => {
                comm.all_gather_with(AllGather::Bruck, input, output)?;
                output.rotate_left(comm.rank() * input.len());
                Ok(())
            }
            Strided => {
                let elements = || (0..input.len()).map(|i| (i % case.length) * case.ranks + i / case.length);
                let strided: Vec<T> = elements().map(|i| input[i]).collect();
                comm.scatter_with(Scatter::Linear, &strided, output, case.root)
            }
            FromTheRoot => {
                comm.gather_with(Gather::Linear, input, output, case.root)?;
                let shift = if output.is_empty() { 0 } else { case.root * input.len() };
                output.rotate_left(shift);
                Ok(())
            }
            NotTransposed => {
                if input.len() == output.len() {
                    output.copy_from_slice(input);
                }
                for distance in 1..comm.size() {
                    let (to, from) = neighbours(comm, distance);
                    let count = |from, to| case.pair_count(from, to);
                    let mut dropped = vec![T::zeroed(); count(from, comm.rank())];
                    let sent = vec![T::zeroed(); count(comm.rank(), to)];
                    comm.send_recv(to, &sent, from, &mut dropped)?;
                }
                Ok(())
            }
            WithoutOwn => comm.exclusive_scan_with(ExclusiveScan::Linear, output, op),
            WithOwn => comm.scan_with(Scan::Linear, output, op),
        }
    }
}

/// The ranks `distance` to the right and to the left.
fn neighbours(comm: &Communicator, distance: usize) -> (usize, usize) {
    let (rank, size) = (comm.rank(), comm.size());
    ((rank + distance) % size, (rank + size - distance % size) % size)
}

fn signal(comm: &Communicator, (to, from): (usize, usize)) -> Result<()> {
    comm.send_recv(to, &[0_u8; 0], from, &mut [])
}

fn even(length: usize, parts: usize) -> Vec<std::ops::Range<usize>> {
    let layout = Layout::even(length, parts);
    (0..parts).map(|i| layout.block(i)).collect()
}

fn whole_tensor_ring<T: Element>(comm: &Communicator, buffer: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
    let (right, left) = neighbours(comm, 1);
    let mut passing = buffer.to_vec();
    for _ in 1..comm.size() {
        let mut arrived = vec![T::zeroed(); buffer.len()];
        comm.send_recv(right, &passing, left, &mut arrived)?;
        op.fold(buffer, &arrived);
        passing = arrived;
    }
    op.finish(buffer, comm.size());
    Ok(())
}

/// The ring all-reduce, with what can be wrong about it as arguments.
fn ring<T: Element>(
    comm: &Communicator,
    buffer: &mut [T],
    op: &dyn Reduction<T>,
    blocks: &[std::ops::Range<usize>],
    second_half: usize,
    send_then_receive: bool,
) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let (right, left) = neighbours(comm, 1);
    let index = |i: usize| blocks[(i + 2 * size) % size].clone();
    let exchange = |sent: &[T], into: &mut [T]| match send_then_receive {
        true => comm.send(right, sent).and_then(|()| comm.recv(left, into)),
        false => comm.send_recv(right, sent, left, into),
    };
    for step in 0..size - 1 {
        let sent = buffer[index(rank + size - step)].to_vec();
        let block = index(rank + size - step - 1);
        let mut arrived = vec![T::zeroed(); block.len()];
        exchange(&sent, &mut arrived)?;
        op.fold(&mut buffer[block], &arrived);
    }
    for step in 0..second_half {
        let sent = buffer[index(rank + size + 1 - step)].to_vec();
        exchange(&sent, &mut buffer[index(rank + size - step)])?;
    }
    op.finish(buffer, size);
    Ok(())
}

fn partner_order<T: Element>(comm: &Communicator, buffer: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
    if !comm.size().is_power_of_two() {
        return comm.all_reduce_with(AllReduce::RecursiveDoubling, buffer, op);
    }
    for k in 0..ceil_log2(comm.size()) {
        let partner = comm.rank() ^ (1 << k);
        let sent = buffer.to_vec();
        comm.send_recv_reduce(partner, &sent, partner, buffer, op)?;
    }
    op.finish(buffer, comm.size());
    Ok(())
}

/// In each round whoever has the buffer sends it 2^k on, whether or not the round the circle is full.
fn stray_messages<T: Element>(comm: &Communicator, root: usize, input: &[T], output: &mut [T]) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let v = (rank + size - root) % size;
    output.copy_from_slice(input);
    for k in 0..ceil_log2(size) {
        let distance = 1 << k;
        if v < distance {
            comm.send((rank + distance) % size, output)?;
        } else if v < 2 * distance {
            comm.recv((rank + size - distance) % size, output)?;
        }
    }
    Ok(())
}

fn rotated_order<T: Element>(
    comm: &Communicator,
    root: usize,
    input: &[T],
    output: &mut [T],
    op: &dyn Reduction<T>,
) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    if op.commutes() || root == 0 {
        return comm.reduce_with(Reduce::Binomial, input, output, op, root);
    }
    if rank != root {
        return comm.send(root, input);
    }
    output.copy_from_slice(input);
    for distance in 1..size {
        comm.recv_reduce((root + distance) % size, output, op)?;
    }
    op.finish(output, size);
    Ok(())
}
