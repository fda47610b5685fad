//! Relative links of the notes: the file must exist, and so must the heading that an anchor names.

use crate::markdown::{Line, Note, root};

pub(crate) fn problems(note: &Note) -> Vec<String> {
    let folder = root().join(&note.path).parent().expect("a file in a folder").to_owned();
    let mut problems = Vec::new();
    for line in note.prose() {
        for target in targets(line.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = folder.join(path);
            if !path.is_empty() && !file.exists() {
                problems.push(note.problem(line.number, format!("link to `{target}`: no such file")));
                continue;
            }
            let text = match path {
                "" => Some(note.text.clone()),
                _ if path.ends_with(".md") => std::fs::read_to_string(file).ok(),
                _ => None,
            };
            if let Some(text) = text
                && !anchor.is_empty()
                && !has_heading(&Note { path: path.to_owned(), text }, anchor)
            {
                problems.push(note.problem(line.number, format!("link to `{target}`: no such heading")));
            }
        }
    }
    problems
}

/// What the line links to: the parts in `](...)` that are not inside backticks.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    // Every other piece is code; a link's text may hold code, so the search is for what follows `](`.
    for piece in line.split('`').step_by(2) {
        for part in piece.split("](").skip(1) {
            targets.extend(part.split_once(')').map(|(target, _)| target));
        }
    }
    targets
}

fn has_heading(note: &Note, anchor: &str) -> bool {
    let heading = |line: &Line<'_>| line.text.starts_with('#') && slug(line.text) == anchor;
    note.prose().iter().any(heading)
}

/// A heading's anchor, as code hosts make it.
fn slug(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{problems, slug};
    use crate::markdown::sample;

    #[test]
    fn broken_links_are_found() {
        let good = "# A Heading, here\n[a](Cargo.toml) [`b`](#a-heading-here) [c](https://nowhere.invalid)\n";
        assert_eq!(problems(&sample(good)), [""; 0]);
        assert!(problems(&sample("`[a](nowhere.md)`\n```text\n[a](nowhere.md)\n```\n")).is_empty());
        for bad in ["[a](nowhere.md)\n", "[`a`](crates/none.rs)\n", "[a](#no-heading)\n"] {
            assert_eq!(problems(&sample(bad)).len(), 1, "{bad}");
        }
    }

    #[test]
    fn slugs_are_the_code_hosts() {
        assert_eq!(slug("## What it costs: 2(P-1) rounds"), "what-it-costs-2p-1-rounds");
    }
}
