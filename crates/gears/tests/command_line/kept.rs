//! Measurements that are kept: files are written, and those of the notes still say what is so.

use crate::{objects, output};
use std::collections::BTreeMap;
use std::path::Path;

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
