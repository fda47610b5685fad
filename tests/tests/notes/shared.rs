//! What all-reduces in shared memory touch, and what is chosen where: for the chapter on shared columns.
//!
//! | generator | what |
//! |---|---|
//! | `touched ranks=2,4,8` | bytes loaded and stored per byte of the buffers, and the share of the update roofline that leaves |
//! | `chosen all_reduce` | what the plain method takes, by the size of the buffer or of all blocks |

use crate::formulas::evaluate;
use crate::heads::{bytes, numbers, settings};
use crate::markdown::table;
use crate::model::significant;
use collectives::{
    AllGather, AllReduce, AllToAll, Barrier, Broadcast, ExclusiveScan, Gather, Layout, Reduce, ReduceScatter,
    Scan, Scatter, Setting,
};

/// Touched for an element: loaded and stored.
const COPY: usize = 2;

/// Two loaded, one stored.
const ADD: usize = 3;

/// N. All numbers of ranks up to 8 divide it, and 16, 32 and 64.
const LENGTH: usize = 6720;

/// A way to do an all-reduce.
struct Scheme {
    name: &'static str,
    /// Per element.
    formula: &'static str,
    /// By one rank of P.
    touched: fn(usize, usize) -> usize,
}

const SCHEMES: [Scheme; 4] = [
    Scheme {
        name: "shared columns",
        formula: "2",
        // What changes sides is read or written once by this rank in another's buffer; its own column once each.
        touched: |ranks, rank| {
            let own = Layout::even(LENGTH, ranks).len(rank);
            AllReduce::SharedColumns.cost(ranks, rank, LENGTH).elements + 2 * own
        },
    },
    Scheme {
        name: "ring, the neighbour's buffer read in place",
        formula: "5(P - 1)/P",
        // What one sends another adds to its own, and copies in the second half.
        touched: |ranks, rank| {
            let blocks = Layout::even(LENGTH, ranks);
            ADD * ReduceScatter::Ring.cost(&blocks, rank).elements
                + COPY * AllGather::Ring.cost(&blocks, rank).elements
        },
    },
    Scheme {
        name: "ring over channels, buffers moved",
        formula: "5 - 1/P",
        // A first copy; each that arrives is added to and goes on; all are copied out in the end.
        touched: |ranks, _| (COPY + (ranks - 1) * ADD + ranks * COPY) * (LENGTH / ranks),
    },
    Scheme {
        name: "ring over channels, a clone per hop",
        formula: "9(P - 1)/P",
        touched: |ranks, _| (ranks - 1) * (COPY + ADD + COPY + COPY) * (LENGTH / ranks),
    },
];

/// Where ranks run.
const SETTINGS: [(&str, Setting); 5] = [
    ("2 ranks, a core each", Setting { ranks: 2, oversubscribed: false, lends: true }),
    ("8 ranks, a core each", Setting { ranks: 8, oversubscribed: false, lends: true }),
    ("4 ranks, fewer cores", Setting { ranks: 4, oversubscribed: true, lends: true }),
    ("8 ranks, fewer cores", Setting { ranks: 8, oversubscribed: true, lends: true }),
    ("8 ranks, a core each, by messages alone", Setting { ranks: 8, oversubscribed: false, lends: false }),
];

/// The sizes that are looked at, beside 0: powers of two up to this one.
const LARGEST: usize = 256 << 20;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "touched" => touched(rest),
        "chosen" => chosen(rest),
        _ => return None,
    })
}

fn touched(text: &str) -> Result<String, String> {
    let [ranks] = settings(text, ["ranks"])?;
    let all = numbers(ranks)?;
    let mut rows = vec![vec!["bytes touched, per byte of the buffers".to_owned(), "any P".to_owned()]];
    rows[0].extend(all.iter().map(|ranks| format!("P = {ranks}")));
    for Scheme { name, formula, touched } in &SCHEMES {
        let mut row = vec![(*name).to_owned(), (*formula).to_owned()];
        for &ranks in &all {
            if ranks == 0 || !LENGTH.is_multiple_of(ranks) {
                return Err(format!("{ranks} ranks don't divide {LENGTH} elements"));
            }
            let sum: usize = (0..ranks).map(|rank| touched(ranks, rank)).sum();
            let each = sum as f64 / (ranks * LENGTH) as f64;
            let says = evaluate(formula, ranks, LENGTH)?;
            if (each - says).abs() > 1e-9 {
                return Err(format!("{name}: `{formula}` is {says} for P = {ranks}; it touches {each}"));
            }
            row.push(format!("{} ({:.0}%)", significant(each), 200.0 / each));
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

fn choice(operation: &str, setting: Setting, bytes: usize) -> Option<&'static str> {
    Some(match operation {
        "barrier" => Barrier::choose(setting).name(),
        "broadcast" => Broadcast::choose(setting, bytes).name(),
        "reduce" => Reduce::choose(setting, bytes).name(),
        "all_reduce" => AllReduce::choose(setting, bytes, true).name(),
        "gather" => Gather::choose(setting, bytes).name(),
        "scatter" => Scatter::choose(setting, bytes).name(),
        "all_gather" => AllGather::choose(setting, bytes).name(),
        "reduce_scatter" => ReduceScatter::choose(setting, bytes, true).name(),
        "all_to_all" => AllToAll::choose(setting, bytes).name(),
        "scan" => Scan::choose(setting, bytes).name(),
        "exclusive_scan" => ExclusiveScan::choose(setting, bytes).name(),
        _ => return None,
    })
}

fn chosen(operation: &str) -> Result<String, String> {
    let sizes = std::iter::successors(Some(1), |size| Some(2 * size)).take_while(|&size| size <= LARGEST);
    let sizes: Vec<usize> = sizes.collect();
    let mut lines = Vec::new();
    for (name, setting) in SETTINGS {
        let at = |size| choice(operation, setting, size).ok_or(format!("no operation `{operation}`"));
        let mut last = at(0)?;
        let mut steps = last.to_owned();
        for &size in &sizes {
            let now = at(size)?;
            if now != last {
                steps += &format!("; from {} {now}", bytes(size));
                last = now;
            }
        }
        lines.push(format!("- {name}: {steps}"));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{chosen, generate, touched};

    #[test]
    fn bytes_touched_are_those_of_the_closed_forms() {
        let table = touched("ranks=2,8").unwrap();
        assert!(table.contains("|  2 (100%) |   2 (100%) |"), "{table}");
        assert!(table.contains("| 2.5 (80%) | 4.38 (46%) |"), "{table}");
        assert!(touched("ranks=2,9").is_err());
    }

    #[test]
    fn every_setting_has_a_choice() {
        let all = chosen("all_reduce").unwrap();
        assert_eq!(all.lines().count(), super::SETTINGS.len());
        let network = all.lines().find(|line| line.contains("messages alone")).unwrap();
        assert!(!network.contains("shared_columns"), "{all}");
        assert!(chosen("all_reduces").is_err());
        assert!(generate("masks none").is_none());
    }
}
