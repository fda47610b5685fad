//! The program from outside: what it prints where, and its exit status.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
        &["bench", "ulysses", "--help"],
        &["bench", "sort", "--help"],
        &["bench", "floors", "--help"],
        &["plan", "--help"],
        &["network", "--help"],
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
        (&["bench", "ring", "--ranks", "2,65"], "65 is not in 1..=64"),
        (
            &["bench", "ring", "--algorithm", "zagzig"],
            "there is no algorithm `zagzig` here, but: auto, all, contiguous, ",
        ),
        (
            &["bench", "ulysses", "--ranks", "16"],
            "ulysses fused is skipped: 8 query heads can't be shared out among 16 ranks",
        ),
        (&["bench", "ulysses_ring"], "ulysses_ring is skipped: 2 ranks aren't a mesh of two axes"),
        (&["bench", "sort", "--algorithm", "simd,quick"], "invalid value 'quick'"),
        (&["bench", "sort", "--type", "f16"], "[possible values: u8, u16, u32, "),
        (&["bench", "sort", "--pattern", "shuffled"], "[possible values: random, ascending, "),
        (&["bench", "sort", "--n", "0..8"], "sizes begin at 1"),
        (&["bench", "sort_ranks", "--ranks", "2,65"], "65 is not in 1..=64"),
        (&["bench", "sort_ranks", "--algorithm", "odd-even"], "invalid value 'odd-even'"),
        (&["bench", "floors", "--bytes", "0"], "sizes begin at 1"),
        (&["bench", "floors", "--ranks", "3"], "unexpected argument '--ranks'"),
        (&["plan", "--ranks", "0"], "0 is not in 1..=1024"),
        (&["plan", "--dim", "10", "--heads", "3"], "3, and a divisor of the dimension, 10, was expected"),
        (
            &["plan", "--kv-heads", "5"],
            "the number of heads is 32, and a multiple of the 5 key-value heads was expected",
        ),
        (&["plan", "--dtype", "f32", "--bytes-per-element", "2"], "cannot be used with"),
        (&["network"], "required arguments were not provided:\n  --wires <N>"),
        (&["network", "--wires", "0"], "0 is not in 1..=1024"),
        (&["network", "--wires", "1025"], "1025 is not in 1..=1024"),
        (&["network", "--wires", "8", "--kind", "odd-even"], "invalid value 'odd-even' for '--kind <KIND>'"),
        (
            &["network", "--wires", "4", "--input", "3,1,2"],
            "the number of keys in the input is 3, and as many as there are wires, 4, were expected",
        ),
        (&["network", "--input", "3,one,2"], "invalid value 'one' for '--input <KEY,..>': invalid digit"),
        (&["network", "--input", "3,,2"], "cannot parse integer from empty string"),
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
fn every_strategy_is_measured_by_every_algorithm() {
    let placements = ["contiguous", "striped", "zigzag"];
    let ring: Vec<String> =
        ["", "_both"].iter().flat_map(|both| placements.map(|name| format!("{name}{both}"))).collect();
    let meshes: Vec<String> = ring.iter().map(|name| format!("u2_{name}")).collect();
    let named = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    for (bench, options, algorithms) in [
        ("ulysses", "--kv-heads 2 --dtype f64", named(&["fused", "separate"])),
        ("ulysses_training", "--batch 2", named(&["fused", "separate"])),
        ("ring_training", "--causal", ring),
        ("all_gather_keys", "--causal", named(&placements)),
        ("ulysses_ring", "--causal --head-dim 5", meshes),
    ] {
        let points = objects(&format!(
            "bench {bench} {options} --sequence 65 --ranks 4 --algorithm all --iterations 2"
        ));
        let names: Vec<&str> = points.iter().map(|p| p["algorithm"].as_str().expect("a name")).collect();
        assert_eq!(names, algorithms, "{bench}");
        for point in points {
            let dtype = if options.contains("f64") { "f64" } else { "f32" };
            assert_eq!((&point["bench"], &point["dtype"]), (&bench.into(), &dtype.into()), "{point}");
            assert_eq!((&point["wrong"], &point["iterations"]), (&0.into(), &2.into()), "{point}");
            for positive in
                ["gflop_s", "speedup", "speedup_threads", "one_thread_us", "threads_us", "sent_bytes"]
            {
                assert!(point[positive].as_f64() > Some(0.0), "{positive}: {point}");
            }
            let communicating = point["communicating_pct"].as_f64().expect("a number");
            assert!((0.0..=100.0).contains(&communicating), "{point}");
        }
    }
    let points = objects("bench sequence_parallel --sequence 64 --ranks 4 --iterations 1");
    let sent: Vec<(&str, u64)> = points
        .iter()
        .map(|point| (point["bench"].as_str().expect("a name"), point["sent_bytes"].as_u64().expect("bytes")))
        .collect();
    // Rows of D = 64 in f32. Of 16 tokens the 6 heads of others, for q, k, v; and 2 heads of 48 tokens back.
    let ulysses = 4 * 64 * (3 * 16 * 6 + 48 * 2);
    // Keys and values of 8 heads, three times those of 16 tokens.
    let keys = 4 * 64 * (3 * 2 * 16 * 8);
    // As Ulysses with one other rank, and once the keys and values of 4 heads of 32 tokens.
    let mesh = 4 * 64 * (4 * 16 * 4 + 2 * 32 * 4);
    assert_eq!(
        sent,
        [("ulysses", ulysses), ("ring", keys), ("all_gather_keys", keys), ("ulysses_ring", mesh)]
    );
}

