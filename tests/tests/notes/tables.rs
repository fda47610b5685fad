//! Tables of numbers, and what programs print, made by the code that they speak of.
//!
//! A region `<!-- table: GENERATOR ARGUMENTS -->` ... `<!-- end table -->` holds what [`generate`] answers:
//!
//! | generator | table |
//! |---|---|
//! | `cost OPERATION` | rounds, messages and elements of each algorithm, by the number of ranks |
//! | `error TITLE` | what one of the wrong programs of `gears faults` is told |
//! | `model`, `fastest`, `crossover` | predicted times: see `model.rs` |
//! | `masks`, `attention_cost`, `flash_...` | masks, and what attention costs: see `attention.rs`, `flash.rs` |
//! | `heads_...`, `wavelengths`, `agreement`, `alibi`, `decoding_...` | see `heads.rs`, `positions.rs`, `decoding.rs` |
//! | `tensor_...` | see `tensor.rs` |
//! | `sort_ranks_...` | see `sorting_ranks.rs` |
//! | `ulysses_...`, `ring_...`, `mesh_...`, `plan_...` | see `ulysses.rs`, `ring.rs`, `mesh.rs`, `plan.rs` |
//! | `network`, `network_...` | see `networks.rs` |
//! | `touched`, `chosen`, `peers_...` | see `shared.rs`, `peers.rs` |

use crate::ladder::{Totals, ladder};
use crate::markdown::{Note, table};
use crate::model;
use crate::{
    attention, decoding, flash, heads, mesh, networks, peers, plan, positions, ring, shared, sorting_ranks,
    tensor, ulysses,
};
use testkit::faults::examples::EXAMPLES;

/// The numbers of ranks of a cost table: powers of two, their neighbours, and an odd one.
const RANKS: [usize; 6] = [2, 3, 4, 7, 8, 16];

/// N of a cost table: all of these numbers of ranks divide it.
const LENGTH: usize = 1680;

/// One number of a cost table.
type Quantity = fn(Totals) -> usize;

/// The table that a region asks for. A new generator is one more line here.
fn generate(arguments: &str) -> Result<String, String> {
    match arguments.split_whitespace().collect::<Vec<_>>()[..] {
        ["cost", operation] => cost(operation),
        ["model", operation, ref settings @ ..] => model::times(operation, settings),
        ["fastest", operation, ref settings @ ..] => model::fastest(operation, settings),
        ["crossover", operation, from, to, ref settings @ ..] => {
            model::crossover(operation, [from, to], settings)
        }
        ["error", ..] => error(arguments.trim_start_matches("error").trim()),
        _ => attention::generate(arguments)
            .or_else(|| flash::generate(arguments))
            .or_else(|| heads::generate(arguments))
            .or_else(|| positions::generate(arguments))
            .or_else(|| decoding::generate(arguments))
            .or_else(|| tensor::generate(arguments))
            .or_else(|| ulysses::generate(arguments))
            .or_else(|| ring::generate(arguments))
            .or_else(|| mesh::generate(arguments))
            .or_else(|| sorting_ranks::generate(arguments))
            .or_else(|| plan::generate(arguments))
            .or_else(|| networks::generate(arguments))
            .or_else(|| shared::generate(arguments))
            .or_else(|| peers::generate(arguments))
            .unwrap_or_else(|| Err(format!("no generator for `{arguments}`"))),
    }
}

fn error(title: &str) -> Result<String, String> {
    let example = EXAMPLES.iter().find(|example| example.title == title);
    let text = example.ok_or_else(|| format!("no example `{title}`"))?.text();
    Ok(format!("```text\n{text}\n```"))
}

/// The note with its tables made anew.
pub(crate) fn refreshed(note: &Note) -> Result<String, Vec<String>> {
    let (regions, mut problems) = note.regions("table");
    let mut lines: Vec<String> = note.text.lines().map(str::to_owned).collect();
    // From the end, so that the line numbers of the regions before stay right.
    for region in regions.iter().rev() {
        match generate(region.arguments) {
            Ok(table) => {
                let body = format!("\n{}\n", table.trim_end());
                let body = body.split('\n').map(str::to_owned);
                lines.splice(region.line..region.end - 1, body);
            }
            Err(problem) => problems.push(note.problem(region.line, problem)),
        }
    }
    if problems.is_empty() { Ok(lines.join("\n") + "\n") } else { Err(problems) }
}

/// Where a note is not what it should be.
pub(crate) fn differences(note: &Note, expected: &str) -> Vec<String> {
    if note.text == expected {
        return Vec::new();
    }
    let (is, should) = (note.text.lines().chain([""]), expected.lines().chain([""]));
    let line = 1 + is.zip(should).take_while(|(is, should)| is == should).count();
    let should = expected.lines().nth(line - 1).unwrap_or("");
    vec![note.problem(line, format!("table is stale (UPDATE_NOTES=1 renews it), expected `{should}`"))]
}

fn cost(operation: &str) -> Result<String, String> {
    let rungs = ladder(operation).ok_or_else(|| format!("no operation `{operation}`"))?;
    let elements = |which: &str| format!("elements, {which} (N = {LENGTH})");
    let quantities: [(String, Quantity); 4] = [
        ("rounds".to_owned(), |totals| totals.rounds),
        ("messages, all ranks".to_owned(), |totals| totals.messages),
        (elements("busiest rank"), |totals| totals.busiest),
        (elements("all ranks"), |totals| totals.elements),
    ];
    let mut tables = Vec::new();
    for (title, quantity) in quantities {
        let mut rows = vec![vec![title]];
        rows[0].extend(RANKS.map(|ranks| format!("P = {ranks}")));
        for rung in &rungs {
            let cell = |ranks| match rung.works_for(ranks) {
                true => quantity(rung.totals(ranks, LENGTH)).to_string(),
                false => "-".to_owned(),
            };
            let mut row = vec![rung.name.to_owned()];
            row.extend(RANKS.map(cell));
            rows.push(row);
        }
        let nothing = rows[1..].iter().flat_map(|row| &row[1..]).all(|cell| cell == "0" || cell == "-");
        if !nothing {
            tables.push(table(&rows));
        }
    }
    Ok(tables.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{differences, refreshed};
    use crate::markdown::sample;

    #[test]
    fn a_wrong_number_is_found() {
        let empty = sample("before\n<!-- table: cost barrier -->\n<!-- end table -->\nafter\n");
        let right = sample(&refreshed(&empty).unwrap());
        assert!(right.text.starts_with("before\n<!-- table: cost barrier -->\n\n| rounds"));
        assert!(right.text.ends_with("|\n\n<!-- end table -->\nafter\n"));
        assert!(
            differences(&right, &refreshed(&right).unwrap()).is_empty(),
            "renewing twice changes nothing"
        );

        let wrong = sample(&right.text.replacen("|     2 |", "|     3 |", 1));
        assert_ne!(wrong.text, right.text);
        let found = differences(&wrong, &refreshed(&wrong).unwrap());
        assert!(found.len() == 1 && found[0].starts_with("sample.md:6: table is stale"), "{found:?}");
    }

    #[test]
    fn an_unknown_generator_is_a_problem() {
        for arguments in ["cost all_reduces", "prices", "", "model barrier", "cost", "error", "error Nothing"]
        {
            let note = sample(&format!("<!-- table: {arguments} -->\n<!-- end table -->\n"));
            assert_eq!(refreshed(&note).unwrap_err().len(), 1, "{arguments}");
        }
    }
}
