//! How errors read: a headline that says what has happened and names the ranks, then a line or a table of
//! evidence, to be understood by somebody who is tired.

use crate::operation::Place;
use crate::{Envelope, Error, Mismatch, Record, View, Wait, WaitFor};
use std::fmt;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(mismatch) => write!(f, "{mismatch}"),
            Self::Deadlock { cycle } if cycle.len() == 1 => {
                write!(f, "deadlock: rank {} waits for itself\n  {}", cycle[0].rank, cycle[0])
            }
            Self::Deadlock { cycle } => {
                write!(f, "deadlock: each of these ranks waits for the next, the last for the first")?;
                cycle.iter().try_for_each(|wait| write!(f, "\n  {wait}"))
            }
            Self::Left { rank, last, wait } => {
                write!(f, "rank {rank} has returned, rank {} still waits for it\n  {wait}", wait.rank)?;
                last_call(f, *rank, last.as_deref())
            }
            Self::Nested { rank, caller } => write!(
                f,
                "rank {rank} called a communicator inside a reduction, or inside a computation that overlaps \
                 with a transfer on it, at {caller}"
            ),
            Self::Unwinding { rank, caller } => {
                write!(f, "rank {rank} called a communicator while it unwound from a panic, at {caller}")
            }
            Self::Failed { rank, message, last } => {
                write!(f, "rank {rank} failed: {message}")?;
                last_call(f, *rank, last.as_deref())
            }
        }
    }
}

fn last_call(f: &mut fmt::Formatter<'_>, rank: usize, last: Option<&Record>) -> fmt::Result {
    match last {
        Some(record) => write!(f, "\n  the last call of rank {rank}: {record}"),
        None => write!(f, "\n  rank {rank} had begun no operation"),
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, peer, what, envelope, origin, members } = self;
        let (verb, to) = match what {
            WaitFor::Message => ("receive", "from"),
            WaitFor::Room | WaitFor::Reader => ("send", "to"),
        };
        match envelope.sequence {
            0 => write!(f, "rank {rank} waits to {verb} a {envelope} {to} rank {peer}")?,
            _ => write!(f, "rank {rank} waits to {verb} {to} rank {peer} in {envelope}")?,
        }
        let place = Place { sequence: envelope.sequence, origin: *origin, members };
        write!(f, "\n      {place}, called at {}", origin.caller)
    }
}

/// What the ranks of a mismatch disagree about, one line of the table each.
struct Row {
    name: &'static str,
    cells: [String; 2],
    differs: bool,
}

/// The row that is there if nothing else differs.
const OF_MESSAGE: &str = "length of this message";

/// What belongs to an earlier collective than the other side.
enum Straggler {
    /// The receiver, which stands where it waits.
    Receiver,
    /// The message: where its sender was when it sent it. It may have gone on.
    Message,
}

impl Mismatch {
    fn straggler(&self) -> Option<Straggler> {
        match (self.sent.envelope.sequence, self.expected.envelope.sequence) {
            (0, _) | (_, 0) => None,
            (sent, expected) if sent > expected => Some(Straggler::Receiver),
            (sent, expected) if sent < expected => Some(Straggler::Message),
            _ => None,
        }
    }

