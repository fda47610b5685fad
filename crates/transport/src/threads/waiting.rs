//! Waiting: spin briefly, yield, then park; and the proof that waiting is in vain.
//!
//! A rank that parks first writes down, under a lock, what it needs: a message, room in a mailbox, a
//! reader to finish. The lock is taken only by ranks that are about to sleep, never on the fast path.
//!
//! **The proof.** If every rank that still runs has written down its needs, and under the lock none of them
//! is satisfied, then nobody can act: a rank on the list does nothing until a need of its is satisfied, and
//! only ranks satisfy needs. Counting sleeping ranks alone would not do: one of them may already have been
//! sent what it waits for and just not have woken up. No clock is involved, so a slow rank is never
//! accused.

use super::group::{Group, Nursery, Unreceived, lock};
use crate::{Envelope, Error, Result, Wait, WaitFor};
use crossbeam_utils::CachePadded;
use crossbeam_utils::sync::{Parker, Unparker};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// Looks at the mailbox before the first yield, where every rank has a core to itself: about 30 us, three
/// times what parking and being woken would cost.
const SPINS: u32 = 1_000;

/// Yields before parking. A yield hands the core to a rank that can work, if there is one; where ranks
/// outnumber cores that is the fastest way on, and 50 of them outlast a round of a 64-rank barrier on 2
/// cores.
const YIELDS: u32 = 50;

/// What the ranks of one world share, across all its communicators.
pub(super) struct World {
    seats: Box<[CachePadded<Seat>]>,
    /// Zero where ranks outnumber cores: spinning would keep the rank that is waited for from running.
    spins: u32,
    registry: Mutex<Registry>,
    nursery: Mutex<Nursery>,
    unreceived: Mutex<Vec<Unreceived>>,
    /// Set after `failure`: the cheap way to ask whether there is one.
    failed: AtomicBool,
    failure: OnceLock<(usize, Error)>,
}

/// Where one rank sleeps.
struct Seat {
    /// Set while its rank may be asleep.
    parked: AtomicBool,
    unparker: Unparker,
}

/// Who waits for what, and who is gone.
struct Registry {
    waiting: Vec<Option<Waiting>>,
    left: Vec<bool>,
}

struct Waiting {
    group: Arc<Group>,
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
    pub(super) envelope: Envelope,
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
    fn unmet(&self) -> impl Iterator<Item = Wait> + '_ {
        let unmet = (self.needs.iter().flatten()).filter(|need| !need.is_met(&self.group));
        unmet.map(|need| Wait {
            rank: self.group.members[need.rank],
            peer: self.group.members[need.peer],
            what: need.what,
            envelope: need.envelope,
        })
    }

    fn can_go_on(&self) -> bool {
        can_go_on(&self.needs, &self.group)
    }
}

impl World {
    /// A world and a place to sleep for each of its ranks.
    pub(super) fn new(ranks: usize) -> (Arc<Self>, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..ranks).map(|_| Parker::new()).collect();
        let seat = |parker: &Parker| {
            CachePadded::new(Seat { parked: AtomicBool::new(false), unparker: parker.unparker().clone() })
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let world = Self {
            seats: parkers.iter().map(seat).collect(),
            spins: if ranks <= cores { SPINS } else { 0 },
            registry: Mutex::new(Registry {
                waiting: (0..ranks).map(|_| None).collect(),
                left: vec![false; ranks],
            }),
            nursery: Mutex::default(),
            unreceived: Mutex::default(),
            failed: AtomicBool::new(false),
            failure: OnceLock::new(),
        };
        (Arc::new(world), parkers)
    }

    pub(super) fn ranks(&self) -> usize {
        self.seats.len()
    }

    /// Whether a rank has given up spinning and sleeps, or is about to.
    #[cfg(test)]
    pub(super) fn is_parked(&self, rank: usize) -> bool {
        self.seats[rank].parked.load(Acquire)
    }

