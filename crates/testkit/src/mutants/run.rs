//! What each mutant does.

use super::Mutant::{self, *};
use super::bodies::{
    even, neighbours, partner_order, ring, rotated_order, signal, stray_messages, whole_tensor_ring,
};
use super::columns::{self, Mistake, Mistaken};
use crate::case::Case;
use collectives::{
    AllGather, AllReduce, Broadcast, Communicator, Element, ExclusiveScan, Gather, Layout, Reduce,
    ReduceScatter, Reduction, Result, Scan, Scatter, ceil_log2,
};

impl Mutant {
    /// One rank's part. Where the operation works in place, `output` holds what the rank puts in.
    pub(super) fn go_wrong<T: Element>(
        self,
        comm: &Communicator,
        case: &Case,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
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
            BlocksAsRead | GatheredWithoutOwn => columns::all_gather(self, comm, case, input, output),
            RowForColumn | LoanOfTheNext | ExchangedWithoutOwn => {
                columns::all_to_all(self, comm, case, input, output)
            }
            LentByZero | RootLooksOn | CopyCutShort => columns::broadcast(self, comm, case, input, output),
        }
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
}
