//! Tests that a note names, as ``[`name`](../tests/tests/file.rs)``: the file must have a function of that name.

use crate::markdown::{Note, root};

pub(crate) fn problems(note: &Note) -> Vec<String> {
    let folder = root().join(&note.path).parent().expect("a file in a folder").to_owned();
    let mut problems = Vec::new();
    for line in note.prose() {
        for (name, path) in named(line.text) {
            // Whether there is such a file is for `links.rs` to say.
            let source = std::fs::read_to_string(folder.join(path)).unwrap_or_default();
            if !source.contains(&format!("fn {name}(")) {
                problems.push(note.problem(line.number, format!("no test `{name}` in {path}")));
            }
        }
    }
    problems
}

/// Names in backticks that link to Rust, but for names of files.
fn named(line: &str) -> Vec<(&str, &str)> {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let mut all = Vec::new();
    for part in line.split("[`").skip(1) {
        if let Some((name, rest)) = part.split_once("`](")
            && let Some((path, _)) = rest.split_once(')')
            && is_name(name)
            && path.ends_with(".rs")
        {
            all.push((name, path));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::problems;
    use crate::markdown::sample;

    #[test]
    fn a_test_that_is_gone_is_found() {
        let good = "[`a_test_that_is_gone_is_found`](tests/tests/notes/named.rs), [`named.rs`](nowhere.rs) `[`x`]`\n";
        assert_eq!(problems(&sample(good)), [""; 0]);
        let bad = "|x| [`a_test_that_is_not_there`](tests/tests/notes/named.rs), [`x`](nowhere.rs) |\n";
        assert_eq!(problems(&sample(bad)).len(), 2);
    }
}
