//! The mailboxes of one communicator, and the making of sub-worlds.

use super::mailbox::Channel;
use super::waiting::World;
use crate::Envelope;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A channel for every ordered pair of members.
pub(super) struct Group {
    /// The members' numbers in the world, by their number here.
    pub(super) members: Box<[usize]>,
    world: Arc<World>,
    id: u64,
    /// From `a` to `b` at `a * P + b`. Made when first used: most algorithms use few of the P² pairs.
    channels: Box<[OnceLock<Box<Channel>>]>,
}

/// The sub-worlds that some, but not yet all, of their members have asked for.
#[derive(Default)]
pub(super) struct Nursery {
    made: u64,
    waiting: HashMap<(u64, u64, usize), (Arc<Group>, usize)>,
}

impl Group {
    /// The group of all ranks.
    pub(super) fn of_world(world: &Arc<World>) -> Arc<Self> {
        let members = (0..world.ranks()).collect();
        Self::new(Arc::clone(world), members, 0)
    }

    fn new(world: Arc<World>, members: Box<[usize]>, id: u64) -> Arc<Self> {
        let pairs = members.len() * members.len();
        Arc::new(Self { members, world, id, channels: (0..pairs).map(|_| OnceLock::new()).collect() })
    }

    /// The group of some members of this one. The first member to ask makes it, the last one to ask takes
    /// it out of the nursery; nobody waits.
    pub(super) fn subgroup(&self, members: &[usize], tag: u64) -> Arc<Self> {
        let members: Box<[usize]> = members.iter().map(|&m| self.members[m]).collect();
        let mut nursery = self.world.nursery();
        let key = (self.id, tag, members[0]);
        match nursery.waiting.entry(key) {
            Entry::Occupied(mut entry) => {
                let (group, missing) = entry.get_mut();
                assert_eq!(group.members, members, "members of one sub-world disagree on who they are");
                *missing -= 1;
                if *missing == 0 { entry.remove().0 } else { Arc::clone(group) }
            }
            Entry::Vacant(_) => {
                nursery.made += 1;
                let missing = members.len() - 1;
                let group = Self::new(Arc::clone(&self.world), members, nursery.made);
                if missing > 0 {
                    nursery.waiting.insert(key, (Arc::clone(&group), missing));
                }
                group
            }
        }
    }

    pub(super) fn channel(&self, from: usize, to: usize) -> &Channel {
        self.channels[from * self.members.len() + to].get_or_init(Channel::new)
    }
}

/// The last member to let go looks for messages that nobody took, and reports them to the world.
impl Drop for Group {
    fn drop(&mut self) {
        let size = self.members.len();
        for (pair, channel) in self.channels.iter().enumerate() {
            let Some(channel) = channel.get() else { continue };
            for envelope in channel.leftovers() {
                let (from, to) = (self.members[pair / size], self.members[pair % size]);
                self.world.unreceived().push(Unreceived { from, to, envelope });
            }
        }
    }
}

/// A message that was sent and never received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreceived {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) envelope: Envelope,
}

/// A lock whose holders never leave the data half changed, so a panic elsewhere doesn't matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
