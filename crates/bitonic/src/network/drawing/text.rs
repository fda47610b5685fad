//! The picture for a terminal: one row for each wire.
//!
//! ```text
//! ┬ ┼ ┴   a comparator: its upper end, where it crosses a wire that it has nothing to do with, its lower end
//! ╥ ╫ ╨   one whose keys changed places
//! ▲ ▼     an end that gets the greater key, if that isn't the lower one everywhere
//! ```

use super::{Drawing, Line};

impl Drawing<'_> {
    /// One line of text for each wire. `┬` and `┴` are the ends of a comparator and `┼` is where it crosses other
    /// wires; `╥`, `╫`, `╨` if its keys changed places; `▲` or `▼` is an end that gets the greater key, if that isn't
    /// the lower one everywhere.
    pub fn text(&self) -> String {
        let directed = self.directed();
        let lead = if self.flow.is_some() { " " } else { " ─" };
        let mut rows: Vec<String> = aligned(&self.starts()).map(|start| start + lead).collect();
        for stage in 0..self.network.depth() {
            for column in self.columns(stage) {
                for (wire, row) in rows.iter_mut().enumerate() {
                    row.push('─');
                    row.push(column.iter().find_map(|line| line.sign(wire, directed)).unwrap_or('─'));
                }
            }
            match &self.flow {
                Some(flow) => {
                    let keys = aligned(&flow.keys[stage + 1]);
                    rows.iter_mut().zip(keys).for_each(|(row, key)| *row += &format!("─ {key} "));
                }
                None => rows.iter_mut().for_each(|row| row.push_str("──")),
            }
        }
        rows.iter().map(|row| row.trim_end().to_owned() + "\n").collect()
    }
}

impl Line {
    /// What it puts on a wire, if it comes there.
    fn sign(&self, wire: usize, directed: bool) -> Option<char> {
        let [upper, crossing, lower] =
            if self.swapped { ['╥', '╫', '╨'] } else { ['┬', '┼', '┴'] };
        let ends = match (directed, self.descending) {
            (false, _) => [upper, lower],
            (true, true) => ['▲', lower],
            (true, false) => [upper, '▼'],
        };
        match wire {
            _ if wire == self.top => Some(ends[0]),
            _ if wire == self.bottom => Some(ends[1]),
            _ if self.top < wire && wire < self.bottom => Some(crossing),
            _ => None,
        }
    }
}

/// To the right of equally wide places, so that digits of one value stand below each other.
fn aligned(labels: &[String]) -> impl Iterator<Item = String> {
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    labels.iter().map(move |label| format!("{label:>width$}"))
}
