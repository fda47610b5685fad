//! Waiting: spin briefly, yield, then park; and the proof that waiting is in vain.
//!
//! A rank that parks first writes down, under a lock, what it needs: a message, room in a mailbox, a
//! reader to finish. The lock is taken only by ranks that are about to sleep, never on the fast path.
//!
//! **The proof.** Call a rank on the list *stuck* if none of its needs is met. Stuck ranks that form a
//! cycle, each with a need that only the next one can meet, are deadlocked, whatever all other ranks do.
//! For each can complete its transfer only after the next has acted, and a stuck rank does nothing until
//! one of its needs is met. A rank with two needs may be set going by a rank outside the cycle; but all it
//! can then do is to look at that rank's message, which helps nobody in the cycle: had a neighbour's
//! message for it, or room for its own, been what the neighbour waits for, its need would have been met
//! before.
//!
//! Looking for unmet needs alone would not do. A rank may have been sent what it waits for and just not
//! have woken up; that is why the needs are looked at again, under the lock, and why a rank with one need
//! met and one unmet counts as able to go on: it may be about to take the message whose sender closes the
//! cycle. No clock is involved: a slow rank is never accused.

use super::group::{Group, PendingGroups, Unreceived, lock};
use super::seat::Seat;
use super::sync::{AtomicBool, Mutex, MutexGuard, OnceLock, Parker, Weakness, planted, spin_loop, yield_now};
use crate::{Error, Mismatch, Operation, Record, Result, View, Wait, WaitFor};
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Looks at the mailbox before the first yield, where every rank has a core to itself: longer than most
/// messages take, shorter than falling asleep and being woken is worth avoiding.
///
/// Neither number is delicate. With 100, 1,000 and 10,000 looks, and with 10, 50 and 300 yields, barriers
/// and all-reduces of 64 KiB on 2, 4, 8 and 64 ranks took the same time but for noise (`gears bench`, 2
/// cores of an AMD EPYC, 2026-11).
const SPINS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 1_000 };

/// Yields before parking. A yield hands the core to a rank that can work, if there is one; where ranks
/// outnumber cores that is the fastest way on.
const YIELDS: u32 = if cfg!(loom) {
    0
} else if cfg!(shuttle) {
    1
} else {
    50
};

/// What the ranks of one world share, across all its communicators.
pub(super) struct Shared {
    seats: Box<[CachePadded<Seat>]>,
    oversubscribed: bool,
    /// Zero where ranks outnumber cores: spinning would keep the rank that is waited for from running.
    spins: u32,
    registry: Mutex<Registry>,
    pending_groups: Mutex<PendingGroups>,
    unreceived: Mutex<Vec<Unreceived>>,
    /// Set after `failure`: the cheap way to ask whether there is one.
    failed: CachePadded<AtomicBool>,
    failure: OnceLock<(usize, Error)>,
}

/// Who waits for what, and who is gone.
struct Registry {
    waiting: Vec<Option<Waiting>>,
    /// The journals that ranks have left.
    left: Vec<Option<Vec<Record>>>,
}

struct Waiting {
    group: Arc<Group>,
    operation: Operation,
    needs: Needs,
}

/// What a transfer waits for: any one of these lets it go on.
pub(super) type Needs = [Option<Need>; 2];

/// Something at a position of a channel.
#[derive(Clone, Copy)]
pub(super) struct Need {
    pub(super) what: WaitFor,
    /// Member numbers of the group.
    pub(super) rank: usize,
    pub(super) peer: usize,
    pub(super) position: usize,
    /// Of the message.
    pub(super) elements: usize,
}

impl Need {
    pub(super) fn is_met(&self, group: &Group) -> bool {
        match self.what {
            WaitFor::Message => group.channel(self.peer, self.rank).has_message(self.position),
            WaitFor::Room => group.channel(self.rank, self.peer).has_room(self.position),
            WaitFor::Reader => group.channel(self.rank, self.peer).is_done(self.position),
        }
    }
}

fn can_go_on(needs: &Needs, group: &Group) -> bool {
    needs.iter().flatten().any(|need| need.is_met(group))
}

impl Waiting {
    fn is_stuck(&self) -> bool {
        if planted(Weakness::StaleNeeds) {
            return true;
        }
        if planted(Weakness::HalfStuck) {
            return self.unmet().next().is_some();
        }
        !can_go_on(&self.needs, &self.group)
    }

