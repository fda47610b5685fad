//! Strategies of attention across ranks: measured, and planned.

use crate::{objects, output};

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
