//! The program from outside: what it prints where, and its exit status.

use std::process::{Command, Output, Stdio};

fn gears(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gears"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = gears(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_tour_agrees() {
    let (status, out, err) = output(&["tour", "--ranks", "2", "--seed", "3"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.ends_with("Everything agrees.\n"), "{out}");
}

#[test]
fn help_and_version() {
    for arguments in [&["--help"][..], &["--version"], &["tour", "--help"]] {
        let (status, out, err) = output(arguments);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        assert!(out.contains("gears"), "{out}");
    }
}

#[test]
fn bad_usage() {
    for (arguments, message) in [
        (&["tour", "--ranks", "0"][..], "'--ranks <P>': 0 is not in 1..=64"),
        (&["tour", "--ranks", "many"], "invalid digit"),
        (&["turo"], "unrecognized subcommand"),
        (&["faults", "--ranks", "2,1"], "1 is not in 2..=16"),
        (&["faults", "sort"], "invalid value 'sort'"),
    ] {
        let (status, out, err) = output(arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""));
        assert!(err.contains(message), "{err}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = gears(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), String::from_utf8(stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn every_harm_to_an_operation() {
    let (status, out, err) = output(&["faults", "gather", "--ranks", "2,3"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    for text in ["gather          linear", "gather          binomial", "trials. The longest"] {
        assert!(out.contains(text), "{out}");
    }
}

#[test]
fn errors_to_read() {
    let (status, out, err) = output(&["faults", "--examples"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "panics on purpose are not printed");
    for text in
        ["mismatch: ", "deadlock: ", "panicked at ", "has returned", "never received", "were expected"]
    {
        assert!(out.contains(text), "{out}");
    }
}
