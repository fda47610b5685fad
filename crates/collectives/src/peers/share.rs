//! Shared columns: the ranks lend each other parts of their buffers, all at once.
//!
//! ```text
//!              for 0   for 1   for 2
//!    rank 0   [  a       b       c  ]  ◄── the loans that rank 0 grants: its row
//!    rank 1   [  d       e       f  ]
//!    rank 2   [  g       h       i  ]
//!                ▲
//!                └── the loans that rank 0 works with: its column
//! ```
//!
//! A message moves bytes from one buffer to one other. Here a rank holds its column of *all* buffers at once and
//! takes each byte from where it lies to wherever it belongs: an all-reduce sums the column and stores the sum P
//! times, and every byte is loaded once and stored once, the least possible. See [`transport::Transport::share`],
//! of which this is the typed form: no allocation for up to 8 ranks.

use super::Peers;
use crate::{Cost, Element, Result};
use smallvec::SmallVec;
use transport::Part;

/// Ranks whose loans need no allocation.
const FEW: usize = 8;

/// A value for each rank.
pub(crate) type PerRank<T> = SmallVec<[T; FEW]>;

/// The values, one for each rank. A `collect` would be a call that moves them about, which shows in a short call.
#[inline(always)]
pub(crate) fn per_rank<T>(values: impl IntoIterator<Item = T>) -> PerRank<T> {
    let mut all = PerRank::new();
    for value in values {
        all.push(value);
    }
    all
}

/// What one rank lends one other.
#[derive(Debug)]
pub(crate) struct Loan<'a, T> {
    /// To be read, by any number of ranks.
    pub(crate) read: &'a [T],
    /// To be read and written, by this one alone.
    pub(crate) write: &'a mut [T],
}

/// How long the two halves of a loan are, in elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) read: usize,
    pub(crate) write: usize,
}

impl<'a, T> Loan<'a, T> {
    /// No loan.
    pub(crate) fn nothing() -> Self {
        Self { read: &[], write: &mut [] }
    }

    /// A loan to be read.
    pub(crate) fn read(read: &'a [T]) -> Self {
        Self { read, write: &mut [] }
    }

    /// A loan to be read and written.
    pub(crate) fn write(write: &'a mut [T]) -> Self {
        Self { read: &[], write }
    }

    fn lengths(&self) -> Lengths {
        Lengths { read: self.read.len(), write: self.write.len() }
    }
}

/// What a loan moves if its first half is read and its second one written.
pub(crate) fn once(lengths: Lengths) -> usize {
    lengths.read + lengths.write
}

/// What a loan moves if its second half is read first and then written.
pub(crate) fn updated(lengths: Lengths) -> usize {
    lengths.read + 2 * lengths.write
}

impl Peers<'_> {
    /// Grants loan q of `row` to rank q, and shows `work` what the others lend this rank, in rank order, its own
    /// loan to itself among them. `expected` says how long they are, and `moved` how many elements change sides
    /// because of a loan of such lengths ([`once`] or [`updated`]). All ranks of the communicator call this alike.
    ///
    /// # Panics
    ///
    /// If the view is a [subset](Self::subset), or the transport doesn't lend.
    pub(crate) fn share<'a, T: Element>(
        &self,
        row: impl IntoIterator<Item = Loan<'a, T>>,
        expected: impl Fn(usize) -> Lengths,
        moved: fn(Lengths) -> usize,
        work: impl FnOnce(&mut [Loan<'_, T>]),
    ) -> Result<()> {
        let (transport, operation) = self.whole().expect("all ranks of the communicator share");
        let part = |loan: Loan<'a, T>| Part {
            elements: moved(loan.lengths()),
            read: bytemuck::cast_slice(loan.read),
            write: bytemuck::cast_slice_mut(loan.write),
            stamp: 0,
        };
        let mut row = per_rank(row.into_iter().map(part));
        let mut work = Some(work);
        let mut typed = |column: &mut [Part<'_>]| {
            let mut loans =
                per_rank(column.iter_mut().enumerate().map(|(rank, part)| loan(part, expected(rank))));
            (work.take().expect("a column is shown once"))(&mut loans);
        };
        transport.share(operation, &mut row, &|rank| moved(expected(rank)), &mut typed)?;
        Ok(())
    }
}

/// A part as elements. Those without size are made here, since a part of them has no bytes.
fn loan<'a, T: Element>(part: &'a mut Part<'_>, lengths: Lengths) -> Loan<'a, T> {
    if size_of::<T>() == 0 {
        let ghosts = |count| vec![T::zeroed(); count].leak(); // takes no memory, so nothing leaks
        return Loan { read: ghosts(lengths.read), write: ghosts(lengths.write) };
    }
    // Where nothing is lent there are no bytes, and those lie anywhere.
    let loan = Loan {
        read: if part.read.is_empty() { &[] } else { bytemuck::cast_slice(part.read) },
        write: if part.write.is_empty() { &mut [] } else { bytemuck::cast_slice_mut(&mut *part.write) },
    };
    debug_assert_eq!(loan.lengths(), lengths, "what is lent is what is expected");
    loan
}

/// The cost of a share in which rank `rank` grants loans that move so many elements: a message for each to another
/// rank that isn't empty. If it isn't true that there is `nothing` at all to lend, then some rank must grant or take
/// P-1 loans, one a round.
pub(crate) fn cost(ranks: usize, rank: usize, lent: impl Fn(usize) -> usize, nothing: bool) -> Cost {
    let others = (0..ranks).filter(|&other| other != rank).map(lent);
    let (messages, elements) =
        others.filter(|&elements| elements > 0).fold((0, 0), |(m, e), n| (m + 1, e + n));
    Cost { messages, elements, rounds: if nothing { 0 } else { ranks - 1 } }
}
