//! Before anything moves: how long everybody's block is, and whether all mean the same sort.
//!
//! The messages of a sort don't say which sort they are part of, and one that ranks disagree about could end
//! with wrong blocks: two ranks of which one sorts up and the other down would both keep the smaller keys. So
//! each rank says, together with its length, what it means. (Types aren't said: ranks whose keys have another type may
//! go other ways, and end with collectives' error at their first message that doesn't fit.)
//!
//! Cost: an all-gather of two words, lg P rounds. It is Bruck's, in which all ranks do the same in every round.

use super::RankSort;
use crate::Direction;
use collectives::{AllGather, Communicator, Error, Result};
use std::fmt;

/// Words that a rank tells the others.
pub(super) const WORDS: usize = 2;

/// A way and a direction; no way means that it is to be chosen.
type Meaning = (Option<RankSort>, Direction);

/// The lengths of all blocks.
#[track_caller]
pub(super) fn lengths(
    comm: &Communicator,
    own: usize,
    way: Option<RankSort>,
    direction: Direction,
) -> Result<Vec<usize>> {
    let mut all = vec![0_u64; WORDS * comm.size()];
    comm.all_gather_with(AllGather::Bruck, &[own as u64, number((way, direction))], &mut all)?;
    let (words, _) = all.as_chunks::<WORDS>();
    if words.iter().all(|[_, meaning]| *meaning == words[0][1]) {
        Ok(words.iter().map(|[length, _]| *length as usize).collect())
    } else {
        Err(Error::other(Disagreement { meanings: words.iter().map(|[_, meaning]| *meaning).collect() }))
    }
}

/// All that can be meant, in an order that all ranks know.
fn meanings() -> impl Iterator<Item = Meaning> {
    let ways = [None].into_iter().chain(RankSort::ALL.map(Some));
    ways.flat_map(|way| Direction::ALL.map(|direction| (way, direction)))
}

/// A meaning's place among all, from 1: 0 is what nobody says.
fn number(meaning: Meaning) -> u64 {
    let place = meanings().position(|other| other == meaning).expect("all meanings are among them");
    place as u64 + 1
}

/// Ranks called for different sorts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// What each rank means: the number of a meaning.
    meanings: Vec<u64>,
}

impl Disagreement {
    /// What a rank called for.
    fn told(&self, rank: usize) -> String {
        let place = self.meanings[rank].checked_sub(1);
        match place.and_then(|place| meanings().nth(place as usize)) {
            Some((way, direction)) => {
                let way = way.map_or("any way", RankSort::name);
                format!("rank {rank} sorts {} by {way}", direction.name())
            }
            None => format!("rank {rank} doesn't say what it sorts"),
        }
    }
}

/// Rank 0's view, and that of the first rank with another.
impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = self.meanings.iter().position(|&meaning| meaning != self.meanings[0]).unwrap_or(0);
        write!(f, "ranks mean different sorts: {}, {}", self.told(0), self.told(other))
    }
}

impl std::error::Error for Disagreement {}
