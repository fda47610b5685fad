//! How bytes move between ranks.
//!
//! A *rank* is one of the P workers of a distributed program. This crate gives ranks one primitive,
//! [`Transport::transfer`], a second one for where they share memory, [`Transport::share`], and one implementation of
//! both, [`Threads`], in which the ranks are threads of this process. It knows nothing of arithmetic: the `collectives` crate builds typed messages,
//! reductions and collectives on it.
//!
//! | file | idea |
//! |---|---|
//! | `envelope.rs` | what travels with every message, so that the receiver can tell whether it is the one it meant |
//! | `operation.rs` | what a rank is doing, and where in its program: for errors and reports |
//! | `counting.rs` | a transport around a transport that counts messages, bytes and rounds |
//! | `faults.rs` | a transport around a transport that makes a rank misbehave |
//! | `error.rs` | what can go wrong between ranks |
//! | `explain.rs` | how errors read |
//! | `report.rs` | how a world ended: the root cause, its consequences, the last operations of every rank |
//! | `divergence.rs` | where ranks parted ways |
//! | `threads.rs` | starting P ranks as threads and bringing their results, or the root cause, home |
//! | `threads/mailbox.rs`, `mailbox/` | the cells that bytes travel through: where the `unsafe` code is |
//! | `threads/endpoint.rs` | one rank's end of all its mailboxes |
//! | `threads/endpoint/transfer.rs` | the combined transfer |
//! | `threads/endpoint/share.rs` | lending parts of buffers to all ranks at once |
//! | `threads/group.rs` | the mailboxes of one communicator; sub-worlds |
//! | `threads/waiting.rs` | spin, yield, park; the proof that a world is deadlocked |
//! | `threads/journal.rs` | the last operations of a rank |
//! | `threads/panics.rs` | where a rank panicked |
//! | `threads/seat.rs` | where a rank sleeps, and why no wake-up is lost |
//! | `threads/sync.rs` | what all of that stands on: `std`, or a model checker |
//! | `threads/models.rs` | the mailbox, the seat, the waiting and the proof under loom, a model checker |

mod counting;
mod divergence;
mod envelope;
mod error;
mod explain;
mod faults;
mod operation;
mod report;
mod threads;

pub use counting::{Counting, Counts, Traffic};
pub use divergence::Divergence;
pub use envelope::{Call, ElementType, Envelope, Name};
pub use error::{Error, Mismatch, Result, View, Wait, WaitFor};
pub use faults::{Fault, FaultKind, Faulty, Field};
pub use operation::{Half, Members, Operation, Origin, Record};
pub use report::{Cause, RunError};
#[cfg(loom)]
pub use threads::explore;
pub use threads::{Endpoint, Threads};
#[cfg(any(loom, shuttle))]
pub use threads::{Planted, Weakness, plant};

/// The half of a transfer that leaves this rank.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The rank that takes the message, 0..P.
    pub to: usize,
    /// The message itself. Empty for elements that occupy no memory; what such a message costs on a
    /// wire follows from their number ([`Envelope::wire_bytes`]).
    pub bytes: &'a [u8],
    /// Its length, in elements.
    pub elements: usize,
    /// The sender's logical time. The transport carries it and gives it to the receiver, nothing else:
    /// [`Counting`] counts rounds with it.
    pub stamp: u32,
}

/// The half of a transfer that arrives at this rank.
pub struct Incoming<'a> {
    /// The rank whose message is awaited, 0..P.
    pub from: usize,
    /// Its length, in elements. Another length, or a message of another operation, is [`Error::Mismatch`].
    pub elements: usize,
    /// Is shown the bytes where they lie (in the sender's own buffer when the message is large), once,
    /// and copies or reduces straight out of them. It must not communicate: calls from inside it are refused
    /// with [`Error::Nested`], on all communicators.
    pub visit: &'a mut dyn FnMut(&[u8]),
}

/// What one rank lends to one other for the time of a [`Transport::share`].
#[derive(Debug, Default)]
pub struct Part<'a> {
    /// What the other may read. Several ranks may be lent the same bytes.
    pub read: &'a [u8],
    /// What the other may read and write. Nobody else sees these bytes meanwhile.
    pub write: &'a mut [u8],
    /// How many elements change sides because of it, for envelopes and accounts: one that is read does so once, and
    /// so does one that is written. Nothing is lent where there are none.
    pub elements: usize,
    /// The lender's logical time, as in [`Outgoing`].
    pub stamp: u32,
}

