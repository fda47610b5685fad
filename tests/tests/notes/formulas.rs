//! Closed forms that a note states, held against the cost functions.
//!
//! A region `<!-- formulas: OPERATION -->` ... `<!-- end formulas -->` holds a table
//!
//! ```text
//! | algorithm | for   | rounds     | messages, all ranks | elements, busiest rank |
//! |-----------|-------|------------|---------------------|------------------------|
//! | ring      | any P | `2(P - 1)` | `2P(P - 1)`         | `2N(P - 1)/P`          |
//! ```
//!
//! `for` is `any P` or conditions among `P > 1`, `P = 2^k`, `P != 2^k`, joined by commas. Formulas are made
//! of P, N, integers, `+ - * /`, parentheses, juxtaposition and `lg X`, the logarithm to base 2 rounded up.
//! Juxtaposition is `*`, and `*` and `/` apply from left to right: `N/2 lg P` is (N/2) lg P.

use crate::ladder::{Rung, ladder};
use crate::markdown::Note;

const HEADER: [&str; 5] = ["algorithm", "for", "rounds", "messages, all ranks", "elements, busiest rank"];

/// Numbers of ranks that a formula is tried for.
const RANKS: std::ops::RangeInclusive<usize> = 1..=16;

/// N / P.
const BLOCKS: [usize; 5] = [0, 1, 2, 5, 48];

pub(crate) fn problems(note: &Note) -> Vec<String> {
    let (regions, mut problems) = note.regions("formulas");
    for region in regions {
        let Some(rungs) = ladder(region.arguments) else {
            problems.push(note.problem(region.line, format!("no operation `{}`", region.arguments)));
            continue;
        };
        let lines = note.prose().into_iter().filter(|line| (region.line..region.end).contains(&line.number));
        let mut rows = lines.filter_map(|line| Some((line.number, cells(line.text)?)));
        match rows.next() {
            Some((_, header)) if header == HEADER => {}
            _ => problems.push(note.problem(region.line, format!("the header must be {HEADER:?}"))),
        }
        let rows: Vec<_> = rows.skip(1).collect(); // the rule
        if rows.is_empty() {
            problems.push(note.problem(region.line, "no formulas"));
        }
        for (number, row) in rows {
            problems.extend(check_row(&rungs, &row).err().map(|problem| note.problem(number, problem)));
        }
    }
    problems
}

/// The cells of a table's line, without backticks.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(row.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
}

fn check_row(rungs: &[Rung], row: &[&str]) -> Result<(), String> {
    let &[name, condition, rounds, messages, busiest] = row else {
        return Err(format!("{} cells, {} were expected", row.len(), HEADER.len()));
    };
    let rung = rungs.iter().find(|rung| rung.name == name).ok_or(format!("no algorithm `{name}`"))?;
    let mut tried = 0;
    for ranks in RANKS {
        if !holds(condition, ranks)? {
            continue;
        }
        if !rung.works_for(ranks) {
            return Err(format!("{name} doesn't take P = {ranks}, as `{condition}` says"));
        }
        for length in BLOCKS.map(|block| block * ranks) {
            let totals = rung.totals(ranks, length);
            for (formula, what, is) in [
                (rounds, HEADER[2], totals.rounds),
                (messages, HEADER[3], totals.messages),
                (busiest, HEADER[4], totals.busiest),
            ] {
                let says = evaluate(formula, ranks, length)?;
                if (says - is as f64).abs() > 1e-6 {
                    let at = format!("P = {ranks}, N = {length}");
                    return Err(format!(
                        "{name}, {what}: `{formula}` is {says} for {at}; the code says {is}"
                    ));
                }
            }
        }
        tried += 1;
    }
    if tried > 0 { Ok(()) } else { Err(format!("`{condition}` holds for no P")) }
}

fn holds(conditions: &str, ranks: usize) -> Result<bool, String> {
    let mut all = true;
    for condition in conditions.split(',') {
        all &= match condition.trim() {
            "any P" => true,
            "P > 1" => ranks > 1,
            "P = 2^k" => ranks.is_power_of_two(),
            "P != 2^k" => !ranks.is_power_of_two(),
            other => return Err(format!("no condition `{other}`")),
        };
    }
    Ok(all)
}

/// A formula's value.
pub(crate) fn evaluate(formula: &str, ranks: usize, length: usize) -> Result<f64, String> {
    let mut parser = Parser { rest: formula, ranks, length };
    let value = parser.sum()?;
    match parser.next() {
        None => Ok(value),
        Some(c) => Err(format!("`{formula}`: unexpected `{c}`")),
    }
}

