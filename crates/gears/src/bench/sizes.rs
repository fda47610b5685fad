//! A range of sizes, as `8..64M`: of bytes, of tokens, of columns.

use std::fmt;
use std::str::FromStr;

/// From the least to the greatest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    min: usize,
    max: usize,
}

impl Sizes {
    /// MIN, f MIN, f^2 MIN ... for the factor f, as long as they are below MAX, and MAX.
    pub(crate) fn powers_of(&self, factor: usize) -> impl Iterator<Item = usize> {
        let max = self.max;
        std::iter::successors(Some(self.min), move |size| size.checked_mul(factor))
            .take_while(move |&size| size < max)
            .chain([max])
    }
}

/// As it is read, in bytes.
impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (min, max) = (parse(min)?, parse(max)?);
        match (min, max) {
            (0, _) => Err("sizes begin at 1".into()),
            _ if max < min => Err(format!("from {min} down to {max} there is nothing")),
            _ => Ok(Self { min, max }),
        }
    }
}

/// `512`, `8K`, `64M`, `1G`.
fn parse(text: &str) -> Result<usize, String> {
    let units = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)];
    let (digits, unit) = (units.iter())
        .find_map(|&(name, unit)| text.strip_suffix(name).map(|digits| (digits, unit)))
        .unwrap_or((text, 1));
    let number = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| format!("`{text}` is no number like 512, 8K or 64M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> Vec<usize> {
        text.parse::<Sizes>().expect("a range").powers_of(4).collect()
    }

    #[test]
    fn powers_and_the_last() {
        assert_eq!(
            "16..100".parse::<Sizes>().expect("a range").powers_of(2).collect::<Vec<_>>(),
            [16, 32, 64, 100]
        );
        assert_eq!(sizes("8..512"), [8, 32, 128, 512]);
        assert_eq!("1K..1M".parse::<Sizes>().expect("a range").to_string(), "1024..1048576");
        assert_eq!(sizes("8..600"), [8, 32, 128, 512, 600]);
        assert_eq!(sizes("3..4"), [3, 4]);
        assert_eq!(sizes("100"), [100]);
        assert_eq!(sizes("100..100"), [100]);
        assert_eq!(sizes("1K..1M"), [1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20]);
        assert_eq!(sizes("8..67108864").len(), 13);
        assert_eq!(sizes(&format!("1..{}", usize::MAX)).len(), 33);
    }

    #[test]
    fn no_ranges() {
        for text in ["", "0", "0..8", "9..8", "8..", "..8", "8..=16", "-1", "1.5", "8T", "99999999999G"] {
            assert!(text.parse::<Sizes>().is_err(), "{text}");
        }
    }
}
