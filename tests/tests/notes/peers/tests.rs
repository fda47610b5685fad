//! Tables of a record that is made up.

use super::{Record, generate, long, median, ratios, run, short, slower, summary};

/// Two points, and floors.
const RECORD: &str = r#"{
    "machine": "2 cores", "date": "2026-11-22", "rounds": 3, "laps": null,
    "libraries": {"A": "A   1"}, "missing": {"B": "no time"},
    "floors": {"2": [
        {"bench": "ping_pong", "time_us": {"median": 0.05}},
        {"bench": "flag_exchange", "time_us": {"median": 0.1}},
        {"bench": "hand_over", "bytes": 8192, "time_us": {"median": 1.0}}
    ]},
    "points": [
        {"op": "all_reduce", "ranks": 2, "bytes": 8192, "chosen": "ring", "gears_us": [3, 1, 2],
         "peers_us": {"A": [4, 6, 5], "B": [9]}, "ratios": [2, 4, 1], "roofline_pct": [30, 50, 40]},
        {"op": "barrier", "ranks": 2, "bytes": null, "chosen": "central", "gears_us": [0.2],
         "exchange_us": [0.1, 0.3, 0.08], "peers_us": {}, "ratios": []}
    ]
}"#;

#[test]
fn tables_are_what_the_record_says() {
    let record = Record::of(2, RECORD).unwrap();
    assert_eq!(slower(&record), "gears is the faster one at every point.");
    let record_of_a_loss = Record::of(2, &RECORD.replace("[2, 4, 1]", "[0.5, 4, 0.25]")).unwrap();
    assert!(slower(&record_of_a_loss).ends_with("at 1 of 2 points: all_reduce of 8 KiB (0.50)."));
    let text = run(&record).unwrap();
    assert!(text.contains("0.2 s a turn") && text.contains("- A: A 1\n- left out: B: no time"), "{text}");
    for (made, row) in [
        (ratios(&record), "| all_reduce | 8 KiB | A | 5.00 | 2.00 | 2.00 | 1.00 to 4.00 | | ring |"),
        (ratios(&record), "| barrier | | none | | 0.200 | - | | 0.100 | central |"),
        (summary(&record), "| all_reduce | 2.00 | | barrier | - |"),
        (short(&record), "| barrier | | 0.200 | 0.100 | 2.00 times that | |"),
        (long(&record), "| 8 KiB | 2.00 | 40% | 25% |"),
    ] {
        let made = words(&made.unwrap());
        assert!(made.ends_with(row) || made.contains(&format!("{row} |")), "{made}");
    }
}

#[test]
fn what_is_missing_is_a_problem() {
    assert!(Record::of(4, RECORD).is_err(), "no such ranks");
    assert!(Record::of(2, &RECORD.replace("[2, 4, 1]", "[]")).is_err(), "peers without ratios");
    assert!(Record::of(2, &RECORD.replace("[3, 1, 2]", "[]")).is_err(), "no times");
    assert!(Record::of(2, "{").is_err());
    for text in ["peers_long ranks=3", "peers_long", "peers_short ranks=x"] {
        assert!(generate(text).unwrap().is_err(), "{text}");
    }
    assert!(generate("peers").is_none());
}

/// Without padding.
fn words(table: &str) -> String {
    table.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn medians() {
    assert_eq!([&[][..], &[3.0, 1.0], &[3.0, 1.0, 2.0]].map(median), [None, Some(2.0), Some(2.0)]);
}
