//! Shared columns gone wrong. What a rank does with its column it does in the reduction, so a reduction with a mistake
//! in it makes the library's own algorithm wrong, as a mistake in the algorithm would.
//!
//! Where nothing is reduced, a rank only copies. What can be wrong then is which bytes it lends, and those are its
//! arguments' to say; or where it puts what it reads, and that shows in the output alone. So the library's own
//! algorithm runs on arguments that are wrong, or its output is changed into what the mistake would have left there.

use super::Mutant::{self, *};
use crate::case::Case;
use collectives::{AllGather, AllToAll, Broadcast, Communicator, Element, Layout, Name, Reduction, Result};

/// What a rank does wrong with the column that all ranks have lent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// It stores the sum into its own buffer alone.
    StoredAtHome,
    /// It leaves the last element of the column out.
    CutShort,
    /// It finishes a result that is finished.
    FinishedTwice,
    /// It forgets its own contribution.
    OwnLeftOut,
    /// It begins with its own contribution, and goes on from there.
    OwnFirst,
}

/// A reduction, on a rank that makes a mistake.
pub(super) struct Mistaken<'a, T: Element> {
    pub(super) op: &'a dyn Reduction<T>,
    pub(super) rank: usize,
    pub(super) mistake: Mistake,
}

impl<T: Element> Reduction<T> for Mistaken<'_, T> {
    fn name(&self) -> &'static Name {
        self.op.name()
    }

    fn apply(&self, left: T, right: T) -> T {
        self.op.apply(left, right)
    }

    fn commutes(&self) -> bool {
        self.op.commutes()
    }

    fn identity(&self) -> Option<T> {
        self.op.identity()
    }

    fn finish(&self, result: &mut [T], contributions: usize) {
        self.op.finish(result, contributions);
    }

    fn all_reduce_columns(&self, columns: &mut [&mut [T]]) {
        let ranks = columns.len();
        let mut inputs: Vec<&[T]> = columns.iter().map(|column| &**column).collect();
        let mut sum = inputs[0].to_vec();
        match self.mistake {
            Mistake::CutShort => {
                let short = sum.len().saturating_sub(1);
                let mut columns: Vec<_> = columns.iter_mut().map(|column| &mut column[..short]).collect();
                return self.op.all_reduce_columns(&mut columns);
            }
            Mistake::OwnLeftOut if ranks > 1 => {
                inputs.remove(self.rank);
            }
            Mistake::OwnFirst => inputs.rotate_left(self.rank),
            _ => {}
        }
        self.op.reduce_columns(&inputs, &mut sum);
        if self.mistake == Mistake::FinishedTwice {
            self.op.finish(&mut sum, ranks);
        }
        for (rank, column) in columns.iter_mut().enumerate() {
            if self.mistake != Mistake::StoredAtHome || rank == self.rank {
                column.copy_from_slice(&sum);
            }
        }
    }

    fn reduce_columns(&self, inputs: &[&[T]], output: &mut [T]) {
        let mut copies: Vec<Vec<T>> = inputs.iter().map(|input| input.to_vec()).collect();
        let mut columns: Vec<&mut [T]> = copies.iter_mut().map(|copy| &mut copy[..]).collect();
        self.all_reduce_columns(&mut columns);
        output.copy_from_slice(&copies[self.rank]);
    }
}

pub(super) fn all_gather<T: Element>(
    mutant: Mutant,
    comm: &Communicator,
    case: &Case,
    input: &[T],
    output: &mut [T],
) -> Result<()> {
    let (before, counts) = (output.to_vec(), case.counts());
    comm.all_gather_v_with(AllGather::SharedColumns, input, &counts, output)?;
    let own = Layout::of_counts(counts).block(comm.rank());
    match mutant {
        BlocksAsRead => output.rotate_left(own.start),
        GatheredWithoutOwn => output[own.clone()].copy_from_slice(&before[own]),
        other => unreachable!("{other:?} is no all-gather by shared columns"),
    }
    Ok(())
}

pub(super) fn all_to_all<T: Element>(
    mutant: Mutant,
    comm: &Communicator,
    case: &Case,
    input: &[T],
    output: &mut [T],
) -> Result<()> {
    let (sent, taken) = case.pair_counts(comm.rank());
    let (before, mut lent) = (output.to_vec(), input.to_vec());
    if mutant == LoanOfTheNext {
        lent.rotate_left(case.length);
    }
    comm.all_to_all_v_with(AllToAll::SharedColumns, &lent, &sent, output, &taken)?;
    let own = Layout::of_counts(taken).block(comm.rank());
    match mutant {
        RowForColumn => output.copy_from_slice(input),
        LoanOfTheNext => {}
        ExchangedWithoutOwn => output[own.clone()].copy_from_slice(&before[own]),
        other => unreachable!("{other:?} is no all-to-all by shared columns"),
    }
    Ok(())
}

pub(super) fn broadcast<T: Element>(
    mutant: Mutant,
    comm: &Communicator,
    case: &Case,
    input: &[T],
    output: &mut [T],
) -> Result<()> {
    output.copy_from_slice(input);
    let root = if mutant == LentByZero { 0 } else { case.root };
    comm.broadcast_with(Broadcast::SharedColumns, output, root)?;
    let length = output.len();
    let uncopied = match mutant {
        LentByZero => length,
        RootLooksOn => length - length / comm.size(),
        CopyCutShort => length.saturating_sub(1),
        other => unreachable!("{other:?} is no broadcast by shared columns"),
    };
    // The root's is what it was, as for all who aren't copied to.
    output[uncopied..].copy_from_slice(&input[uncopied..]);
    Ok(())
}
