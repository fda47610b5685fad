//! Gears with a mistake each, most of them found in the wild. The suite must reject every one: a suite that
//! lets one pass proves nothing about the gears that pass it.
//!
//! They are written as a user would write them, with messages between ranks; those of shared columns are mistakes in
//! what a rank does with its column.

mod bodies;
mod columns;

use crate::case::{Case, Operation};
use crate::gear::{Algorithm, Gear};
use crate::suite::{Rejection, Verdict, checks};
use bodies::{
    even, neighbours, partner_order, ring, rotated_order, signal, stray_messages, whole_tensor_ring,
};
use collectives::{
    AllGather, AllReduce, AllToAll, BadCall, Barrier, Broadcast, Communicator, Cost, Element, ExclusiveScan,
    Gather, Layout, Reduce, ReduceScatter, Reduction, Result, Scan, Scatter, ceil_log2,
};
use columns::{Mistake, Mistaken};

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
    /// All-reduce: correct, but its closed form forgets a message of long buffers.
    WrongWhenLong,
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
    /// All-reduce by shared columns: the sum of a column goes to the rank that made it, not to all.
    StoredAtHome,
    /// All-reduce by shared columns: columns end one element early.
    ColumnCutShort,
    /// All-reduce by shared columns: finished by the rank that combined it, and again.
    FinishedTwice,
    /// Reduce-scatter by shared columns: without the contribution of the rank that combines.
    ColumnWithoutOwn,
    /// Reduce by shared columns: combined from the rank's own contribution on, not from rank 0's.
    ColumnFromOwn,
}

use Mutant::*;

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 26] = [
        WholeTensorRing,
        ChunksRoundedUp,
        MissingLastStep,
        SendThenReceive,
        WrappedDoubling,
        MeanTwice,
        PartnerOrder,
        WrongWhenLong,
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
        StoredAtHome,
        ColumnCutShort,
        FinishedTwice,
        ColumnWithoutOwn,
        ColumnFromOwn,
    ];

    /// What the suite finds: one rejection for each check that it fails.
    pub fn rejections(self) -> Vec<Rejection> {
        let verdicts = checks().into_iter().map(|check| (check.run)(&self));
        verdicts.filter_map(Verdict::err).collect()
    }

    /// The reduction, done wrong on shared columns.
    fn mistaken<'a, T: Element>(self, comm: &Communicator, op: &'a dyn Reduction<T>) -> Mistaken<'a, T> {
        let mistake = match self {
            StoredAtHome => Mistake::StoredAtHome,
            ColumnCutShort => Mistake::CutShort,
            FinishedTwice => Mistake::FinishedTwice,
            ColumnWithoutOwn => Mistake::OwnLeftOut,
            ColumnFromOwn => Mistake::OwnFirst,
            other => unreachable!("{other:?} is no mistake in a column"),
        };
        Mistaken { op, rank: comm.rank(), mistake }
    }

    /// The correct gear that it pretends to be.
    fn model(self) -> Algorithm {
        match self {
            WholeTensorRing | ChunksRoundedUp | MissingLastStep | SendThenReceive | WrongWhenLong => {
                AllReduce::Ring.into()
            }
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
            StoredAtHome | ColumnCutShort | FinishedTwice => AllReduce::SharedColumns.into(),
            ColumnWithoutOwn => ReduceScatter::SharedColumns.into(),
            ColumnFromOwn => Reduce::SharedColumns.into(),
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
        let cost = self.model().cost(case, rank, commutes);
        match self {
            WrongWhenLong if case.ranks > 2 && case.length > 100 => {
                cost.then(Cost { messages: 1, ..Cost::default() })
            }
            _ => cost,
        }
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
            return Err(BadCall::DoesNotCommute { algorithm: self.name(), reduction: op.name().0 }.into());
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
            WrongWhenLong => comm.all_reduce_with(AllReduce::Ring, output, op),
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
            StoredAtHome | ColumnCutShort | FinishedTwice => {
                comm.all_reduce_with(AllReduce::SharedColumns, output, &self.mistaken(comm, op))
            }
            ColumnWithoutOwn => {
                let (op, counts) = (self.mistaken(comm, op), case.counts());
                comm.reduce_scatter_v_with(ReduceScatter::SharedColumns, input, &counts, output, &op)
            }
            ColumnFromOwn => {
                let op = self.mistaken(comm, op);
                comm.reduce_with(Reduce::SharedColumns, input, output, &op, case.root)
            }
        }
    }
}
