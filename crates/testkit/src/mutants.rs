//! Gears with a mistake each, most of them found in the wild. The suite must reject every one: a suite that
//! lets one pass proves nothing about the gears that pass it.
//!
//! They are written as a user would write them, with messages between ranks; those of shared columns are mistakes in
//! what a rank lends, or in what it does with its column.
//!
//! | file | idea |
//! |---|---|
//! | `mutants/run.rs` | what each of them does |
//! | `mutants/bodies.rs` | the same, where it takes more than a line |
//! | `mutants/columns.rs` | mistakes with loans |

mod bodies;
mod columns;
mod run;

use crate::case::{Case, Operation};
use crate::gear::{Algorithm, Gear};
use crate::suite::{Rejection, Verdict, checks};
use collectives::{
    AllGather, AllReduce, AllToAll, BadCall, Barrier, Broadcast, Communicator, Cost, Element, ExclusiveScan,
    Gather, Reduce, ReduceScatter, Reduction, Result, Scan, Scatter,
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
    /// All-gather by shared columns: a rank reads from its own block on, and leaves them in that order.
    BlocksAsRead,
    /// All-gather by shared columns: a rank copies what others lend it, and not its own block.
    GatheredWithoutOwn,
    /// All-to-all by shared columns: a rank copies its row, what it lends, instead of its column.
    RowForColumn,
    /// All-to-all by shared columns: each rank is lent the block that is the next one's.
    LoanOfTheNext,
    /// All-to-all by shared columns: a rank copies what others lend it, and not its own block.
    ExchangedWithoutOwn,
    /// Broadcast by shared columns: the root is forgotten, and rank 0 lends its buffer.
    LentByZero,
    /// Broadcast by shared columns: the root leaves out its own share of the copies.
    RootLooksOn,
    /// Broadcast by shared columns: the copies end one element early.
    CopyCutShort,
}

use Mutant::*;

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 34] = [
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
        BlocksAsRead,
        GatheredWithoutOwn,
        RowForColumn,
        LoanOfTheNext,
        ExchangedWithoutOwn,
        LentByZero,
        RootLooksOn,
        CopyCutShort,
    ];

    /// What the suite finds: one rejection for each check that it fails.
    pub fn rejections(self) -> Vec<Rejection> {
        let verdicts = checks().into_iter().map(|check| (check.run)(&self));
        verdicts.filter_map(Verdict::err).collect()
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
            BlocksAsRead | GatheredWithoutOwn => AllGather::SharedColumns.into(),
            RowForColumn | LoanOfTheNext | ExchangedWithoutOwn => AllToAll::SharedColumns.into(),
            LentByZero | RootLooksOn | CopyCutShort => Broadcast::SharedColumns.into(),
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
            NotTurnedBack | NextBlock | Strided | FromTheRoot | RowForColumn | LoanOfTheNext => !case.uneven,
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
        self.go_wrong(comm, case, input, output, op)
    }
}
