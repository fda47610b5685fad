//! The mailboxes of one communicator, and the making of sub-worlds.

use super::mailbox::{Channel, slots};
use super::sync::{Mutex, MutexGuard, OnceLock};
use super::waiting::Shared;
use crate::{Envelope, Members, Origin};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

/// A channel for every ordered pair of members.
pub(super) struct Group {
    /// The members' numbers in the world, by their number here.
    pub(super) members: Arc<[usize]>,
    /// The tags that lead here from the world's group.
    splits: Arc<[u64]>,
    world: Arc<Shared>,
    id: u64,
    /// From `a` to `b` at `a * P + b`. Made when first used: most algorithms use few of the P² pairs.
    channels: Box<[OnceLock<Channel>]>,
}

/// The sub-worlds that some, but not yet all, of their members have asked for.
#[derive(Default)]
pub(super) struct PendingGroups {
    made: u64,
    waiting: HashMap<(u64, u64, usize), Pending>,
}

/// One of them.
struct Pending {
    group: Arc<Group>,
    /// By number in the sub-world.
    asked: Box<[bool]>,
}

impl PendingGroups {
    /// Lets go of what members never asked for. A group holds its world, which holds this list: without
    /// this neither would ever be freed. Returns one of them, as (the members' world numbers, who
    /// never asked).
    pub(super) fn clear(&mut self) -> Option<(Vec<usize>, usize)> {
        let waiting = std::mem::take(&mut self.waiting);
        let first = waiting.values().map(|pending| {
            let missing = pending.asked.iter().position(|asked| !asked).expect("else it would be gone");
            (pending.group.members.to_vec(), pending.group.members[missing])
        });
        first.min()
    }
}

impl Group {
    /// The group of all ranks.
    pub(super) fn of_world(world: &Arc<Shared>) -> Arc<Self> {
        let members = (0..world.ranks()).collect();
        Self::new(Arc::clone(world), members, Arc::default(), 0)
    }

    fn new(world: Arc<Shared>, members: Arc<[usize]>, splits: Arc<[u64]>, id: u64) -> Arc<Self> {
        let pairs = members.len() * members.len();
        let channels = (0..pairs).map(|_| OnceLock::new()).collect();
        Arc::new(Self { members, splits, world, id, channels })
    }

    /// The group of some members of this one, for the one that gets number `rank` in it. The first member to
    /// ask makes it, the last one to ask takes it off the list; nobody waits.
    pub(super) fn subgroup(&self, members: &[usize], rank: usize, tag: u64) -> Arc<Self> {
        let members: Arc<[usize]> = members.iter().map(|&m| self.members[m]).collect();
        let mut pending_groups = self.world.pending_groups();
        let key = (self.id, tag, members[0]);
        if !pending_groups.waiting.contains_key(&key) {
            pending_groups.made += 1;
            let asked = members.iter().map(|_| false).collect();
            let splits = self.splits.iter().copied().chain([tag]).collect();
            let group = Self::new(Arc::clone(&self.world), members.clone(), splits, pending_groups.made);
            pending_groups.waiting.insert(key, Pending { group, asked });
        }
        let pending = pending_groups.waiting.get_mut(&key).expect("just put there");
        let agrees = pending.group.members == members && !std::mem::replace(&mut pending.asked[rank], true);
        let group = Arc::clone(&pending.group);
        if pending.asked.iter().all(|&asked| asked) {
            pending_groups.waiting.remove(&key);
        }
        drop(pending_groups); // before the assertion: a panic must not happen with a lock held
        assert!(agrees, "members of a sub-world disagree on who they are, or one asked for it twice");
        group
    }

    /// Who they are, for an error.
    pub(super) fn described(&self) -> Members {
        Members { ranks: Arc::clone(&self.members), splits: Arc::clone(&self.splits) }
    }

    pub(super) fn channel(&self, from: usize, to: usize) -> &Channel {
        self.channels[from * self.members.len() + to].get_or_init(|| Channel::new(slots(self.members.len())))
    }
}

/// The last member to let go looks for messages that nobody took, and reports them to the world.
impl Drop for Group {
    fn drop(&mut self) {
        let size = self.members.len();
        for (pair, channel) in self.channels.iter().enumerate() {
            let Some(channel) = channel.get() else { continue };
            for (envelope, origin) in channel.leftovers() {
                let (from, to) = (self.members[pair / size], self.members[pair % size]);
                let members = self.described();
                self.world.unreceived().push(Unreceived { from, to, envelope, origin, members });
            }
        }
    }
}

/// A message that was sent and never received.
#[derive(Clone, Debug)]
pub(super) struct Unreceived {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) envelope: Envelope,
    pub(super) origin: Origin,
    pub(super) members: Members,
}

/// A lock whose holders never leave the data half changed, so a panic elsewhere doesn't matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
