//! One rank's view of a group of ranks.

mod collective;
mod point_to_point;
mod with_counts;

use crate::peers::Peers;
use crate::{Element, Error, Result, all_gather::AllGather};
use std::cell::Cell;
use transport::{Call, ElementType, Envelope, NO_ROOT, Name, Traffic, Transport};

/// A group of P ranks, seen by one of them: everything ranks can do together.
///
/// All ranks of a communicator call the same operations in the same order. An operation that ranks disagree
/// about (which one it is, its algorithm, length, element type, root or reduction) is an error, not a hang.
///
/// Every operation has a plain form, which chooses an algorithm by size and ranks, and a form `_with` for an
/// algorithm of the caller's choice. All forms work for any number of ranks and any length, also 0,
/// unless the algorithm's documentation says otherwise.
///
/// A communicator belongs to its rank's thread. There is no generic parameter: the same rank function runs on
/// every [`Transport`].
pub struct Communicator {
    transport: Box<dyn Transport>,
    /// Collective operations begun so far: part of every envelope.
    sequence: Cell<u32>,
}

/// Who takes part in a collective, and in what.
struct Begin {
    length: usize,
    root: Option<usize>,
    reduction: Option<&'static Name>,
}

impl Begin {
    fn of(length: usize) -> Self {
        Self { length, root: None, reduction: None }
    }

    fn root(self, root: usize) -> Self {
        Self { root: Some(root), ..self }
    }

    fn reduction(self, name: &'static Name) -> Self {
        Self { reduction: Some(name), ..self }
    }
}

impl Communicator {
    /// A communicator of all ranks of a transport. [`World::run`](crate::World::run) makes one for each rank.
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, sequence: Cell::new(0) }
    }

    /// This rank's number, 0..P.
    pub fn rank(&self) -> usize {
        self.transport.rank()
    }

    /// P, the number of ranks.
    pub fn size(&self) -> usize {
        self.transport.size()
    }

    /// What this rank has sent so far, in all its communicators, if the world
    /// [counts](crate::World::counting).
    pub fn traffic(&self) -> Option<Traffic> {
        self.transport.traffic()
    }

    /// Sets the counters of [`traffic`](Self::traffic) back to zero.
    pub fn reset_traffic(&self) {
        self.transport.reset_traffic();
    }

    /// Makes communicators of the ranks that give the same `color`, numbered by `key` and, where keys are
    /// equal, by rank here. A rank without a color gets none. All ranks call this.
    ///
    /// ```
    /// use collectives::{Sum, World};
    ///
    /// let sums = World::new(5).run(|comm| {
    ///     let parity = comm.split(Some(comm.rank() as u32 % 2), 0)?.expect("a color was given");
    ///     let mut x = [comm.rank() as u64];
    ///     parity.all_reduce(&mut x, &Sum)?;
    ///     Ok(x[0])
    /// })?;
    /// assert_eq!(sums, [6, 4, 6, 4, 6]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the world has failed.
    pub fn split(&self, color: Option<u32>, key: i64) -> Result<Option<Self>> {
        const NO_COLOR: i64 = -1;
        let own = [color.map_or(NO_COLOR, i64::from), key];
        let mut all = vec![0; 2 * self.size()];
        self.all_gather_with(AllGather::Bruck, &own, &mut all)?;
        if color.is_none() {
            return Ok(None);
        }
        let same = (0..self.size()).filter(|&rank| all[2 * rank] == own[0]);
        let mut members: Vec<usize> = same.collect();
        members.sort_by_key(|&rank| all[2 * rank + 1]); // stable: equal keys stay in rank order
        // The number of this collective tells this split from all others of the communicator.
        let transport = self.transport.subworld(&members, self.sequence.get().into())?;
        Ok(Some(Self::new(transport)))
    }

    /// Begins a collective: from here on this rank is one operation further.
    fn begin<T: Element>(&self, call: &'static Call, begin: Begin) -> Peers<'_> {
        let sequence = self.sequence.get() + 1;
        self.sequence.set(sequence);
        let mut envelope = Envelope::new(call, T::TYPE, begin.length);
        envelope.sequence = sequence;
        envelope.root = begin.root.map_or(NO_ROOT, |root| root as u32);
        if let Some(reduction) = begin.reduction {
            envelope.reduction = reduction;
        }
        Peers::new(&*self.transport, envelope)
    }

    /// The ranks of a message that is no part of a collective.
    fn peers(&self, call: &'static Call, element: &'static ElementType) -> Peers<'_> {
        Peers::new(&*self.transport, Envelope::new(call, element, 0))
    }

    fn check_rank(&self, operation: &'static str, argument: &'static str, rank: usize) -> Result<()> {
        match rank < self.size() {
            true => Ok(()),
            false => Err(Error::NoSuchRank { operation, argument, rank, ranks: self.size() }),
        }
    }
}

/// Checks a buffer's length.
fn check_length(
    operation: &'static str,
    argument: &'static str,
    holds: usize,
    expected: usize,
    because: &'static str,
) -> Result<()> {
    match holds == expected {
        true => Ok(()),
        false => Err(Error::Length { operation, argument, holds, expected, because }),
    }
}
