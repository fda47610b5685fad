//! Inputs of any type and length, each key of which depends on a seed.

use super::Sample;
use super::sample::ascend;
use crate::values::mix;
use std::fmt;

/// How the keys of an input lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Any keys in any order.
    Random,
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
    /// Up, then down.
    OrganPipe,
    /// Four keys, again and again.
    FewUnique,
    /// One key.
    AllEqual,
    /// Up, and up again from the bottom.
    Saw,
    /// The least first, but one.
    OneOutOfPlace,
    /// The ends of the type, both sides of zero, infinities, NaNs.
    Special,
}

use Pattern::*;

impl Pattern {
    /// All.
    pub const ALL: [Pattern; 9] =
        [Random, Ascending, Descending, OrganPipe, FewUnique, AllEqual, Saw, OneOutOfPlace, Special];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Random => "random",
            Ascending => "ascending",
            Descending => "descending",
            OrganPipe => "organ-pipe",
            FewUnique => "few-unique",
            AllEqual => "all-equal",
            Saw => "saw",
            OneOutOfPlace => "one-out-of-place",
            Special => "special",
        }
    }
}

/// An input, of which the keys are a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// How they lie.
    pub pattern: Pattern,
    /// How many they are.
    pub length: usize,
    /// What each depends on.
    pub seed: u64,
}

impl Input {
    /// Its keys.
    pub fn keys<K: Sample>(&self) -> Vec<K> {
        let &Input { pattern, length, seed } = self;
        // A number below `end`.
        let number = |index, end: usize| (mix(seed, 2, index) % end.max(1) as u64) as usize;
        let mut keys: Vec<K> = (0..length).map(|index| K::any(seed, index)).collect();
        match pattern {
            Random => {}
            Ascending => ascend(&mut keys),
            Descending => {
                ascend(&mut keys);
                keys.reverse();
            }
            OrganPipe => {
                let (up, down) = keys.split_at_mut(number(0, length + 1));
                ascend(up);
                ascend(down);
                down.reverse();
            }
            FewUnique => {
                let few: Vec<K> = (0..4).map(|index| K::any(seed, index)).collect();
                keys.iter_mut().enumerate().for_each(|(index, key)| *key = few[number(index, 4)]);
            }
            AllEqual => keys.fill(K::any(seed, 0)),
            Saw => keys.chunks_mut(2 + number(0, length / 4)).for_each(ascend),
            OneOutOfPlace => {
                ascend(&mut keys);
                let (from, to) = (number(0, length), number(1, length));
                match from < to {
                    true => keys[from..=to].rotate_left(1),
                    false if length > 0 => keys[to..=from].rotate_right(1),
                    false => {}
                }
            }
            Special => {
                let special = K::special();
                let any = |(index, key): (usize, &mut K)| *key = special[number(index, special.len())];
                keys.iter_mut().enumerate().for_each(any);
            }
        }
        keys
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} keys, seed {}", self.pattern, self.length, self.seed)
    }
}