    fn unmet(&self) -> impl Iterator<Item = &Need> {
        self.needs.iter().flatten().filter(|need| planted(Weakness::StaleNeeds) || !need.is_met(&self.group))
    }

    /// The rank that a need is for, by its number in the world.
    fn peer(&self, need: &Need) -> usize {
        self.group.members[need.peer]
    }

    /// For an error.
    fn describe(&self, need: &Need) -> Wait {
        Wait {
            rank: self.group.members[need.rank],
            peer: self.peer(need),
            what: need.what,
            envelope: self.operation.envelope.with_elements(need.elements),
            origin: self.operation.origin,
            members: self.group.described(),
        }
    }
}

impl Shared {
    /// A world and a place to sleep for each of its ranks.
    pub(super) fn new(ranks: usize) -> (Arc<Self>, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..ranks).map(|_| Parker::new()).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let world = Self {
            seats: parkers.iter().map(|parker| CachePadded::new(Seat::new(parker))).collect(),
            oversubscribed: ranks > cores,
            spins: if ranks <= cores { SPINS } else { 0 },
            registry: Mutex::new(Registry {
                waiting: (0..ranks).map(|_| None).collect(),
                left: (0..ranks).map(|_| None).collect(),
            }),
            pending_groups: Mutex::default(),
            unreceived: Mutex::default(),
            failed: CachePadded::new(AtomicBool::new(false)),
            failure: OnceLock::new(),
        };
        (Arc::new(world), parkers)
    }

    pub(super) fn ranks(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn oversubscribed(&self) -> bool {
        self.oversubscribed
    }

    /// Whether a rank has given up spinning and sleeps, or is about to.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn is_parked(&self, rank: usize) -> bool {
        self.seats[rank].is_parked()
    }

    pub(super) fn pending_groups(&self) -> MutexGuard<'_, PendingGroups> {
        lock(&self.pending_groups)
    }

    pub(super) fn unreceived(&self) -> MutexGuard<'_, Vec<Unreceived>> {
        lock(&self.unreceived)
    }

    pub(super) fn has_failed(&self) -> bool {
        // Pairs with the Release store in `fail`.
        self.failed.load(Acquire)
    }

    /// The error that ended the world, if one has.
    pub(super) fn check(&self) -> Result<()> {
        match self.has_failed() {
            false => Ok(()),
            true => Err(self.failure().expect("set before the flag").1),
        }
    }

    /// The rank on which the world failed first, and why.
    pub(super) fn failure(&self) -> Option<(usize, Error)> {
        self.failure.get().cloned()
    }

    /// Ends the world, unless it has ended already: every rank that waits or calls again gets the error.
    pub(super) fn fail(&self, rank: usize, error: Error) {
        let is_first = self.failure.set((rank, error)).is_ok();
        // Also where another rank was first, and perhaps has not come to this line yet: whoever is told of a
        // failure must find the world failed when it acts on it.
        self.failed.store(true, if planted(Weakness::RelaxedFailure) { Relaxed } else { Release });
        if is_first && !planted(Weakness::SilentFailure) {
            // A rank about to park either sees the flag or is seen asleep: as in `wake`.
            for rank in 0..self.ranks() {
                self.wake(rank);
            }
        }
    }

    /// Says that what `rank` may be waiting for has changed.
    pub(super) fn wake(&self, rank: usize) {
        self.seats[rank].wake();
    }

    /// Looks whether `is_met`, for as long as spinning pays. False: it is neither met, nor has the world failed.
    ///
    /// What is looked at should be at hand: whatever a spinning rank does between two looks, it does too late.
    #[inline]
    pub(super) fn spin(&self, is_met: impl Fn() -> bool) -> Result<bool> {
        for _ in 0..self.spins {
            if is_met() {
                return Ok(true);
            }
            self.check()?;
            spin_loop();
        }
        Ok(false)
    }

    /// Waits until one of the needs is met or the world has failed, after it has [spun](Self::spin) in vain.
    #[cold]
    pub(super) fn wait(
        &self,
        parker: &Parker,
        group: &Arc<Group>,
        rank: usize,
        operation: &Operation,
        needs: Needs,
    ) -> Result<()> {
        for _ in 0..YIELDS {
            if can_go_on(&needs, group) {
                return Ok(());
            }
            self.check()?;
            yield_now();
        }
        self.park(parker, group, rank, operation, needs)
    }

    fn park(
        &self,
        parker: &Parker,
        group: &Arc<Group>,
        rank: usize,
        operation: &Operation,
        needs: Needs,
    ) -> Result<()> {
        self.seats[rank].announce();
        let waiting = Waiting { group: Arc::clone(group), operation: *operation, needs };
        let proof = {
            let mut registry = lock(&self.registry);
            registry.waiting[rank] = Some(waiting);
            let left = if planted(Weakness::ForgottenLeaver) { None } else { registry.left_alone() };
            left.or_else(|| registry.cycle(rank))
        };
        self.conclude(proof);
        let failed = || self.failed.load(Acquire);
        self.seats[rank].sleep(parker, || can_go_on(&needs, group) || failed());
        lock(&self.registry).waiting[rank] = None;
        match can_go_on(&needs, group) {
            true => Ok(()),
            false => self.check(),
        }
    }

    /// Notes that a rank has returned, which may leave others waiting in vain. It leaves its journal.
    pub(super) fn leave(&self, rank: usize, journal: Vec<Record>) {
        let proof = {
            let mut registry = lock(&self.registry);
            registry.left[rank] = Some(journal);
            registry.left_alone()
        };
        self.conclude(proof);
    }

    /// The journals of all ranks, once they have left.
    pub(super) fn journals(&self) -> Box<[Vec<Record>]> {
        lock(&self.registry).left.iter_mut().map(|journal| journal.take().unwrap_or_default()).collect()
    }

    /// Fails the world if that is proven.
    fn conclude(&self, proof: Option<(usize, Error)>) {
        if let Some((rank, error)) = proof {
            self.fail(rank, error);
        }
    }
}

