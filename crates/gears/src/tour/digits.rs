//! The data: 1,797 handwritten digits of 8 x 8 pixels.

use ndarray::{Array2, ArrayView2, Axis, s};
use std::fmt;
use std::ops::Range;

/// Pixels of a digit.
pub(super) const PIXELS: usize = 64;
/// Kinds of digits.
pub(super) const CLASSES: usize = 10;
/// The darkest grey value in the file.
const DARKEST: u8 = 16;

/// The file, carried inside the program. Its README.md names the authors and the licence.
pub(super) const CSV: &str = include_str!("../../data/digits.csv");

/// Digits and what they show.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    /// Grey values from 0 to 1, (N, PIXELS).
    pixels: Array2<f32>,
    /// What each shows, 0..CLASSES.
    labels: Vec<usize>,
}

impl Digits {
    /// Reads lines of 64 grey values and a label.
    pub(super) fn parse(csv: &str) -> Result<Self, ParseError> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for (index, line) in csv.lines().enumerate() {
            let error = |problem| ParseError { line: index + 1, problem };
            let fields: Vec<&str> = line.split(',').collect();
            if fields.len() != PIXELS + 1 {
                return Err(error(Problem::Fields { found: fields.len() }));
            }
            let read = |index: usize, highest: u8| match fields[index].trim().parse::<u8>() {
                Ok(value) if value <= highest => Ok(value),
                _ => {
                    let found = fields[index].to_string();
                    Err(error(Problem::Value { field: index + 1, found, highest }))
                }
            };
            for pixel in 0..PIXELS {
                pixels.push(f32::from(read(pixel, DARKEST)?) / f32::from(DARKEST));
            }
            labels.push(read(PIXELS, CLASSES as u8 - 1)?.into());
        }
        let pixels = Array2::from_shape_vec((labels.len(), PIXELS), pixels);
        Ok(Self { pixels: pixels.expect("each line gave a label and all its pixels"), labels })
    }

    /// Shuffles, and holds out a fifth: what to train on, and what to test with.
    pub(super) fn split(&self, seed: u64) -> (Self, Self) {
        let mut order: Vec<usize> = (0..self.len()).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let (held_out, rest) = order.split_at(self.len() / 5);
        (self.select(rest), self.select(held_out))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Consecutive digits: grey values (B, PIXELS), and labels.
    pub(super) fn rows(&self, rows: Range<usize>) -> (ArrayView2<'_, f32>, &[usize]) {
        (self.pixels.slice(s![rows.clone(), ..]), &self.labels[rows])
    }

    fn select(&self, rows: &[usize]) -> Self {
        let labels = rows.iter().map(|&row| self.labels[row]).collect();
        Self { pixels: self.pixels.select(Axis(0), rows), labels }
    }
}

/// A line that isn't a digit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    /// Counted from 1.
    line: usize,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Fields { found: usize },
    Value { field: usize, found: String, highest: u8 },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "digits, line {}: ", self.line)?;
        match &self.problem {
            Problem::Fields { found } => {
                write!(f, "{found} fields, {} were expected ({PIXELS} pixels and a label)", PIXELS + 1)
            }
            Problem::Value { field, found, highest } => {
                write!(f, "field {field} is {found:?}, an integer from 0 to {highest} was expected")
            }
        }
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(csv: &str) -> String {
        Digits::parse(csv).expect_err("the file is malformed").to_string()
    }

    /// A good line whose last field, the label, is replaced.
    fn line(label: &str) -> String {
        "16,".repeat(PIXELS) + label
    }

    #[test]
    fn the_embedded_file() {
        let digits = Digits::parse(CSV).unwrap();
        assert_eq!(digits.len(), 1797);
        assert_eq!(digits.labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(digits.pixels.row(0).as_slice().unwrap()[..4], [0.0, 0.0, 5.0 / 16.0, 13.0 / 16.0]);
    }

    #[test]
    fn a_malformed_line_is_named() {
        let two = |second: &str| error(&format!("{}\n{second}\n", line("3")));
        assert_eq!(two(""), "digits, line 2: 1 fields, 65 were expected (64 pixels and a label)");
        assert_eq!(two(&line("x")), "digits, line 2: field 65 is \"x\", an integer from 0 to 9 was expected");
        assert_eq!(
            two(&line("10")),
            "digits, line 2: field 65 is \"10\", an integer from 0 to 9 was expected"
        );
        let dark = line("3").replacen("16", "17", 1);
        assert_eq!(two(&dark), "digits, line 2: field 1 is \"17\", an integer from 0 to 16 was expected");
        let long = line("3,4");
        assert_eq!(two(&long), "digits, line 2: 66 fields, 65 were expected (64 pixels and a label)");
    }

    #[test]
    fn a_split_keeps_every_digit_once() {
        let csv: String = (0..11).map(|i| format!("{i},{}{}\n", "0,".repeat(PIXELS - 1), i % 10)).collect();
        let (training, held_out) = Digits::parse(&csv).unwrap().split(7);
        assert_eq!((training.len(), held_out.len()), (9, 2));
        let first = |digits: &Digits| digits.pixels.column(0).map(|p| (p * 16.0) as usize).to_vec();
        let mut all = [first(&training), first(&held_out)].concat();
        all.sort_unstable();
        assert_eq!(all, (0..11).collect::<Vec<_>>());
        let right = |digits: &Digits| first(digits).iter().zip(&digits.labels).all(|(i, &l)| i % 10 == l);
        assert!(right(&training) && right(&held_out));
    }
}