/// One rank's access to the other ranks of its communicator.
///
/// Object-safe, in bytes, with a primitive that every transport has, a combined transfer, and one for ranks that
/// share memory: to lend each other parts of their buffers, all at once.
///
/// # Contract
///
/// * Messages from rank a to rank b arrive in the order in which they were sent. There are no tags and
///   no wildcards, so a program's results cannot depend on the schedule.
/// * The outgoing and the incoming half are both under way at once: ranks that all send to the right
///   and receive from the left, in one call each, never wait for each other in a cycle.
/// * A small message may be buffered, in which case sending it alone does not wait; a program that
///   *needs* this is wrong (and fails in a strict world).
/// * The outgoing bytes are not touched after `transfer` returns, also when it returns by unwinding.
pub trait Transport {
    /// This rank's number, 0..P.
    fn rank(&self) -> usize;

    /// P, the number of ranks.
    fn size(&self) -> usize;

    /// Announces an operation before its first transfer. A caller that counts its operations asks whether this
    /// one can begin.
    ///
    /// # Errors
    ///
    /// What [`transfer`](Self::transfer) would answer without looking at the halves: what ended the world,
    /// [`Error::Nested`] or [`Error::Unwinding`].
    fn begin(&self, operation: &Operation) -> Result<()>;

    /// Sends, receives, or both at once, as a part of `operation`. Transfers in a row whose operations have the same
    /// [number](Origin::operations) are parts of one. `during`, if given, runs between posting the outgoing message
    /// and completing the transfer, so that computing overlaps with waiting;
    /// it may use other communicators, not this one.
    ///
    /// Returns the stamp of the message that came in, if one was asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] if the message that arrives is no such part of the operation; [`Error::Nested`] if called from inside `during`; otherwise whatever ended the
    /// world: see [`Error`].
    ///
    /// # Panics
    ///
    /// If a rank is not below [`size`](Self::size): `collectives` checks its callers' arguments.
    fn transfer(
        &self,
        operation: &Operation,
        outgoing: Option<Outgoing<'_>>,
        incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>>;

    /// Whether ranks can [`share`](Self::share). All ranks get the same answer.
    fn lends(&self) -> bool {
        false
    }

    /// Whether the ranks of the world outnumber the cores that they run on, so that a rank that waits should make
    /// way for others. All ranks get the same answer.
    fn oversubscribed(&self) -> bool {
        false
    }

    /// Lends a part of this rank's buffers to each of the others, and works on what they lend: a transposition of
    /// loans. Every rank hands in a `row` of P parts, part q of which is for rank q, and `work` is shown a column:
    /// in place q what rank q lends this one, and in this rank's own place its own part. All parts are held at once,
    /// so each byte can go from where it lies to wherever it belongs.
    ///
    /// ```text
    ///              for 0   for 1   for 2
    ///    rank 0   [  a       b       c  ]  ◄── the row that rank 0 hands in
    ///    rank 1   [  d       e       f  ]
    ///    rank 2   [  g       h       i  ]
    ///                ▲
    ///                └── the column that rank 0 works on: a, d, g
    /// ```
    ///
    /// `expected` says how many elements rank q lends this one. A part without elements isn't lent, and where none
    /// are expected nobody is waited for; its place in the column is empty. `work` runs once, when all that is
    /// expected is there, and must not communicate; nothing that is lent is touched after `share` returns, also
    /// when it returns by unwinding. When it returns `Ok`, the others are done with this rank's row.
    ///
    /// # Errors
    ///
    /// As [`transfer`](Self::transfer).
    ///
    /// # Panics
    ///
    /// If the transport doesn't [lend](Self::lends), or the row doesn't have a part for each rank.
    fn share(
        &self,
        _operation: &Operation,
        _row: &mut [Part<'_>],
        _expected: &dyn Fn(usize) -> usize,
        _work: &mut dyn FnMut(&mut [Part<'_>]),
    ) -> Result<()> {
        unreachable!("a transport that doesn't lend was asked to")
    }

    /// A transport among some of the ranks, with mailboxes of its own. `members` lists them in the order of
    /// their new numbers and contains the caller; all members call this with equal arguments. `tag` tells
    /// apart the sub-worlds that the same members make of this transport: each member asks for each once.
    /// May wait for the other members, and need not.
    ///
    /// # Errors
    ///
    /// Whatever ended the world.
    ///
    /// # Panics
    ///
    /// If the caller is no member, or members disagree on who they are.
    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>>;

    /// What this rank has sent since the start, if this transport counts.
    fn traffic(&self) -> Option<Traffic> {
        None
    }

    /// Sets the counters, and the logical clock that rounds are counted with, back to zero.
    fn reset_traffic(&self) {}
}
