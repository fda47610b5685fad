//! Shared columns gone wrong. What a rank does with its column it does in the reduction, so a reduction with a mistake
//! in it makes the library's own algorithm wrong, as a mistake in the algorithm would.

use collectives::{Element, Name, Reduction};

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
