//! Code that a note shows without running it: it must stand in the source.

use crate::markdown::{Note, marker};

/// What is wrong with a note's `rust,ignore` fences. `source` reads a file of the repository.
pub(crate) fn problems(note: &Note, source: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let excerpts = note.fences().into_iter().filter(|fence| fence.label == "rust,ignore");
    excerpts
        .filter_map(|fence| {
            let problem = |what: String| Some(note.problem(fence.line, what));
            let Some(path) = marker(fence.before, "excerpt") else {
                return problem("`rust,ignore` needs a line `<!-- excerpt: path -->` before it".to_owned());
            };
            let Some(text) = source(path) else {
                return problem(format!("excerpt of {path}: no such file"));
            };
            let source: Vec<&str> = text.lines().collect();
            match occurs(&fence.body, &source) {
                true => None,
                false => {
                    problem(format!("excerpt is not in {path}: {}", first_missing(&fence.body, &source)))
                }
            }
        })
        .collect()
}

/// Whether the excerpt stands in the source in one piece, wherever it is indented to.
fn occurs(excerpt: &[&str], source: &[&str]) -> bool {
    let excerpt = dedent(trim_blank(excerpt));
    !excerpt.is_empty() && source.windows(excerpt.len()).any(|window| dedent(window) == excerpt)
}

/// Says which line can't be found at all, or that the lines are not together.
fn first_missing(excerpt: &[&str], source: &[&str]) -> String {
    let known = |line: &str| source.iter().any(|other| other.trim() == line.trim());
    match excerpt.iter().find(|line| !known(line)) {
        Some(line) => format!("no line `{}`", line.trim()),
        None => "its lines are there, but not one after the other".to_owned(),
    }
}

fn trim_blank<'a, 'b>(mut lines: &'b [&'a str]) -> &'b [&'a str] {
    while let [first, rest @ ..] = lines
        && first.trim().is_empty()
    {
        lines = rest;
    }
    while let [rest @ .., last] = lines
        && last.trim().is_empty()
    {
        lines = rest;
    }
    lines
}

/// The lines without the indentation that they have in common.
fn dedent<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let inked = lines.iter().filter(|line| !line.trim().is_empty());
    let common = inked.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or("").trim_end()).collect()
}

#[cfg(test)]
mod tests {
    use super::problems;
    use crate::markdown::sample;

    const SOURCE: &str = "fn f() {\n    if x {\n        one();\n\n        two();\n    }\n}\n";

    fn problems_of(fence: &str) -> Vec<String> {
        problems(&sample(fence), &|path| (path == "a.rs").then(|| SOURCE.to_owned()))
    }

    #[test]
    fn indentation_and_blank_ends_do_not_matter() {
        let fence = "<!-- excerpt: a.rs -->\n```rust,ignore\n\nif x {\n    one();\n\n    two();\n}\n```\n";
        assert!(problems_of(fence).is_empty());
    }

    #[test]
    fn everything_else_does() {
        for (fence, complaint) in [
            ("```rust,ignore\none();\n```\n", "needs a line"),
            ("<!-- excerpt: b.rs -->\n```rust,ignore\none();\n```\n", "excerpt of b.rs: no such file"),
            ("<!-- excerpt: a.rs -->\n```rust,ignore\nthree();\n```\n", "not in a.rs: no line `three();`"),
            ("<!-- excerpt: a.rs -->\n```rust,ignore\none();\ntwo();\n```\n", "not one after the other"),
            ("<!-- excerpt: a.rs -->\n```rust,ignore\nif x {\none();\n```\n", "not one after the other"),
            ("<!-- excerpt: a.rs -->\n```rust,ignore\n```\n", "excerpt is not in a.rs"),
        ] {
            let problems = problems_of(fence);
            assert!(problems.len() == 1 && problems[0].contains(complaint), "{fence}\n{problems:?}");
            assert!(problems[0].starts_with("sample.md:"), "{problems:?}");
        }
    }
}
