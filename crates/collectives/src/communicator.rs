//! One rank's view of a group of ranks.

mod collective;
mod point_to_point;
mod with_counts;

pub(crate) use collective::wire_bytes;
pub(crate) use with_counts::total;

use crate::peers::Peers;
use crate::scratch::Scratch;
use crate::{AllGather, BadCall, Element, Layout, Result, Setting};
use std::cell::Cell;
use std::panic::Location;
use transport::{Call, ElementType, Envelope, Name, Operation, Origin, Traffic, Transport};

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
    /// What the transport says of itself, which never changes: asked once, not several times in each call.
    setting: Setting,
    rank: usize,
    /// Collective operations begun so far: part of every envelope.
    sequence: Cell<u32>,
    /// Operations begun so far, messages between two ranks among them: tells one from the next.
    operations: Cell<u32>,
    scratch: Scratch,
}

/// What the ranks must agree on when they begin a collective, besides the call and the element type.
struct Begin {
    length: u64,
    parameter: u32,
    reduction: Option<&'static Name>,
}

impl Begin {
    fn of(length: usize) -> Self {
        Self { length: length as u64, parameter: 0, reduction: None }
    }

    /// Blocks of different lengths: all ranks must mean the same.
    fn of_counts(counts: &[usize]) -> Self {
        // FNV-1a (Fowler, Noll, Vo), a word at a time.
        let hash = |hash: u64, &count: &usize| (hash ^ count as u64).wrapping_mul(0x0000_0100_0000_01B3);
        Self { length: counts.iter().fold(0xCBF2_9CE4_8422_2325, hash), parameter: 0, reduction: None }
    }

    fn parameter(self, parameter: u32) -> Self {
        Self { parameter, ..self }
    }

    fn root(self, root: usize) -> Self {
        self.parameter(root as u32)
    }

    fn reduction(self, name: &'static Name) -> Self {
        Self { reduction: Some(name), ..self }
    }
}

/// Sends meet receives whichever of the methods they were called by.
static MESSAGE: Call = Call::new("message");

/// A split gathers colors and keys like a Bruck all-gather, but is none to the ranks that compare calls.
static SPLIT: Call = Call { algorithm: "bruck", ..Call::new("split") };

impl Communicator {
    /// A communicator of all ranks of a transport. [`World::run`](crate::World::run) makes one for each rank.
    pub fn new(transport: Box<dyn Transport>) -> Self {
        let (ranks, rank) = (transport.size(), transport.rank());
        let setting = Setting { ranks, oversubscribed: transport.oversubscribed(), lends: transport.lends() };
        let (sequence, operations) = (Cell::new(0), Cell::new(0));
        Self { transport, setting, rank, sequence, operations, scratch: Scratch::default() }
    }

    /// This rank's number, 0..P.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// P, the number of ranks.
    pub fn size(&self) -> usize {
        self.setting.ranks
    }

    /// Where the ranks run, as far as the plain methods' choice of algorithms depends on it.
    pub fn setting(&self) -> Setting {
        self.setting
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
    #[track_caller]
    pub fn split(&self, color: Option<u32>, key: i64) -> Result<Option<Self>> {
        const NO_COLOR: i64 = -1;
        let own = [color.map_or(NO_COLOR, i64::from), key];
        let mut all = vec![0; 2 * self.size()];
        all[2 * self.rank()..][..2].copy_from_slice(&own);
        let peers = self.begin(i64::TYPE, &SPLIT, Begin::of(2))?;
        AllGather::Bruck.run(&peers, &Layout::even(all.len(), self.size()), &mut all)?;
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

    /// Begins a collective: from here on this rank is one operation further, unless it can't begin one now.
    #[track_caller]
    #[inline]
    fn begin(&self, element: &'static ElementType, call: &'static Call, begin: Begin) -> Result<Peers<'_>> {
        // 0 means a message that is no part of a collective.
        let sequence = self.sequence.get().checked_add(1).unwrap_or(1);
        let mut envelope = Envelope::new(call, element, 0);
        envelope.length = begin.length;
        envelope.elements = begin.length;
        envelope.sequence = sequence;
        envelope.parameter = begin.parameter;
        if let Some(reduction) = begin.reduction {
            envelope.reduction = reduction;
        }
        let operation = Operation { envelope, origin: self.origin(sequence) };
        self.transport.begin(&operation)?;
        self.sequence.set(sequence);
        Ok(self.peers(operation))
    }

    /// The ranks of a message that is no part of a collective.
    #[track_caller]
    fn message<T: Element>(&self) -> Peers<'_> {
        let envelope = Envelope::new(&MESSAGE, T::TYPE, 0);
        self.peers(Operation { envelope, origin: self.origin(self.sequence.get()) })
    }

    #[inline]
    fn peers(&self, operation: Operation) -> Peers<'_> {
        Peers::new(&*self.transport, &self.scratch, operation, self.rank, self.setting.ranks)
    }

    /// Where the program is, with one operation more.
    #[track_caller]
    fn origin(&self, collectives: u32) -> Origin {
        let operations = self.operations.get().wrapping_add(1);
        self.operations.set(operations);
        Origin { caller: Location::caller(), collectives, operations }
    }

    fn check_rank(
        &self,
        operation: &'static str,
        argument: &'static str,
        rank: usize,
    ) -> Result<(), BadCall> {
        match rank < self.size() {
            true => Ok(()),
            false => Err(BadCall::NoSuchRank { operation, argument, rank, ranks: self.size() }),
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
) -> Result<(), BadCall> {
    match holds == expected {
        true => Ok(()),
        false => Err(BadCall::Length { operation, argument, holds, expected, because }),
    }
}
