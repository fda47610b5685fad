//! Anything that claims to be a collective.

use crate::case::{Case, Operation};
use crate::choice::Choice;
use collectives::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, Communicator, Cost, Element, ExclusiveScan, Gather,
    Layout, Limits, Reduce, ReduceScatter, Reduction, Result, Scan, Scatter,
};

/// Something the suite can try: an algorithm of `collectives`, a planted mistake, a learner's own.
pub trait Gear: Sync {
    /// What it claims to do.
    fn operation(&self) -> Operation;

    /// Its name within the operation.
    fn name(&self) -> &'static str;

    /// Whether it claims to handle the case, with a reduction that `commutes` or not.
    fn supports(&self, case: &Case, commutes: bool) -> bool;

    /// One rank's part. `input` and `output` have the lengths that the case prescribes.
    ///
    /// # Errors
    ///
    /// Those of the calls it makes.
    fn run<T: Element>(
        &self,
        comm: &Communicator,
        case: &Case,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()>;

    /// What it claims that one rank sends.
    fn cost(&self, case: &Case, rank: usize, commutes: bool) -> Cost;
}

/// One algorithm of the library, whatever the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `barrier_with`
    Barrier(Barrier),
    /// `broadcast_with`
    Broadcast(Broadcast),
    /// `reduce_with`
    Reduce(Reduce),
    /// `all_gather_with`, `all_gather_v_with`
    AllGather(AllGather),
    /// `reduce_scatter_with`, `reduce_scatter_v_with`
    ReduceScatter(ReduceScatter),
    /// `all_reduce_with`
    AllReduce(AllReduce),
    /// `all_to_all_with`, `all_to_all_v_with`
    AllToAll(AllToAll),
    /// `gather_with`, `gather_v_with`
    Gather(Gather),
    /// `scatter_with`, `scatter_v_with`
    Scatter(Scatter),
    /// `scan_with`
    Scan(Scan),
    /// `exclusive_scan_with`
    ExclusiveScan(ExclusiveScan),
}

/// Every algorithm of every operation, in the order of the ladders.
pub fn catalogue() -> Vec<Algorithm> {
    fn of<A: Copy>(all: &[A], wrap: fn(A) -> Algorithm) -> impl Iterator<Item = Algorithm> {
        all.iter().copied().map(wrap)
    }
    (of(Barrier::ALL, Algorithm::Barrier))
        .chain(of(Broadcast::ALL, Algorithm::Broadcast))
        .chain(of(Reduce::ALL, Algorithm::Reduce))
        .chain(of(AllGather::ALL, Algorithm::AllGather))
        .chain(of(ReduceScatter::ALL, Algorithm::ReduceScatter))
        .chain(of(AllReduce::ALL, Algorithm::AllReduce))
        .chain(of(AllToAll::ALL, Algorithm::AllToAll))
        .chain(of(Gather::ALL, Algorithm::Gather))
        .chain(of(Scatter::ALL, Algorithm::Scatter))
        .chain(of(Scan::ALL, Algorithm::Scan))
        .chain(of(ExclusiveScan::ALL, Algorithm::ExclusiveScan))
        .collect()
}

/// The algorithms of one operation, in the order of its ladder.
pub fn ladder(operation: Operation) -> Vec<Algorithm> {
    catalogue().into_iter().filter(|algorithm| algorithm.operation() == operation).collect()
}

impl Algorithm {
    /// Where a plain method can't use it, or shouldn't.
    pub fn limits(self) -> Limits {
        match self {
            Self::Barrier(a) => a.limits(),
            Self::Broadcast(a) => a.limits(),
            Self::Reduce(a) => a.limits(),
            Self::AllGather(a) => a.limits(),
            Self::ReduceScatter(a) => a.limits(),
            Self::AllReduce(a) => a.limits(),
            Self::AllToAll(a) => a.limits(),
            Self::Gather(a) => a.limits(),
            Self::Scatter(a) => a.limits(),
            Self::Scan(a) => a.limits(),
            Self::ExclusiveScan(a) => a.limits(),
        }
    }
}

impl Gear for Algorithm {
    fn operation(&self) -> Operation {
        match self {
            Self::Barrier(_) => Operation::Barrier,
            Self::Broadcast(_) => Operation::Broadcast,
            Self::Reduce(_) => Operation::Reduce,
            Self::AllGather(_) => Operation::AllGather,
            Self::ReduceScatter(_) => Operation::ReduceScatter,
            Self::AllReduce(_) => Operation::AllReduce,
            Self::AllToAll(_) => Operation::AllToAll,
            Self::Gather(_) => Operation::Gather,
            Self::Scatter(_) => Operation::Scatter,
            Self::Scan(_) => Operation::Scan,
            Self::ExclusiveScan(_) => Operation::ExclusiveScan,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Barrier(a) => a.name(),
            Self::Broadcast(a) => a.name(),
            Self::Reduce(a) => a.name(),
            Self::AllGather(a) => a.name(),
            Self::ReduceScatter(a) => a.name(),
            Self::AllReduce(a) => a.name(),
            Self::AllToAll(a) => a.name(),
            Self::Gather(a) => a.name(),
            Self::Scatter(a) => a.name(),
            Self::Scan(a) => a.name(),
            Self::ExclusiveScan(a) => a.name(),
        }
    }

    fn supports(&self, case: &Case, commutes: bool) -> bool {
        match self {
            Self::Barrier(Barrier::Butterfly) => case.ranks.is_power_of_two(),
            Self::AllToAll(AllToAll::Bruck) => !case.uneven,
            Self::AllReduce(a) => commutes || a.keeps_order(),
            Self::ReduceScatter(a) => commutes || a.keeps_order(),
            _ => true,
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
        Choice::Algorithm(*self).run(comm, case, input, output, op)
    }

    fn cost(&self, case: &Case, rank: usize, commutes: bool) -> Cost {
        let &Case { ranks, length, root, .. } = case;
        let blocks = Layout::of_counts(case.counts());
        match *self {
            Self::Barrier(a) => a.cost(ranks, rank),
            Self::Broadcast(a) => a.cost(ranks, rank, length, root),
            Self::Reduce(a) => a.cost(ranks, rank, length, root, commutes),
            Self::AllGather(a) => a.cost(&blocks, rank),
            Self::ReduceScatter(a) => a.cost(&blocks, rank),
            Self::AllReduce(a) => a.cost(ranks, rank, length),
            Self::AllToAll(a) => a.cost_of_counts(ranks, rank, |from, to| case.pair_count(from, to)),
            Self::Gather(a) => a.cost(&blocks, rank, root),
            Self::Scatter(a) => a.cost(&blocks, rank, root),
            Self::Scan(a) => a.cost(ranks, rank, length),
            Self::ExclusiveScan(a) => a.cost(ranks, rank, length),
        }
    }
}

macro_rules! into_algorithm {
    ($($ladder:ident)*) => {$(
        impl From<$ladder> for Algorithm {
            fn from(algorithm: $ladder) -> Self {
                Self::$ladder(algorithm)
            }
        }
    )*};
}

into_algorithm!(Barrier Broadcast Reduce AllGather ReduceScatter AllReduce AllToAll Gather Scatter Scan ExclusiveScan);