impl Registry {
    /// A rank that waits for one that is gone.
    fn left_alone(&self) -> Option<(usize, Error)> {
        let lost = |waiting: &Waiting| {
            // In this order: looking at a mailbox may fetch another core's cache line, under the lock.
            let mut needs =
                waiting.needs.iter().flatten().filter(|need| self.left[waiting.peer(need)].is_some());
            let need = needs.find(|need| !need.is_met(&waiting.group))?;
            Some(waiting.describe(need))
        };
        let wait = self.waiting.iter().flatten().find_map(lost)?;
        let last = self.left[wait.peer].as_ref().and_then(|journal| journal.last().cloned().map(Box::new));
        Some((wait.peer, Error::Left { rank: wait.peer, last, wait: Box::new(wait) }))
    }

    /// A cycle of stuck ranks with `rank` in it. It has just been added, and ranks get stuck in no other
    /// way, so a cycle that wasn't there before goes through it.
    fn cycle(&self, rank: usize) -> Option<(usize, Error)> {
        let mut seen = vec![false; self.waiting.len()];
        let mut cycle = self.way(rank, rank, &mut seen)?;
        // The same cycle is told the same way, whoever closed it.
        let first = (0..cycle.len()).min_by_key(|&i| cycle[i].rank)?;
        cycle.rotate_left(first);
        match disagreement(&cycle) {
            Some(mismatch) => Some((mismatch.expected.rank, Error::Mismatch(Box::new(mismatch)))),
            None => Some((cycle[0].rank, Error::Deadlock { cycle })),
        }
    }

    /// Follows the needs of stuck ranks from `rank`, depth first, until one is for `goal`.
    fn way(&self, rank: usize, goal: usize, seen: &mut [bool]) -> Option<Vec<Wait>> {
        let waiting = self.waiting[rank].as_ref().filter(|waiting| waiting.is_stuck())?;
        seen[rank] = true;
        for need in waiting.unmet() {
            let peer = waiting.peer(need);
            let rest = match peer == goal {
                true => Some(Vec::new()),
                false if seen[peer] => None,
                false => self.way(peer, goal, seen),
            };
            if let Some(mut way) = rest {
                way.insert(0, waiting.describe(need));
                return Some(way);
            }
        }
        None
    }
}

/// Why ranks wait for each other, if that is because two neighbours in the cycle mean different things by the same
/// collective: each of two may take itself for the root.
fn disagreement(cycle: &[Wait]) -> Option<Mismatch> {
    let pairs = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let differ = |(one, next): &(&Wait, &Wait)| {
        let (a, b) = (&one.envelope, &next.envelope);
        a.sequence > 0 && a.sequence == b.sequence && one.members == next.members && !a.agrees(b)
    };
    let view = |wait: &Wait| View { rank: wait.rank, envelope: wait.envelope, origin: wait.origin };
    let (one, next) = pairs.into_iter().find(differ)?;
    Some(Mismatch { sent: view(one), expected: view(next), members: one.members.clone() })
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
