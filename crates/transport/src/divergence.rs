//! Where ranks parted ways: what their journals, laid side by side, show.

use crate::operation::Place;
use crate::report::Ranks;
use crate::{Cause, Error, Members, Record, RunError};
use std::fmt;

/// A collective about which the ranks of a communicator disagree.
#[derive(Debug)]
#[non_exhaustive]
pub struct Divergence {
    /// What each rank called, if it came that far and still remembers: groups of ranks that agree, largest
    /// first, each with the call of its first rank.
    pub groups: Vec<(Vec<usize>, Record)>,
}

impl<E> RunError<E> {
    /// Where the ranks parted ways: a collective that they remember and don't agree on.
    ///
    /// If they disagree about several: the earliest on the communicator of the mismatch that is the root cause.
    /// If that is none, or they agree there, one before which no other comes, in the order in which ranks made
    /// their calls. Where ranks didn't call them in the same order either, or have called none in common, it is
    /// the one that the lowest rank came to first.
    pub fn divergence(&self) -> Option<Divergence> {
        let mut differing = self.meetings();
        differing.retain(|meeting| !meeting.agrees());
        let of_cause = match &self.cause {
            Cause::World(Error::Mismatch(mismatch)) => (differing.iter())
                .filter(|meeting| *meeting.members() == mismatch.members)
                .min_by_key(|meeting| meeting.sequence()),
            _ => None,
        };
        let is_first = |meeting: &&Meeting<'_>| !differing.iter().any(|other| other.precedes(meeting));
        let meeting = of_cause.or_else(|| differing.iter().find(is_first)).or(differing.first())?;
        Some(meeting.divergence())
    }

    /// All collectives that are remembered, in the order in which the lowest rank came to them.
    fn meetings(&self) -> Vec<Meeting<'_>> {
        let mut meetings: Vec<Meeting<'_>> = Vec::new();
        for (rank, journal) in self.journals.iter().enumerate() {
            for (position, record) in journal.iter().enumerate() {
                if record.operation.envelope.sequence == 0 {
                    continue;
                }
                let call = (rank, position, record);
                match meetings.iter_mut().find(|meeting| meeting.calls[0].2.meets(record)) {
                    Some(meeting) => meeting.calls.push(call),
                    None => meetings.push(Meeting { calls: vec![call] }),
                }
            }
        }
        meetings
    }
}

/// What ranks called as the same collective of the same communicator.
struct Meeting<'a> {
    /// The rank, the position in its journal, and the call; in rank order, at least one.
    calls: Vec<(usize, usize, &'a Record)>,
}

impl Meeting<'_> {
    fn members(&self) -> &Members {
        &self.calls[0].2.members
    }

    fn sequence(&self) -> u32 {
        self.calls[0].2.operation.envelope.sequence
    }

    fn agrees(&self) -> bool {
        let (_, _, first) = self.calls[0];
        self.calls.iter().all(|(_, _, record)| record.agrees(first))
    }

    /// Whether this comes before the other: by its number, or, since the numbers of different communicators don't
    /// compare, for a rank that took part in both.
    fn precedes(&self, other: &Self) -> bool {
        if self.members() == other.members() {
            return self.sequence() < other.sequence();
        }
        let is_before = |(rank, position, _): &(usize, usize, &Record)| {
            other.calls.iter().any(|(later, place, _)| later == rank && place > position)
        };
        self.calls.iter().any(is_before)
    }

    fn divergence(&self) -> Divergence {
        let mut groups: Vec<(Vec<usize>, Record)> = Vec::new();
        for &(rank, _, own) in &self.calls {
            match groups.iter_mut().find(|(_, record)| record.agrees(own)) {
                Some((ranks, _)) => ranks.push(rank),
                None => groups.push((vec![rank], own.clone())),
            }
        }
        groups.sort_by_key(|(ranks, _)| std::cmp::Reverse(ranks.len())); // stable: else in rank order
        Divergence { groups }
    }
}

impl Divergence {
    fn sequence(&self) -> u32 {
        self.groups[0].1.operation.envelope.sequence
    }

    /// The ranks that are known not to have called what more than half of the communicator's ranks called. None
    /// if nothing is known to have been called by so many.
    pub fn odd(&self) -> Vec<usize> {
        let Some(((most, record), others)) = self.groups.split_first() else { return Vec::new() };
        if 2 * most.len() <= record.members.ranks.len() {
            return Vec::new();
        }
        let mut odd: Vec<usize> = others.iter().flat_map(|(ranks, _)| ranks.clone()).collect();
        odd.sort_unstable();
        odd
    }

    /// Members of the communicator that have not come to this collective, or no longer remember it.
    pub fn unknown(&self) -> Vec<usize> {
        let known = |rank: usize| self.groups.iter().any(|(ranks, _)| ranks.contains(&rank));
        let mut unknown: Vec<usize> = (self.groups.iter().take(1))
            .flat_map(|(_, record)| record.members.ranks.iter().copied())
            .filter(|&rank| !known(rank))
            .collect();
        unknown.sort_unstable();
        unknown
    }

    /// Whether a mismatch has all of it side by side already.
    pub(crate) fn is_told_by<E>(&self, cause: &Cause<E>) -> bool {
        let Cause::World(Error::Mismatch(mismatch)) = cause else { return false };
        let members = &self.groups[0].1.members;
        let told = [&mismatch.sent, &mismatch.expected];
        members.ranks.len() == 2
            && *members == mismatch.members
            && told.iter().all(|view| view.envelope.sequence == self.sequence())
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, record) = &self.groups[0];
        let origin = record.operation.origin;
        let place = Place { sequence: self.sequence(), origin, members: &record.members };
        write!(f, "{place} was not the same for all:")?;
        for (ranks, Record { operation, .. }) in &self.groups {
            write!(f, "\n  {}: {operation}, called at {}", Ranks(ranks), operation.origin.caller)?;
        }
        match &self.unknown()[..] {
            [] => Ok(()),
            unknown => write!(f, "\n  {}: not on record", Ranks(unknown)),
        }
    }
}
