//! Every algorithm x every harm x every victim x several numbers of ranks.

use super::{Hang, Harm, Report, trial};
use crate::case::Case;
use crate::choice::Choice;
use crate::gear::{Algorithm, Gear};
use collectives::transport::Error::{Deadlock, Failed, Left, Mismatch};
use collectives::transport::Record;
use collectives::{Cause, Error, RunError};
use std::collections::BTreeMap;
use std::time::Duration;

/// After so long without an answer a world hangs. Worlds take some milliseconds; this is to tell hanging from
/// being starved by whatever else runs on the machine.
const LIMIT: Duration = Duration::from_secs(30);

/// What came of all trials of one algorithm.
#[derive(Debug)]
pub struct Row {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// By kind of harm.
    pub cells: BTreeMap<&'static str, Cell>,
    /// What should not be, with the trial that showed it.
    pub objections: Vec<String>,
    /// The longest that a harmed world took until all ranks had returned.
    pub slowest: Duration,
}

/// What came of one kind of harm.
#[derive(Debug, Default)]
pub struct Cell {
    /// How many trials ended in each way.
    pub ends: BTreeMap<End, usize>,
    /// Trials on more than 2 ranks in which ranks disagreed, and those of them in which the victim, and nobody
    /// else, was told from the others by what they called.
    pub disagreements: (usize, usize),
}

/// How a world ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Well.
    Well,
    /// With the victim's own panic or error.
    Own,
    /// With ranks that disagree.
    Mismatch,
    /// With ranks that wait for each other.
    Deadlock,
    /// With a rank that waits for one that has returned.
    Left,
    /// With a message that nobody received.
    Unreceived,
}

impl Cell {
    /// How many trials there were.
    pub fn trials(&self) -> usize {
        self.ends.values().sum()
    }
}

impl Row {
    /// Tries everything on one algorithm, with all ranks as victims; messages that fit into a slot, that are copied
    /// beside it and that are lent, and blocks of different lengths where there is such a form.
    pub fn of(algorithm: Algorithm, ranks: &[usize]) -> Self {
        let mut row =
            Self { algorithm, cells: BTreeMap::new(), objections: Vec::new(), slowest: Duration::ZERO };
        for &ranks in ranks {
            let even = |length| Case::new(ranks, length);
            let uneven = Case { uneven: true, ..even(3) };
            for (case, strict) in [(even(3), false), (even(2100), false), (even(3), true), (uneven, false)] {
                let distinct = algorithm.operation().has_counts() || !case.uneven;
                if distinct && Choice::Algorithm(algorithm).supports(&case, true) {
                    (0..ranks).for_each(|victim| row.victim(case, strict, victim));
                }
            }
        }
        row
    }

    fn victim(&mut self, case: Case, strict: bool, victim: usize) {
        for harm in Harm::all(self.algorithm, &case) {
            self.one(case, strict, victim, harm);
        }
        // At its first transfer, its second, and so on until it has made them all.
        let mut kills = (1..).map(Harm::kill);
        while self.one(case, strict, victim, kills.next().expect("endless")) != Some(End::Well) {}
    }

    /// One trial; how it ended, unless it hangs.
    fn one(&mut self, case: Case, strict: bool, victim: usize, harm: Harm) -> Option<End> {
        let what = |objection: &str| {
            let strict = if strict { ", strict" } else { "" };
            let (operation, name) = (self.algorithm.operation().name(), self.algorithm.name());
            format!("{operation}/{name}, {case}{strict}, rank {victim} harmed by {harm}: {objection}")
        };
        let Report { error, took, objections } =
            match trial(self.algorithm, case, victim, harm, strict, LIMIT) {
                Ok(report) => report,
                Err(Hang) => {
                    self.objections.push(what("hangs"));
                    return Some(End::Well); // no further kills: each would hang, too
                }
            };
        let end = error.as_ref().map_or(End::Well, end);
        let mut objections: Vec<String> = objections.iter().map(|objection| what(objection)).collect();
        let misled = error.as_ref().and_then(|error| misleading(error, case, victim));
        objections.extend(misled.map(|misled| what(&misled)));
        let may_end_well = harm.is_harmless() || harm.kind() == "kill";
        if end == End::Well && !may_end_well {
            objections.push(what("nobody noticed"));
        }
        if end != End::Well && harm.is_harmless() {
            objections.push(what(&format!("{}", error.as_ref().expect("else it ended well"))));
        }
        self.objections.extend(objections);
        self.slowest = self.slowest.max(took);
        if end == End::Well && harm.kind() == "kill" {
            return Some(end); // the victim outlived its program: no trial of anything
        }
        let cell = self.cells.entry(harm.kind()).or_default();
        *cell.ends.entry(end).or_default() += 1;
        if case.ranks > 2
            && let Some(divergence) = error.as_ref().and_then(RunError::divergence)
        {
            cell.disagreements.0 += 1;
            cell.disagreements.1 += usize::from(divergence.odd() == [victim]);
        }
        Some(end)
    }
}

/// What an error says that isn't so.
fn misleading(error: &RunError, case: Case, victim: usize) -> Option<String> {
    if let Cause::World(Mismatch(mismatch)) = &error.cause {
        let (sent, expected) = (mismatch.sent.envelope.sequence, mismatch.expected.envelope.sequence);
        let further = |record: &Record| {
            record.members == mismatch.members && record.operation.envelope.sequence > expected
        };
        if (1..sent).contains(&expected) && error.journals[mismatch.expected.rank].iter().any(further) {
            return Some(format!("a rank is called behind and had gone on: {error:?}"));
        }
    }
    let divergence = error.divergence()?;
    let (odd, unknown) = (divergence.odd(), divergence.unknown());
    let right = match odd[..] {
        // If all are known and one differs, the others are a majority; of two neither is.
        [] => case.ranks == 2 || !unknown.is_empty(),
        _ => odd == [victim],
    };
    (!right).then(|| format!("{odd:?} differ, it is said: {error:?}"))
}

fn end(error: &RunError) -> End {
    match &error.cause {
        Cause::World(Mismatch(_)) => End::Mismatch,
        Cause::World(Deadlock { .. }) => End::Deadlock,
        Cause::World(Left { .. }) => End::Left,
        Cause::Unreceived { .. } => End::Unreceived,
        Cause::Panicked { .. } | Cause::Returned(Error::Other(_)) | Cause::World(Failed { .. }) => End::Own,
        other => unreachable!("nothing in the program leads to {other}"),
    }
}
