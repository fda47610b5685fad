//! The program from outside: what it prints where, and its exit status.
//!
//! | module | idea |
//! |---|---|
//! | `bad_usage` | what can't be meant, and what is said then |
//! | `commands` | what prints no measurements: the tour, faults, networks, the table of choices |
//! | `bench` | every algorithm of everything that runs in one place, measured and right |
//! | `across_ranks` | strategies across ranks, measured and planned |
//! | `memory` | what attention needs of it |
//! | `kept` | measurements that are kept in files |

mod across_ranks;
mod bad_usage;
mod bench;
mod commands;
mod kept;
mod memory;

use serde_json::Value;
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

/// The objects that a bench prints.
fn objects(arguments: &str) -> Vec<Value> {
    let arguments: Vec<&str> = arguments.split_whitespace().chain(["--json"]).collect();
    let (status, out, err) = output(&arguments);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn help_and_version() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["tour", "--help"],
        &["bench", "--help"],
        &["bench", "mha", "--help"],
        &["bench", "ulysses", "--help"],
        &["bench", "sort", "--help"],
        &["bench", "floors", "--help"],
        &["plan", "--help"],
        &["tune", "--help"],
        &["network", "--help"],
    ] {
        let (status, out, err) = output(arguments);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        assert!(out.contains("gears"), "{out}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = gears(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), String::from_utf8(stderr).unwrap().as_str()), (Some(0), ""));
}