    pub(super) fn nursery(&self) -> MutexGuard<'_, Nursery> {
        lock(&self.nursery)
    }

    pub(super) fn unreceived(&self) -> MutexGuard<'_, Vec<Unreceived>> {
        lock(&self.unreceived)
    }

    /// The error that ended the world, if one has.
    pub(super) fn check(&self) -> Result<()> {
        // Pairs with the Release store in `fail`.
        match self.failed.load(Acquire) {
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
        if self.failure.set((rank, error)).is_ok() {
            self.failed.store(true, Release);
            // A rank about to park either sees the flag or is seen asleep: as in `wake`.
            for rank in 0..self.ranks() {
                self.wake(rank);
            }
        }
    }

    /// Says that what `rank` may be waiting for has changed.
    ///
    /// The fence pairs with the one in `wait`: either this rank sees `parked`, or the other sees the change
    /// that we made before. Without the two a wake-up could be lost between its last look and its sleep.
    pub(super) fn wake(&self, rank: usize) {
        fence(SeqCst);
        let seat = &self.seats[rank];
        if seat.parked.load(Relaxed) {
            seat.unparker.unpark();
        }
    }

    /// Waits until one of the needs is met or the world has failed.
    pub(super) fn wait(&self, parker: &Parker, group: &Arc<Group>, rank: usize, needs: Needs) -> Result<()> {
        for attempt in 0..self.spins + YIELDS {
            if can_go_on(&needs, group) {
                return Ok(());
            }
            self.check()?;
            if attempt < self.spins {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        self.park(parker, group, rank, needs)
    }

    fn park(&self, parker: &Parker, group: &Arc<Group>, rank: usize, needs: Needs) -> Result<()> {
        let parked = &self.seats[rank].parked;
        parked.store(true, Relaxed);
        // Pairs with the fence in `wake`: from here on, whoever meets a need of ours sees that we sleep.
        fence(SeqCst);
        let waiting = Waiting { group: Arc::clone(group), needs };
        lock(&self.registry).waiting[rank] = Some(waiting);
        self.prove();
        while !can_go_on(&needs, group) && !self.failed.load(Acquire) {
            parker.park();
        }
        parked.store(false, Relaxed);
        lock(&self.registry).waiting[rank] = None;
        match can_go_on(&needs, group) {
            true => Ok(()),
            false => self.check(),
        }
    }

    /// Notes that a rank has returned, which may leave others waiting in vain.
    pub(super) fn leave(&self, rank: usize) {
        lock(&self.registry).left[rank] = true;
        self.prove();
    }

    /// Fails the world if a rank waits for one that is gone, or if all that are left wait in vain.
    fn prove(&self) {
        let proven = lock(&self.registry).prove();
        if let Some((rank, error)) = proven {
            self.fail(rank, error);
        }
    }
}

impl Registry {
    fn prove(&self) -> Option<(usize, Error)> {
        let waiting = || self.waiting.iter().flatten();
        // A need for a rank that is gone will never be met, and a transfer needs all its needs in the end.
        if let Some(wait) = waiting().flat_map(Waiting::unmet).find(|wait| self.left[wait.peer]) {
            return Some((wait.peer, Error::Left { rank: wait.peer, wait }));
        }
        let running = self.left.iter().filter(|left| !**left).count();
        let all_wait = running > 0 && waiting().count() == running;
        if !all_wait || waiting().any(Waiting::can_go_on) {
            return None;
        }
        let cycle = self.cycle();
        Some((cycle[0].rank, Error::Deadlock { cycle }))
    }

    /// Follows who waits for whom until a rank comes round again.
    fn cycle(&self) -> Vec<Wait> {
        let mut path: Vec<Wait> = Vec::new();
        let mut rank = self.waiting.iter().position(Option::is_some).expect("someone waits");
        loop {
            if let Some(start) = path.iter().position(|wait| wait.rank == rank) {
                return path.split_off(start);
            }
            let waiting = self.waiting[rank].as_ref().expect("all that are left wait");
            // A missing message says more than an unread one, and stands second.
            let wait = waiting.unmet().last().expect("none can go on");
            path.push(wait);
            rank = wait.peer;
        }
    }
}
