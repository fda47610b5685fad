//! Sorts: how long a key takes, next to other sorts and to what a network must do.
//!
//! | module | idea |
//! |---|---|
//! | [`options`] | the options that both have |
//! | [`sort`] | in one process, by turns with the standard library's and rayon's |
//! | [`point`] | one measurement of that, and as an object of JSON |
//! | [`ranks`] | across ranks, by turns with one process |

mod options;
mod point;
mod ranks;
mod sort;

use std::io::{self, Write};

#[derive(Clone, Debug, clap::Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Sort keys: by bitonic networks, by the standard library, by rayon
    ///
    /// All of them sort the same arrays one after the other, round by round, and in every round the keys are new, so
    /// that no branch is known by heart. To draw and to copy keys isn't timed.
    ///
    /// The floor is what a bitonic network can't go below on this machine. A network of C comparators takes C minima
    /// and C maxima, and C is n lg n (lg n + 1)/4. How many of them a core takes in a second is measured in the same
    /// rounds, by a loop that does hardly anything else: on keys in registers, in vectors as wide as the processor has.
    /// It is a floor for the method, not for sorting; and a low one, since a sort also has to bring keys from memory,
    /// and next to those that they are compared with.
    Sort(sort::Options),
    /// Sort keys that lie in blocks on ranks: by networks, and by samples
    ///
    /// Each rank, a thread, has a block of the keys before, and a block of the sorted keys afterwards. By turns with
    /// them one process sorts all keys at once, on as many threads and on one.
    SortRanks(ranks::Options),
}

/// Measures and reports, point by point. True if no key was wrong.
pub(super) fn run(out: &mut dyn Write, operation: &Operation) -> io::Result<bool> {
    match operation {
        Operation::Sort(options) => sort::run(out, options),
        Operation::SortRanks(options) => ranks::run(out, options),
    }
}

#[cfg(test)]
mod tests {
    use crate::bench::tests::{objects, output};

    #[test]
    fn every_algorithm_of_every_type_is_measured() {
        let points = objects("sort --type all --algorithm all --n 100 --iterations 1 --json");
        assert_eq!(points.len(), 8 * 11);
        for point in points {
            assert_eq!((&point["wrong"], &point["iterations"]), (&0.into(), &1.into()), "{point}");
            assert!(point["over_std"].as_f64() > Some(0.0), "{point}");
            assert!(point["mkeys_s"].as_f64() > Some(0.0), "{point}");
            let network = ["recursive", "iterative", "blocked", "simd", "parallel"]
                .contains(&point["algorithm"].as_str().expect("a name"));
            assert_eq!(point["over_floor"].is_number(), network, "{point}");
        }
    }

    #[test]
    fn every_pattern_and_lengths_that_are_no_powers() {
        let points = objects("sort --pattern all --algorithm simd --n 4..16 --odd --iterations 1 --json");
        let sizes: Vec<u64> = points.iter().filter_map(|point| point["n"].as_u64()).collect();
        assert_eq!(sizes, [4, 5, 8, 9, 16, 17].repeat(9));
        // Nobody to compare with was asked for.
        assert!(points.iter().all(|point| point["over_std"].is_null() && point["wrong"] == 0), "{points:?}");
    }

    #[test]
    fn a_table_of_sorts() {
        let table = output("sort --type f32 --n 1K --iterations 1 --algorithm simd,std,pairs");
        assert!(table.starts_with("# sort: random f32 "), "{table}");
        let rows: Vec<Vec<&str>> = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().collect())
            .collect();
        let named: Vec<[&str; 3]> = rows.iter().map(|row| [row[0], row[1], row[row.len() - 1]]).collect();
        assert_eq!(named, [["1024", "simd", "0"], ["1024", "pairs", "0"], ["1024", "std", "0"]]);
        assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    }

    #[test]
    fn every_way_across_ranks_is_measured() {
        let points = objects(
            "sort_ranks --ranks 1,3 --algorithm all --type u64,f32 --n 1K --odd --iterations 2 --json",
        );
        assert_eq!(points.len(), 2 * 5 * 2 * 2);
        for point in points {
            assert_eq!((&point["wrong"], &point["iterations"]), (&0.into(), &2.into()), "{point}");
            assert_eq!(point["sent_bytes"] == 0, point["ranks"] == 1, "{point}");
            assert!(point["speedup_threads"].as_f64() > Some(0.0), "{point}");
        }
        let table = output("sort_ranks --n 1K --iterations 1");
        assert!(table.contains(" odd-even-transposition ") && table.contains(" sample-sort "), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 130), "{table}");
    }
}
