//! What a failed world prints, as the README and the first note show it: their programs are excerpts of this file,
//! and their texts must be what the programs print, down to the lines of this file that they name.
//! `UPDATE_NOTES=1` writes them anew.

use collectives::World;

/// Checks that the file shows this after the marker `<!-- prints: name -->`.
#[track_caller]
fn check(path: &str, name: &str, prints: &str) {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read_to_string(&path).expect("a file of the repository");
    let marker = format!("<!-- prints: {name} -->\n```text\n");
    let (before, rest) = file.split_once(&marker).unwrap_or_else(|| panic!("{path} has no {marker}"));
    let (shown, after) = rest.split_once("\n```\n").expect("the end of the fence");
    if shown != prints && std::env::var_os("UPDATE_NOTES").is_some() {
        return std::fs::write(&path, format!("{before}{marker}{prints}\n```\n{after}")).expect("writable");
    }
    assert!(shown == prints, "{path} shows:\n{shown}\n\nand should (UPDATE_NOTES=1 renews it):\n{prints}");
}

#[test]
fn both_receive_first() {
    let error = World::new(2)
        .run(|comm| {
            let other = 1 - comm.rank();
            let mut theirs = [0.0];
            comm.recv(other, &mut theirs)?;
            comm.send(other, &[1.0])
        })
        .unwrap_err();
    check("README.md", "both_receive_first", &error.to_string());
}

#[test]
fn one_forgets_a_broadcast() {
    let error = World::new(3)
        .run(|comm| {
            let (mut weights, mut biases) = ([0.5; 4], [0.5; 2]);
            if comm.rank() != 2 {
                comm.broadcast(&mut weights, 0)?;
            }
            comm.broadcast(&mut biases, 0)
        })
        .unwrap_err();
    check("notes/01-ranks-and-messages.md", "one_forgets_a_broadcast", &error.to_string());
    assert_eq!(error.divergence().expect("they parted ways").odd(), [2]);
}