/// Recursive descent: `sum = product {(+|-) product}`, `product = factor {[*|/] factor}`,
/// `factor = integer | P | N | lg factor | ( sum )`.
struct Parser<'a> {
    rest: &'a str,
    ranks: usize,
    length: usize,
}

impl Parser<'_> {
    /// The next character that isn't a space.
    fn next(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.next();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            if self.eat("+") {
                value += self.product()?;
            } else if self.eat("-") {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.factor()?;
        loop {
            if self.eat("/") {
                value /= self.factor()?;
            } else if self.eat("*") || matches!(self.next(), Some('0'..='9' | 'P' | 'N' | 'l' | '(')) {
                value *= self.factor()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn factor(&mut self) -> Result<f64, String> {
        if self.eat("P") {
            return Ok(self.ranks as f64);
        }
        if self.eat("N") {
            return Ok(self.length as f64);
        }
        if self.eat("lg") {
            return Ok(self.factor()?.log2().ceil());
        }
        if self.eat("(") {
            let value = self.sum()?;
            return if self.eat(")") { Ok(value) } else { Err("`)` is missing".to_owned()) };
        }
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().map_err(|_| format!("a number, P, N, lg or ( was expected before `{rest}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::{evaluate, problems};
    use crate::markdown::sample;

    #[test]
    fn formulas_mean_what_they_say() {
        for (formula, value) in [
            ("2(P - 1)", 14.0),
            ("2N(P-1)/P", 168.0),
            ("N/2 lg P", 144.0),
            ("lg P + P - 1", 10.0),
            ("lg (P + 1)", 4.0),
            ("P lg P - P + 1", 17.0),
            ("10 - 3 - 2", 5.0),
            ("0", 0.0),
        ] {
            assert_eq!(evaluate(formula, 8, 96), Ok(value), "{formula}");
        }
        for formula in ["", "2 +", "(P", "P)", "Q", "P ** 2", "2^k", "ln P"] {
            assert!(evaluate(formula, 8, 96).is_err(), "{formula}");
        }
    }

    fn problems_of(row: &str) -> Vec<String> {
        let header =
            "| algorithm | for | rounds | messages, all ranks | elements, busiest rank |\n|-|-|-|-|-|";
        problems(&sample(&format!("<!-- formulas: all_reduce -->\n{header}\n{row}\n<!-- end formulas -->\n")))
    }

    #[test]
    fn wrong_formulas_are_found() {
        let right = "| ring | any P | `2(P - 1)` | `2P(P - 1)` | `2N(P - 1)/P` |";
        assert_eq!(problems_of(right), [""; 0]);
        for wrong in [
            "| ring | any P | `2P - 1` | `2P(P - 1)` | `2N(P - 1)/P` |",
            "| ring | any P | `2(P - 1)` | `P(P - 1)` | `2N(P - 1)/P` |",
            "| ring | any P | `2(P - 1)` | `2P(P - 1)` | `N(P - 1)` |",
            "| ring | any P | `2(P - 1)` | `2P(P - 1)` |",
            "| rings | any P | `2(P - 1)` | `2P(P - 1)` | `2N(P - 1)/P` |",
            "| ring | all P | `2(P - 1)` | `2P(P - 1)` | `2N(P - 1)/P` |",
            "| ring | any P | `2(P - 1` | `2P(P - 1)` | `2N(P - 1)/P` |",
            // Right for powers of two, but not for any P.
            "| recursive_doubling | any P | `lg P` | `P lg P` | `N lg P` |",
            "",
        ] {
            assert_eq!(problems_of(wrong).len(), 1, "{wrong}");
        }
        assert_eq!(problems_of("| recursive_doubling | P = 2^k | `lg P` | `P lg P` | `N lg P` |"), [""; 0]);
    }

    #[test]
    fn a_formula_for_ranks_that_an_algorithm_refuses_is_found() {
        let row = "| butterfly | any P | `lg P` | `P lg P` | `0` |";
        let header =
            "| algorithm | for | rounds | messages, all ranks | elements, busiest rank |\n|-|-|-|-|-|";
        let note = sample(&format!("<!-- formulas: barrier -->\n{header}\n{row}\n<!-- end formulas -->\n"));
        assert!(problems(&note)[0].contains("doesn't take P = 3"));
    }
}
