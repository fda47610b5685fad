//! Which end comes first.

use std::cmp::Ordering;

/// Whether a sort puts the least key first, or the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The least key first.
    #[default]
    Ascending,
    /// The greatest key first.
    Descending,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Ascending, Direction::Descending];

    /// How two keys stand in this direction, if they compare so in ascending order.
    pub fn of(self, ascending: Ordering) -> Ordering {
        match self {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    }

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        }
    }
}
