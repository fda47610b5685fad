//! The notes against the source. A note that says something the code doesn't do fails here.
//!
//! | file | what is held |
//! |---|---|
//! | `excerpts.rs` | code that a note shows and doesn't run stands in the source, line by line |
//! | `tables.rs` | tables of numbers are what the cost functions give |
//! | `model.rs` | predicted times are what the algorithms take on a machine with given latency and bandwidth |
//! | `attention.rs`, `flash.rs` | masks, operations, bytes and visited tiles are what the attention crate says |
//! | `heads.rs`, `positions.rs`, `decoding.rs` | sizes, wavelengths and costs are what the layers say; of the models in `checkpoints.rs` |
//! | `tensor.rs` | what tensor and sequence parallelism send and keep is what `parallel` says |
//! | `ulysses.rs`, `ring.rs`, `mesh.rs` | what ranks hold, compute and send that share out a sequence is what `parallel` says |
//! | `plan.rs` | so are the ways to share out the layers of published models |
//! | `networks.rs` | sorting networks are what `bitonic` builds and draws |
//! | `shared.rs` | what collectives touch in shared memory, and which algorithm is chosen, is what `collectives` says |
//! | `peers.rs` | what other libraries took is what the committed records say |
//! | `sorting_ranks.rs` | what sorts across ranks send is what `bitonic` says |
//! | `formulas.rs` | closed forms equal the cost functions |
//! | `links.rs` | relative links and anchors lead somewhere |
//! | `named.rs` | tests that a note names exist |
//!
//! Plain `rust` fences are compiled and run as doctests: see `src/lib.rs` of this package.
//!
//! `UPDATE_NOTES=1 cargo test -p gears-tests --test notes` writes the generated tables anew.

mod attention;
mod checkpoints;
mod decoding;
mod excerpts;
mod flash;
mod formulas;
mod heads;
mod ladder;
mod links;
mod markdown;
mod mesh;
mod model;
mod named;
mod networks;
mod peers;
mod plan;
mod positions;
mod ring;
mod shared;
mod sorting_ranks;
mod tables;
mod tensor;
mod ulysses;

use markdown::{Note, root};

/// Fails with all problems of all notes at once.
fn check(problems_of: impl Fn(&Note) -> Vec<String>) {
    let notes = markdown::all();
    assert!(!notes.is_empty(), "no notes under {}", root().display());
    let problems: Vec<String> = notes.iter().flat_map(problems_of).collect();
    assert!(problems.is_empty(), "\n\n{}\n", problems.join("\n"));
}

#[test]
fn excerpts_stand_in_the_source() {
    check(|note| excerpts::problems(note, &|path| std::fs::read_to_string(root().join(path)).ok()));
}

#[test]
fn tables_are_what_the_code_gives() {
    let update = std::env::var_os("UPDATE_NOTES").is_some();
    check(|note| match (tables::refreshed(note), update) {
        (Err(problems), _) => problems,
        (Ok(text), true) if text != note.text => {
            let written = std::fs::write(root().join(&note.path), text);
            written.err().map(|error| note.problem(0, error)).into_iter().collect()
        }
        (Ok(_), true) => Vec::new(),
        (Ok(text), false) => tables::differences(note, &text),
    });
}

#[test]
fn formulas_equal_the_cost_functions() {
    check(formulas::problems);
}

#[test]
fn links_lead_somewhere() {
    check(links::problems);
}

#[test]
fn named_tests_exist() {
    check(named::problems);
}

/// An unlabelled fence would be taken for Rust by rustdoc, and a misspelt label would go untested.
#[test]
fn fences_say_what_they_are() {
    check(markdown::unknown_fences);
}

/// A note that isn't listed in `src/lib.rs` would have untested code.
#[test]
fn every_note_is_a_doctest() {
    let lib = std::fs::read_to_string(root().join("tests/src/lib.rs")).expect("the library's source");
    check(|note| unlisted(note, &lib));
    assert_eq!(unlisted(&markdown::sample(""), &lib).len(), 1);
}

fn unlisted(note: &Note, lib: &str) -> Vec<String> {
    match lib.contains(&format!("include_str!(\"../../{}\")", note.path)) {
        true => Vec::new(),
        false => vec![note.problem(0, "is not included by tests/src/lib.rs")],
    }
}
