//! Every algorithm of everything that is measured in one place: right, and with the numbers that it should have.

use crate::{objects, output};
use std::collections::BTreeSet;

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
