//! Mistakes of merges. All take one key after the other from the ends: of a hill the lesser of both.

use crate::sorting::{Check, MergeGear, Suited, merging};
use bitonic::{Direction, Key};

/// The planted mistakes of merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMutant {
    /// No mistake.
    Healthy,
    /// The top is taken to be in the middle.
    TopInTheMiddle,
    /// A valley is taken for a hill.
    ValleyAsHill,
    /// Half-cleaners of a power of two: what is beyond the largest that fits is left alone.
    RestLeftAlone,
    /// The direction is that of the first half.
    DirectionIgnored,
}

use MergeMutant::*;

impl MergeMutant {
    /// All with a mistake.
    pub const ALL: [Self; 4] = [TopInTheMiddle, ValleyAsHill, RestLeftAlone, DirectionIgnored];

    fn merge<K: Key>(self, keys: &mut [K], hill: bool, direction: Direction) {
        let length = match keys.len().checked_ilog2() {
            Some(log) if self == RestLeftAlone => 1 << log,
            _ => keys.len(),
        };
        let keys = &mut keys[..length];
        let old = keys.to_vec();
        let (mut start, mut end) = (0, keys.len());
        for place in keys.iter_mut() {
            let is_less = old[start].order(&old[end - 1]).is_le() == hill;
            // Of one half nothing is left.
            let middle = old.len() / 2;
            let from_start = match self {
                TopInTheMiddle if start == middle => false,
                TopInTheMiddle if end == middle => true,
                _ => is_less,
            };
            let next = if from_start { start } else { end - 1 };
            if from_start {
                start += 1
            } else {
                end -= 1
            };
            *place = old[next];
        }
        // Of a hill that was ascending, of a valley descending.
        let found = if hill { Direction::Ascending } else { Direction::Descending };
        if direction != found && self != DirectionIgnored {
            keys.reverse();
        }
    }
}

impl Suited for MergeMutant {
    fn checks() -> Vec<Check<Self>> {
        merging::checks()
    }
}

impl MergeGear for MergeMutant {
    fn merge_hill<K: Key>(&self, keys: &mut [K], direction: Direction) {
        self.merge(keys, true, direction);
    }

    fn merge_valley<K: Key>(&self, keys: &mut [K], direction: Direction) {
        self.merge(keys, *self == ValleyAsHill, direction);
    }
}