#[test]
fn a_table_of_strategies_says_what_is_left_out_and_how_it_was_measured() {
    let (status, out, err) = output(&[
        "bench",
        "sequence_parallel_training",
        "--sequence",
        "64",
        "--heads",
        "2",
        "--ranks",
        "2,3",
        "--iterations",
        "1",
    ]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    let title = "# attention across ranks, forward + backward: batch 1, 2 heads, head dimension 64; f32, ranks of one thread on ";
    assert!(out.starts_with(title), "{out}");
    assert!(
        out.contains("# ulysses fused is skipped: 2 query heads can't be shared out among 3 ranks"),
        "{out}"
    );
    assert!(out.contains("# ulysses_ring is skipped: 3 ranks aren't a mesh of two axes"), "{out}");
    let rows: Vec<Vec<&str>> = out
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let named: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    let [ring, gather] = ["ring_training/zigzag", "all_gather_keys_training/zigzag"];
    assert_eq!(named, ["ulysses_training/fused", ring, gather, ring, gather], "{out}");
    assert!(rows.iter().all(|row| row[0] == "64" && row.last() == Some(&"0")), "{out}");
}

#[test]
fn short_collectives_are_timed_in_batches() {
    for (arguments, batches) in [
        ("barrier --ranks 3", &[64][..]),
        ("all_reduce --bytes 8..1M", &[64, 64, 64, 64, 64, 32, 8, 2, 1, 1]),
        ("all_to_all --bytes 64K --ranks 4", &[4]),
    ] {
        let points = objects(&format!("bench {arguments} --iterations 2"));
        let of: Vec<u64> = points.iter().filter_map(|point| point["batch"].as_u64()).collect();
        assert_eq!(of, batches, "{arguments}");
        for point in points {
            assert_eq!((&point["wrong"], &point["iterations"]), (&0.into(), &2.into()), "{point}");
            assert!(point["time_us"]["median"].as_f64() > Some(0.0), "{point}");
        }
    }
}

#[test]
fn the_floors_of_two_cores() {
    let floors = objects("bench floors --bytes 1K..4K --iterations 2");
    let named: Vec<String> =
        floors.iter().map(|floor| format!("{} {}", floor["bench"], floor["bytes"])).collect();
    let expected = r#""ping_pong" null, "flag_exchange" null, "hand_over" 1024, "hand_over" 4096, "update" 1024, "update" 4096"#;
    assert_eq!(named.join(", "), expected);
    assert!(
        floors.iter().all(|floor| floor["time_us"]["median"].as_f64() > Some(0.0) && floor["wrong"] == 0)
    );
}

#[test]
fn sorts_are_measured_by_turns() {
    let points = objects("bench sort --type u32,f32 --n 64..128 --odd --iterations 2 --threads 2");
    let [algorithms, dtypes, sizes] = ["algorithm", "dtype", "n"].map(|field| {
        let of = points.iter().map(|point| point[field].to_string());
        of.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    });
    assert_eq!(algorithms, r#""parallel" "rayon" "simd" "std""#);
    assert_eq!((dtypes.as_str(), sizes.as_str()), (r#""f32" "u32""#, "128 129 64 65"));
    assert_eq!(points.len(), 4 * 2 * 4);
    for point in points {
        assert_eq!(
            (&point["wrong"], &point["iterations"], &point["bench"]),
            (&0.into(), &2.into(), &"sort".into())
        );
        for positive in ["ns_per_key", "mkeys_s", "over_std", "over_rayon"] {
            assert!(point[positive].as_f64() > Some(0.0), "{positive}: {point}");
        }
        let of_network = ["simd", "parallel"].iter().any(|name| point["algorithm"] == *name);
        assert_eq!(point["floor_ns_per_key"].as_f64() > Some(0.0), of_network, "{point}");
        assert_eq!(point["over_floor"].as_f64() > Some(0.0), of_network, "{point}");
    }
    // Two words for the lengths, and one compare-split of half of the keys.
    let point = &objects("bench sort_ranks --algorithm bitonic --type f64 --n 1000 --iterations 1")[0];
    assert_eq!((&point["wrong"], &point["sent_bytes"]), (&0.into(), &(2 * 8 + 500 * 8).into()), "{point}");
}

/// What is planned is what is counted when it runs.
#[test]
fn a_plan_for_people_and_for_programs() {
    let sizes = "--tokens 100 --heads 9 --kv-heads 3 --dim 576 --ranks 3";
    let plans = objects(&format!("plan {sizes}"));
    let run = "--sequence 100 --heads 9 --kv-heads 3 --head-dim 64 --ranks 3 --iterations 1";
    for (way, bench) in
        [("ulysses", "ulysses"), ("ring (zigzag)", "ring"), ("all-gather (zigzag)", "all_gather_keys")]
    {
        let plan = plans.iter().find(|plan| plan["way"] == way).expect(way);
        assert_eq!(plan["fits"], true);
        let forward = &objects(&format!("bench {bench} {run}"))[0]["sent_bytes"];
        assert_eq!(forward, &plan["forward"]["bytes"], "{way}");
        let both = &objects(&format!("bench {bench}_training {run}"))[0]["sent_bytes"];
        let bytes = |pass: &str| plan[pass]["bytes"].as_u64().expect("bytes");
        assert_eq!(both, bytes("forward") + bytes("backward"), "{way}");
    }
    let arguments: Vec<&str> = ["plan"].into_iter().chain(sizes.split(' ')).collect();
    let (status, out, err) = output(&arguments);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    assert!(
        out.starts_with("# 100 tokens, batch 1, of 576 elements; 9 heads on 3 of keys and values"),
        "{out}"
    );
    assert!(out.contains("\nring (zigzag, both ways)  "), "{out}");
}

#[test]
fn a_measurement_across_ranks_can_be_kept() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("across");
    let mut arguments = "bench sequence_parallel --ranks 1,2,4 --sequence 16..64 --iterations 1 --record"
        .split(' ')
        .collect::<Vec<_>>();
    arguments.push(file.to_str().expect("text"));
    let (status, _, err) = output(&arguments);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let read = |extension| std::fs::read_to_string(file.with_extension(extension)).expect("it was written");
    let (table, plot) = (read("md"), read("svg"));
    assert!(table.contains("ranks of one thread each") && table.contains(&arguments.join(" ")), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), 2 + 3 * (3 + 3 + 4), "{table}");
    assert!(plot.contains(">ring</text>") && plot.contains(">P, ranks</text>"), "{plot}");
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

/// The other one that the notes show: its bytes must still be those of the formulas.
#[test]
fn the_kept_measurement_across_ranks_is_right_about_bytes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notes/measured/attention-across-ranks.md");
    let text = std::fs::read_to_string(path).expect("the notes have one");
    assert!(!text.contains("--heads") && !text.contains("--head-dim"), "8 heads of 64 are compared with");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect()))
        .collect();
    assert_eq!(rows[0][..4], ["T", "P", "strategy", "time"]);
    let mut plans = BTreeMap::new();
    for row in &rows[2..] {
        let plan = plans.entry((row[0], row[1])).or_insert_with(|| {
            objects(&format!("plan --tokens {} --ranks {} --heads 8 --dim 512", row[0], row[1]))
        });
        let ranks: u64 = row[1].parse().expect("ranks");
        let way = match row[2].split_once('/').expect("a family and an algorithm") {
            ("ulysses", "fused") => "ulysses".to_owned(),
            ("ring", "zigzag") => "ring (zigzag)".to_owned(),
            ("all_gather_keys", "zigzag") => "all-gather (zigzag)".to_owned(),
            ("ulysses_ring", mesh) => {
                let ulysses = mesh.strip_prefix('u').and_then(|mesh| mesh.strip_suffix("_zigzag"));
                format!("ulysses {} x ring (zigzag)", ulysses.expect("a mesh"))
            }
            other => panic!("{other:?} on {ranks} ranks"),
        };
        let plan = plan.iter().find(|plan| plan["way"] == way.as_str()).expect("a way");
        let bytes: u64 = row[7].replace([',', 'B', ' '], "").parse().expect("bytes");
        assert_eq!(plan["forward"]["bytes"], bytes, "{way} of {} tokens on {ranks} ranks", row[0]);
    }
    assert!(rows.len() > 10, "{text}");
}

#[test]
fn a_network_is_drawn_and_proven() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("network.svg");
    let file = file.to_str().expect("text");
    let (status, out, err) = output(&["network", "--wires", "5", "--input", "-3,1,4,1,-5", "--svg", file]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.starts_with("# bitonic, 5 wires: 11 comparators in 6 stages\n"), "{out}");
    assert!(out.contains("\n# sorts: all 32 inputs of zeros and ones come out sorted"), "{out}");
    assert!(out.contains(&format!("\n# drawn in {file}\n")), "{out}");
    let svg = std::fs::read_to_string(file).expect("it was written");
    assert!(svg.starts_with("<svg ") && svg.contains(">-5</text>"), "{svg}");

    // Whoever can't have the file has to know.
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nowhere").join("network.svg");
    let nowhere = nowhere.to_str().expect("text");
    let (status, out, err) = output(&["network", "--wires", "5", "--svg", nowhere]);
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert!(err.starts_with(&format!("gears: {nowhere}: ")), "{err}");
}
