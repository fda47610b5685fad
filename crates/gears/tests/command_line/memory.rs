//! How much memory attention needs, measured now, and in the measurement that the notes show.

use crate::objects;
use std::path::Path;

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
