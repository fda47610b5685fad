//! Pictures of networks, as Knuth draws them: wires run from left to right, comparators are lines between them.
//!
//! Comparators of one stage that would run over each other stand side by side; stages stand further apart. Where all
//! point the same way nothing shows which end gets the smaller key: the one above. Where they don't, an arrow points to
//! the end that gets the greater.
//!
//! With an input, its keys are written on the wires before the first stage and after each one, and comparators whose
//! keys changed places stand out.
//!
//! | module | idea |
//! |---|---|
//! | `text` | for a terminal |
//! | `svg` | for a page, a light one or a dark one |

mod svg;
mod text;

use super::{Comparator, Network};
use std::fmt::Display;

/// A picture of a network.
///
/// ```
/// use bitonic::network::{Drawing, Kind};
///
/// let network = Kind::Bitonic.build(4);
/// let plain = Drawing::of(&network);
/// assert_eq!(plain.text(), "\
/// 0 ──┬───┬─────┬──
/// 1 ──┴───┼─┬───┴──
/// 2 ──┬───┼─┴───┬──
/// 3 ──┴───┴─────┴──
/// ");
/// let with_keys = plain.with_input(&[7, 2, 5, 4]);
/// assert_eq!(with_keys.text(), "\
/// 7 ─╥─ 2 ─┬─── 2 ─┬─ 2
/// 2 ─╨─ 7 ─┼─╥─ 4 ─┴─ 4
/// 5 ─╥─ 4 ─┼─╨─ 7 ─╥─ 5
/// 4 ─╨─ 5 ─┴─── 5 ─╨─ 7
/// ");
/// assert!(with_keys.svg().starts_with("<svg "));
/// ```
#[derive(Clone, Debug)]
pub struct Drawing<'a> {
    network: &'a Network,
    flow: Option<Flow>,
}

/// What happens to an input.
#[derive(Clone, Debug)]
struct Flow {
    /// Keys by wire: before the first stage, then after each.
    keys: Vec<Vec<String>>,
    /// By stage and comparator: whether the keys changed places.
    swapped: Vec<Vec<bool>>,
}

/// A comparator as it is drawn.
#[derive(Clone, Copy, Debug)]
struct Line {
    top: usize,
    bottom: usize,
    /// Whether the greater key comes out at the top.
    descending: bool,
    swapped: bool,
}

impl<'a> Drawing<'a> {
    /// Without keys. The numbers of the wires stand in front.
    pub fn of(network: &'a Network) -> Self {
        Self { network, flow: None }
    }

    /// With these keys on the wires.
    ///
    /// # Panics
    ///
    /// If there isn't one key for each wire.
    pub fn with_input<T: Ord + Clone + Display>(&self, input: &[T]) -> Drawing<'a> {
        assert_eq!(input.len(), self.network.wires, "there must be one key for each wire");
        let mut keys = input.to_vec();
        let labels = |keys: &[T]| keys.iter().map(T::to_string).collect();
        let mut flow = Flow { keys: vec![labels(&keys)], swapped: Vec::new() };
        for stage in self.network.stages() {
            flow.swapped
                .push(stage.iter().map(|comparator| comparator.exchange(&mut keys, T::cmp)).collect());
            flow.keys.push(labels(&keys));
        }
        Drawing { network: self.network, flow: Some(flow) }
    }

    /// Whether arrows are needed.
    fn directed(&self) -> bool {
        self.network.comparators().any(|comparator| comparator.low > comparator.high)
    }

    /// What stands in front of the wires: their keys, or their numbers.
    fn starts(&self) -> Vec<String> {
        match &self.flow {
            Some(flow) => flow.keys[0].clone(),
            None => (0..self.network.wires).map(|wire| wire.to_string()).collect(),
        }
    }

    /// The comparators of a stage in columns, from left to right. In a column none runs over another.
    fn columns(&self, stage: usize) -> Vec<Vec<Line>> {
        let line = |(i, &Comparator { low, high }): (usize, &Comparator)| Line {
            top: low.min(high),
            bottom: low.max(high),
            descending: low > high,
            swapped: self.flow.as_ref().is_some_and(|flow| flow.swapped[stage][i]),
        };
        let mut lines: Vec<Line> = self.network.stages[stage].iter().enumerate().map(line).collect();
        lines.sort_unstable_by_key(|line| line.top);
        let mut columns: Vec<Vec<Line>> = Vec::new();
        for line in lines {
            // Lines come from top to bottom, so it is enough to look at the lowest of a column.
            let free =
                columns.iter_mut().find(|column| column.last().is_none_or(|last| last.bottom < line.top));
            match free {
                Some(column) => column.push(line),
                None => columns.push(vec![line]),
            }
        }
        columns
    }
}
