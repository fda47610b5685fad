//! The program from outside: what it prints where, and its exit status.

use serde_json::Value;
use std::path::Path;
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
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["tour", "--help"],
        &["bench", "--help"],
        &["bench", "mha", "--help"],
    ] {
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
        (&["bench"], "Usage: gears bench <OPERATION>"),
        (&["bench", "attentoin"], "unrecognized subcommand"),
        (&["bench", "all_reduce", "--causal"], "unexpected argument '--causal'"),
        (
            &["bench", "all_reduce", "--algorithm", "rign"],
            "there is no algorithm `rign` here, but: auto, all, ",
        ),
        (&["bench", "attention", "--algorithm", "nive,flash"], "invalid value 'nive'"),
        (&["bench", "attention", "--kv-heads", "3"], "the 8 query heads can't be shared out evenly among 3"),
        (&["bench", "attention", "--sequence", "9..8"], "from 9 down to 8 there is nothing"),
        (&["bench", "attention", "--threads", "0"], "0 is not in 1..=256"),
        (&["bench", "attention", "--dtype", "f16"], "[possible values: f32, f64]"),
        (&["bench", "softmax", "--rows", "0"], "0 is not in 1..="),
        (
            &["bench", "mha", "--dim", "10", "--heads", "3"],
            "3, and a divisor of the dimension, 10, was expected",
        ),
        (&["bench", "mha", "--kv-heads", "5"], "a multiple of the 5 key-value heads was expected"),
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

/// The objects that a bench prints.
fn objects(arguments: &str) -> Vec<Value> {
    let arguments: Vec<&str> = arguments.split_whitespace().chain(["--json"]).collect();
    let (status, out, err) = output(&arguments);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_computation_is_measured_by_every_algorithm() {
    let attention = ["naive", "blocked", "flash", "split"];
    let softmax = ["definition", "shifted", "online", "vectorised", "parallel"];
    let (bytes, flops) = (["gb_s", "roofline_pct"], ["gflop_s", "product_pct"]);
    for (bench, options, algorithms, speeds) in [
        ("softmax", "--rows 9 --columns 65", &softmax[..], bytes),
        ("softmax", "--rows 9 --columns 65 --dtype f64", &softmax, bytes),
        ("attention", "--sequence 65 --causal", &attention, flops),
        ("attention", "--sequence 65 --dtype f64 --batch 2", &attention, flops),
        ("attention_backward", "--sequence 65 --kv-heads 2", &attention, flops),
        ("attention_training", "--sequence 65 --queries 1", &attention, flops),
        ("mha", "--sequence 65 --dim 48", &attention, flops),
        ("mha_backward", "--sequence 65 --dim 48 --causal", &attention, flops),
        ("mha_training", "--sequence 65 --dim 48 --kv-heads 1 --dtype f64", &attention, flops),
    ] {
        let points = objects(&format!("bench {bench} {options} --algorithm all --iterations 2 --threads 2"));
        let names: Vec<&str> = points.iter().map(|p| p["algorithm"].as_str().expect("a name")).collect();
        assert_eq!(names, algorithms, "{bench}");
        for point in points {
            let dtype = if options.contains("f64") { "f64" } else { "f32" };
            assert_eq!((&point["bench"], &point["dtype"]), (&bench.into(), &dtype.into()), "{point}");
            assert_eq!((&point["wrong"], &point["iterations"]), (&0.into(), &2.into()), "{point}");
            assert!(speeds.iter().all(|speed| point[speed].as_f64() > Some(0.0)), "{point}");
            assert!(point["peak_bytes"].is_u64() && point["threads"] == 2, "{point}");
        }
    }
}

#[test]
fn a_table_for_people() {
    let (status, out, err) =
        output(&["bench", "attention", "--sequence", "64", "--iterations", "1", "--threads", "1"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.starts_with("# attention: batch 1, 8 heads, head dimension 64; f32, 1 thread on "), "{out}");
    let last: Vec<&str> = out.lines().last().expect("a line").split_whitespace().collect();
    assert_eq!((last[0], last[1], last.last()), ("64", "flash", Some(&"0")), "{out}");
}

/// Bytes besides inputs and results, of one head of D = 64 in f32 on one thread: naive has all scores, flash a tile
/// of them and some words for each query. What products need for themselves depends a little on the processor.
fn has_the_right_memory(algorithm: &str, tokens: u64, bytes: u64) {
    let range = match algorithm {
        "naive" => 4 * tokens * tokens..4 * tokens * tokens + 500_000 + 300 * tokens,
        _ => 0..150_000 + 40 * tokens,
    };
    assert!(
        range.contains(&bytes),
        "{algorithm}: {bytes} bytes for {tokens} tokens, {range:?} were expected"
    );
}

#[test]
fn flash_needs_memory_by_the_token_and_naive_by_the_pair() {
    let few = objects(
        "bench attention --algorithm naive,flash --heads 1 --sequence 16..1024 --iterations 1 --threads 1",
    );
    assert_eq!(few.len(), 2 * 7);
    let many = objects("bench attention --heads 1 --head-dim 8 --sequence 8192 --iterations 1 --threads 1");
    for point in few.iter().chain(&many) {
        let number = |name: &str| point[name].as_u64().expect("a number");
        let algorithm = point["algorithm"].as_str().expect("a name");
        has_the_right_memory(algorithm, number("sequence"), number("peak_bytes"));
    }
}

#[test]
fn a_measurement_can_be_kept() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("attention.v1");
    let mut arguments = "bench attention --algorithm naive,flash --sequence 16..64 --iterations 1 --record"
        .split(' ')
        .collect::<Vec<_>>();
    arguments.push(file.to_str().expect("text"));
    let (status, _, err) = output(&arguments);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it was written");
    let (table, plot) = (read("attention.v1.md"), read("attention.v1.svg"));
    assert!(table.starts_with("Measured on 20") && table.contains(&arguments.join(" ")), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), 2 + 3, "{table}");
    assert_eq!(plot.matches("<circle").count(), 2 * 2 * 3, "{plot}");

    arguments.pop();
    arguments.push("no/such/folder/x");
    let (status, _, err) = output(&arguments);
    assert_eq!(status, Some(1));
    assert!(err.starts_with("gears: no/such/folder/x.md: "), "{err}");
}

/// The one that the notes show: times are as they were, but what it says of memory must still be so.
#[test]
fn the_kept_measurement_of_the_notes_is_right_about_memory() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notes/measured/attention-time-and-memory.md");
    let text = std::fs::read_to_string(path).expect("the notes have one");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect()))
        .collect();
    assert_eq!(rows[0], ["T", "naive, time", "flash, time", "naive, memory", "flash, memory"]);
    for row in &rows[2..] {
        let bytes = |cell: &str| cell.replace([',', 'B', ' '], "").parse().expect("bytes");
        let tokens = row[0].parse().expect("tokens");
        has_the_right_memory("naive", tokens, bytes(row[3]));
        has_the_right_memory("flash", tokens, bytes(row[4]));
    }
    assert!(rows.len() > 10, "{text}");
}
