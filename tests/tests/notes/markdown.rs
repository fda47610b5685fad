//! As much of Markdown as the checks need.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A Markdown file of the repository.
pub(crate) struct Note {
    /// From the repository's root, e.g. `notes/04-the-ring.md`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A line outside the fences.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Counted from 1, as editors do.
    pub(crate) number: usize,
    pub(crate) text: &'a str,
}

/// A block of code.
pub(crate) struct Fence<'a> {
    /// The number of its first line, the one with the label.
    pub(crate) line: usize,
    /// The label: `rust`, `text`, ...
    pub(crate) label: &'a str,
    pub(crate) body: Vec<&'a str>,
    /// The last line before it that isn't blank.
    pub(crate) before: &'a str,
}

/// What stands between `<!-- KIND: ARGUMENTS -->` and `<!-- end KIND -->`.
pub(crate) struct Region<'a> {
    /// The number of the line with the opening marker.
    pub(crate) line: usize,
    /// The number of the line with the closing marker.
    pub(crate) end: usize,
    pub(crate) arguments: &'a str,
}

const LABELS: &[&str] = &["rust", "rust,ignore", "text", "sh", "console", "json", "toml", "markdown"];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package inside a workspace").to_owned()
}

/// All notes, what was measured for them, and the papers at the root that exist.
pub(crate) fn all() -> Vec<Note> {
    let mut paths = Vec::new();
    for folder in ["notes", "notes/measured"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folders of the notes");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        paths.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    paths.extend(["README.md".to_owned(), "ARCHITECTURE.md".to_owned()]);
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| Some(Note { text: std::fs::read_to_string(root().join(&path)).ok()?, path }))
        .collect()
}

/// Fences whose label rustdoc would misunderstand.
pub(crate) fn unknown_fences(note: &Note) -> Vec<String> {
    let unknown = note.fences().into_iter().filter(|fence| !LABELS.contains(&fence.label));
    unknown
        .map(|f| note.problem(f.line, format!("fence label `{}` is not one of {LABELS:?}", f.label)))
        .collect()
}

impl Note {
    /// A complaint with its place, as editors and terminals understand it.
    pub(crate) fn problem(&self, line: usize, what: impl Display) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// The lines outside the fences.
    pub(crate) fn prose(&self) -> Vec<Line<'_>> {
        self.parts().0
    }

    pub(crate) fn fences(&self) -> Vec<Fence<'_>> {
        self.parts().1
    }

    fn parts(&self) -> (Vec<Line<'_>>, Vec<Fence<'_>>) {
        let (mut prose, mut fences) = (Vec::new(), Vec::new());
        let mut before = "";
        let mut open: Option<(usize, Fence<'_>)> = None;
        for (number, text) in (1..).zip(self.text.lines()) {
            let line = text.trim();
            let ticks = line.len() - line.trim_start_matches('`').len();
            match &mut open {
                Some((width, _)) if ticks >= *width && ticks == line.len() => {
                    fences.extend(open.take().map(|(_, fence)| fence));
                    before = "";
                }
                Some((_, fence)) => fence.body.push(text),
                None if ticks >= 3 => {
                    let label = line[ticks..].trim();
                    open = Some((ticks, Fence { line: number, label, body: Vec::new(), before }));
                }
                None => {
                    prose.push(Line { number, text });
                    before = if line.is_empty() { before } else { line };
                }
            }
        }
        fences.extend(open.map(|(_, fence)| fence));
        (prose, fences)
    }

    /// The regions of a kind, and complaints about unpaired markers.
    pub(crate) fn regions(&self, kind: &str) -> (Vec<Region<'_>>, Vec<String>) {
        let (mut regions, mut problems) = (Vec::new(), Vec::new());
        let mut open: Option<(usize, &str)> = None;
        let end_marker = format!("end {kind}");
        for line in self.prose() {
            if let Some(arguments) = marker(line.text, kind) {
                if let Some((start, _)) = open.replace((line.number, arguments)) {
                    problems.push(self.problem(start, format!("`{kind}` without `{end_marker}`")));
                }
            } else if comment(line.text) == Some(&end_marker) {
                match open.take() {
                    Some((start, arguments)) => {
                        regions.push(Region { line: start, end: line.number, arguments });
                    }
                    None => problems.push(self.problem(line.number, format!("nothing to end: `{kind}`"))),
                }
            }
        }
        if let Some((start, _)) = open {
            problems.push(self.problem(start, format!("`{kind}` without `{end_marker}`")));
        }
        (regions, problems)
    }
}

/// The arguments of a line `<!-- KIND: ARGUMENTS -->`.
pub(crate) fn marker<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    Some(comment(line)?.strip_prefix(kind)?.strip_prefix(':')?.trim())
}

fn comment(line: &str) -> Option<&str> {
    Some(line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim())
}

/// A table, padded so that it reads well unrendered. All columns but the first are right-aligned.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(c, (cell, &width))| match c {
            0 => format!(" {cell:<width$} "),
            _ => format!(" {cell:>width$} "),
        });
        format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
    };
    let rule = widths.iter().enumerate().map(|(c, width)| match c {
        0 => "-".repeat(width + 2),
        _ => format!("{}:", "-".repeat(width + 1)),
    });
    let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
    rows.iter().enumerate().map(|(i, row)| line(row) + if i == 0 { &rule } else { "" }).collect()
}

#[cfg(test)]
pub(crate) fn sample(text: &str) -> Note {
    Note { path: "sample.md".to_owned(), text: text.to_owned() }
}

#[test]
fn markers_inside_fences_are_text() {
    let note = sample("```text\n<!-- table: cost ring -->\n```\n<!-- table: a b -->\n<!-- end table -->\n");
    let (regions, problems) = note.regions("table");
    assert!(problems.is_empty());
    assert_eq!(regions.len(), 1);
    assert_eq!((regions[0].line, regions[0].end, regions[0].arguments), (4, 5, "a b"));
}

#[test]
fn unpaired_markers_are_problems() {
    assert_eq!(sample("<!-- table: a -->\n").regions("table").1.len(), 1);
    assert_eq!(sample("<!-- end table -->\n").regions("table").1.len(), 1);
}

#[test]
fn unlabelled_and_misspelt_fences_are_problems() {
    assert_eq!(unknown_fences(&sample("```\nx\n```\n")).len(), 1);
    assert_eq!(unknown_fences(&sample("```rsut\nx\n```\n")).len(), 1);
    assert!(unknown_fences(&sample("```rust\nx\n```\n")).is_empty());
}
