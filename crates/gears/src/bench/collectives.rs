//! How long a collective takes, next to how long it must take.
//!
//! | module | idea |
//! |---|---|
//! | [`request`] | a collective as a command |
//! | [`options`] | its options, and what they come to |
//! | [`bandwidth`] | bytes and time to gigabytes per second, as in nccl-tests |
//! | [`point`] | one measurement, and as an object of JSON |
//! | [`table`] | for people |

mod bandwidth;
mod options;
mod point;
mod request;
mod table;

pub(super) use request::Request;

use super::roofline::Rooflines;
use super::time::rounded;
use options::Options;
use point::Point;
use std::io::{self, Write};
use testkit::case::Operation;
use testkit::choice::Choice;

/// Measures and reports, point by point. True if no element was wrong.
pub(super) fn run(out: &mut dyn Write, request: &Request) -> io::Result<bool> {
    let options = &request.options;
    let choices = request.choices().unwrap_or_else(|message| crate::refuse(message));
    let mut rooflines = Rooflines::new(options.ranks, options.repeat());
    let mut operation = None;
    let mut right = true;
    if !options.json {
        table::write_header(out, options.ranks)?;
    }
    for choice in choices {
        if !options.json && operation.replace(choice.operation()) != Some(choice.operation()) {
            table::write_title(out, choice.operation())?;
        }
        right &= run_choice(out, options, choice, &mut rooflines)?;
    }
    Ok(right)
}

/// All sizes of one algorithm.
fn run_choice(
    out: &mut dyn Write,
    options: &Options,
    choice: Choice,
    rooflines: &mut Rooflines,
) -> io::Result<bool> {
    if let Some(reason) = options.refusal(choice) {
        let line = format!("# {} {} is skipped: {reason}", choice.operation().name(), choice.name());
        match options.json {
            true => writeln!(io::stderr(), "{line}")?, // not an object
            false => writeln!(out, "{line}")?,
        }
        return Ok(true);
    }
    let mut right = true;
    for case in options.cases(choice.operation()) {
        let measured = (options.dtype.measure)(choice, &case, options.repeat()).map_err(|error| {
            io::Error::other(format!("{} {}: {error}", choice.operation().name(), choice.name()))
        })?;
        let mut point = Point::new(choice, &case, options.dtype, &measured);
        if let (Operation::AllReduce, 2.., Some(bytes)) = (choice.operation(), case.ranks, point.bytes) {
            point.roofline_pct = Some(rounded(100.0 * rooflines.micros(bytes)? / point.time_us.median));
        }
        right &= point.wrong == 0;
        match options.json {
            true => writeln!(out, "{}", serde_json::to_string(&point)?)?,
            false => table::write_point(out, &point)?,
        }
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use crate::bench::tests::{objects, output};
    use testkit::timed::dtype;

    #[test]
    fn everything_runs_and_nothing_is_wrong() {
        let points = objects("all --algorithm all --bytes 64 --iterations 2 --json");
        assert_eq!(points.len(), testkit::gear::catalogue().len());
        for point in points {
            assert_eq!((&point["wrong"], &point["iterations"]), (&0.into(), &2.into()), "{point}");
        }
    }

    #[test]
    fn every_operation_chooses_an_algorithm_by_itself() {
        let lines = output("all --bytes 64..1000 --iterations 1 --json --ranks 3");
        assert_eq!(lines.lines().count(), 1 + 10 * 3, "{lines}");
        assert!(lines.lines().all(|line| line.contains(r#""algorithm":"auto""#)), "{lines}");
    }

    #[test]
    fn every_type_is_measured() {
        for dtype in dtype::ALL {
            let line = output(&format!("scan --dtype {} --bytes 100 --iterations 1 --json", dtype.name));
            assert!(line.contains(&format!(r#""dtype":"{}""#, dtype.name)), "{line}");
            assert!(line.contains(&format!(r#""bytes":{}"#, 100 / dtype.bytes * dtype.bytes)), "{line}");
        }
    }

    #[test]
    fn a_table_says_where_it_was_measured_and_what_was_skipped() {
        let table = output("barrier --algorithm all --ranks 3 --iterations 1");
        assert!(table.starts_with("# 3 ranks on "), "{table}");
        assert!(table.contains("# barrier butterfly is skipped: "), "{table}");
        assert!(table.contains(" dissemination "), "{table}");
    }
}