    /// What the two views have to agree on, and where they were called.
    fn rows(&self) -> Vec<Row> {
        let views = [&self.sent, &self.expected];
        let [a, b] = views.map(|view| &view.envelope);
        let collective = |e: &Envelope| match e.sequence {
            0 => "none, a message".to_owned(),
            sequence => sequence.to_string(),
        };
        let name = |name: &str| if name.is_empty() { "-" } else { name }.to_owned();
        // A call's length, or a hash of its counts, or nothing where each rank has counts of its own. A message
        // that is no part of a collective has its own length alone.
        let length = |e: &Envelope| match e.call.counts {
            true if e.length == 0 => "-".to_owned(),
            true => format!("counts with hash {:x}", e.length),
            false if e.sequence == 0 => e.elements.to_string(),
            false => e.length.to_string(),
        };
        let parameter = |e: &Envelope| match e.call.parameter {
            "" => "-".to_owned(),
            _ => e.parameter.to_string(),
        };
        let parameter_name = match (a.call.parameter, b.call.parameter) {
            ("", name) | (name, "") => name,
            (one, other) if one == other => one,
            _ => "parameter",
        };
        let called = |view: &View| view.origin.caller.to_string();
        let row = |name, cell: &dyn Fn(&Envelope) -> String| {
            let cells = [cell(a), cell(b)];
            Row { name, differs: cells[0] != cells[1], cells }
        };
        let mut rows = vec![
            row("collective", &collective),
            row("operation", &|e| e.call.operation.to_owned()),
            row("algorithm", &|e| name(e.call.algorithm)),
            row("length", &length),
            row("element type", &|e| name(e.element.name)),
            row("bytes in memory", &|e| e.element.memory_bytes.to_string()),
            row("bytes on a wire", &|e| e.element.wire_bytes.to_string()),
            row("reduction", &|e| name(e.reduction.0)),
            row(if parameter_name.is_empty() { "root" } else { parameter_name }, &parameter),
            row(OF_MESSAGE, &|e| e.elements.to_string()),
        ];
        // Of what is equal, only what helps to recognise the call. Of a message's own length, nothing if
        // it follows from the call's, nor of an element's if it follows from the type.
        let told = rows.iter().any(|row| row.differs && row.name != OF_MESSAGE);
        let same_type = a.element.name == b.element.name;
        rows.retain(|row| match row.name {
            "collective" | "operation" | "called at" => true,
            "length" if ["0", "-"].contains(&&*row.cells[0]) => row.differs,
            "algorithm" | "element type" | "reduction" | "root" | "parameter" => {
                row.differs || row.cells[0] != "-"
            }
            "bytes in memory" | "bytes on a wire" => row.differs && same_type,
            OF_MESSAGE => row.differs && !told,
            _ => true,
        });
        rows.push(Row { name: "called at", cells: views.map(called), differs: false });
        rows
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, expected, members } = self;
        let rows = self.rows();
        write!(f, "mismatch: ")?;
        match self.straggler() {
            Some(Straggler::Receiver) => write!(
                f,
                "rank {} is behind: collective {} of {members}, where rank {} is at collective {}",
                expected.rank, expected.envelope.sequence, sent.rank, sent.envelope.sequence
            )?,
            Some(Straggler::Message) => write!(
                f,
                "rank {}, in collective {} of {members}, was sent a message of collective {} by rank {}",
                expected.rank, expected.envelope.sequence, sent.envelope.sequence, sent.rank
            )?,
            None => {
                let mut fields: Vec<_> = rows.iter().filter(|row| row.differs).map(|row| row.name).collect();
                if fields.contains(&"operation") {
                    fields = vec!["operation"]; // what else differs follows from that
                }
                let (rank, fields) = (expected.rank, fields.join(", "));
                let place = Place { sequence: expected.envelope.sequence, origin: expected.origin, members };
                write!(f, "ranks {} and {rank} disagree on the {fields} ({place})", sent.rank)?;
            }
        }
        let titles = [format!("rank {}", sent.rank), format!("rank {}", expected.rank)];
        let width = |text: &str| text.chars().count();
        let first = rows.iter().map(|row| width(row.name)).max().unwrap_or(0);
        let second =
            rows.iter().map(|row| width(&row.cells[0])).chain([width(&titles[0])]).max().unwrap_or(0);
        write!(f, "\n    {:first$}  {:second$}  {}", "", titles[0], titles[1])?;
        for Row { name, cells, differs } in rows {
            let mark = if differs { "≠" } else { " " };
            write!(f, "\n  {mark} {name:first$}  {:second$}  {}", cells[0], cells[1])?;
        }
        Ok(())
    }
}
