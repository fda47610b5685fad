//! The proof on lists of waiting ranks that are written by hand, so that no schedule is needed to get there.

use super::*;
use crate::{Call, ElementType, Envelope, Origin, Outgoing};

const CALL: &Call = &Call::new("test");
const BYTES: &ElementType = &ElementType::of::<u8>("u8");

/// A world in which ranks have posted and are waiting. Nobody runs.
struct Scene {
    world: Arc<Shared>,
    group: Arc<Group>,
}

impl Scene {
    fn new(ranks: usize) -> Self {
        let (world, _) = Shared::new(ranks);
        let group = Group::of_world(&world);
        Self { world, group }
    }

    /// A short message from one rank to another, at the first position.
    fn post(&self, from: usize, to: usize) {
        let channel = self.group.channel(from, to);
        let operation = Operation { envelope: Envelope::new(CALL, BYTES, 0), origin: Origin::here() };
        let outgoing = Outgoing { to, bytes: &[], elements: 0, stamp: 0 };
        // SAFETY: nobody else sends on the channel, which is empty, and nothing is lent.
        #[allow(unsafe_code, reason = "a test of the proof")]
        let loan = unsafe { channel.post(0, &operation, outgoing, true) };
        assert!(loan.is_none());
    }

    fn need(&self, what: WaitFor, rank: usize, peer: usize) -> Option<Need> {
        Some(Need { what, rank, peer, position: 0, elements: 0 })
    }

    /// Adds a rank to the list, and returns the ranks of the cycle that this closes.
    fn waits(&self, rank: usize, needs: Needs) -> Option<Vec<usize>> {
        let operation = Operation { envelope: Envelope::new(CALL, BYTES, 0), origin: Origin::here() };
        let mut registry = lock(&self.world.registry);
        registry.waiting[rank] = Some(Waiting { group: Arc::clone(&self.group), operation, needs });
        match registry.cycle(rank)?.1 {
            Error::Deadlock { cycle } => Some(cycle.iter().map(|wait| wait.rank).collect()),
            other => panic!("{other}"),
        }
    }
}

use WaitFor::{Message, Reader, Room};

#[test]
fn a_cycle_is_found_though_other_ranks_run() {
    let scene = Scene::new(5);
    assert_eq!(scene.waits(0, [None, scene.need(Message, 0, 1)]), None);
    assert_eq!(scene.waits(3, [None, scene.need(Message, 3, 0)]), None); // waits for the cycle, isn't in it
    assert_eq!(scene.waits(1, [None, scene.need(Message, 1, 2)]), None);
    assert_eq!(scene.waits(2, [None, scene.need(Message, 2, 0)]), Some(vec![0, 1, 2])); // rank 4 runs on
}

#[test]
fn a_rank_that_has_its_message_is_not_accused_though_it_sleeps() {
    let scene = Scene::new(2);
    assert_eq!(scene.waits(0, [None, scene.need(Message, 0, 1)]), None);
    scene.post(1, 0);
    assert_eq!(scene.waits(1, [None, scene.need(Message, 1, 0)]), None);
}

/// Rank 0 sends to 1 and receives from 2; rank 1 waits for 2 first; rank 2 has sent to 0 and waits until it
/// is read. All three have an unmet need, in a cycle. But rank 0 is about to read, then 2 goes on, and all
/// end well.
#[test]
fn a_cycle_through_a_rank_that_can_do_half_of_its_transfer_is_no_deadlock() {
    let scene = Scene::new(3);
    scene.post(0, 1);
    assert_eq!(scene.waits(0, [scene.need(Reader, 0, 1), scene.need(Message, 0, 2)]), None);
    assert_eq!(scene.waits(1, [None, scene.need(Message, 1, 2)]), None);
    scene.post(2, 0);
    assert_eq!(scene.waits(2, [scene.need(Reader, 2, 0), None]), None);
}

/// With two needs each, either may close the cycle, and a rank outside it may be asked first.
#[test]
fn both_needs_are_followed() {
    let scene = Scene::new(4);
    scene.post(0, 1); // unread, so that rank 0 lacks room for another
    assert_eq!(scene.waits(1, [None, scene.need(Message, 1, 2)]), None);
    assert_eq!(scene.waits(0, [scene.need(Room, 0, 1), scene.need(Message, 0, 3)]), None);
    assert_eq!(scene.waits(2, [None, scene.need(Message, 2, 0)]), Some(vec![0, 1, 2]));
}
