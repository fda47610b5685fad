//! Pictures of masks, and what attention costs, for the chapters on it.
//!
//! | generator | what |
//! |---|---|
//! | `masks MASK; MASK; ...` | the masks, side by side |
//! | `attention_cost heads=8 dim=64 lengths=512,2048` | operations and bytes, by the length of the sequence |
//!
//! A mask reads `causal offset=2 window=3,0 documents=2,4 alibi queries=4 keys=6`, every part but the sizes as
//! [`Mask`] has it; `length=6` stands for `queries=6 keys=6`, documents are as long in keys as in queries, and the
//! slope is 1. Elements are `f32`.

use crate::markdown::table;
use crate::model::{list, significant};
use attention::{Mask, Shape};

/// Bytes of an element.
pub(crate) const FLOAT: usize = 4;

/// The table or picture that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ')?;
    Some(match generator {
        "masks" => masks(rest),
        "attention_cost" => cost(rest),
        _ => return None,
    })
}

/// The value of `name=value` among words.
fn setting<'a>(words: &'a str, name: &str) -> Option<&'a str> {
    words.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The numbers of `name=1,2,3` among words, if it is there.
pub(crate) fn numbers(words: &str, name: &str) -> Result<Option<Vec<usize>>, String> {
    let numbers = |value: &str| list(value, |number| number.parse().ok());
    let wrong = || format!("can't read the setting `{name}` of `{words}`");
    setting(words, name).map(|value| numbers(value).ok_or_else(wrong)).transpose()
}

fn number(words: &str, name: &str) -> Result<Option<usize>, String> {
    match numbers(words, name)?.as_deref() {
        None => Ok(None),
        Some(&[number]) => Ok(Some(number)),
        Some(_) => Err(format!("the setting `{name}` of `{words}` is one number")),
    }
}

/// That no word is misspelt.
pub(crate) fn known(words: &str, names: &[&str]) -> Result<(), String> {
    match words.split_whitespace().find(|word| !names.contains(&word.split('=').next().unwrap_or(word))) {
        Some(word) => Err(format!("no setting `{word}`: {names:?}")),
        None => Ok(()),
    }
}

pub(crate) fn must<T>(setting: Option<T>, name: &str) -> Result<T, String> {
    setting.ok_or_else(|| format!("the setting `{name}` is missing"))
}

/// One sequence, with as many heads of keys as of queries, and values of the keys' dimension.
fn shape(heads: usize, queries: usize, keys: usize, dim: usize) -> Shape {
    Shape { batch: 1, heads, kv_heads: heads, queries, keys, head_dim: dim, value_dim: dim }
}

/// A mask, and the shape that it is for.
pub(crate) struct Masked {
    /// Without the sizes.
    pub(crate) name: String,
    pub(crate) mask: Mask<'static, f32>,
    pub(crate) shape: Shape,
}

impl Masked {
    pub(crate) fn parse(words: &str) -> Result<Masked, String> {
        const SIZES: [&str; 3] = ["length", "queries", "keys"];
        const PARTS: [&str; 6] = ["none", "causal", "offset", "window", "documents", "alibi"];
        known(words, &[SIZES.as_slice(), &PARTS].concat())?;
        let length = number(words, "length")?.unwrap_or(6);
        let queries = number(words, "queries")?.unwrap_or(length);
        let keys = number(words, "keys")?.unwrap_or(length);
        let said = |part: &str| words.split_whitespace().any(|word| word == part);

        let mut mask = if said("causal") { Mask::causal() } else { Mask::none() };
        if let Some(offset) = setting(words, "offset") {
            let offset = offset.parse().map_err(|_| format!("can't read the offset of `{words}`"))?;
            mask = mask.offset(offset);
        }
        if let Some(window) = numbers(words, "window")? {
            let [left, right] = window[..] else { return Err(format!("`{words}`: window=left,right")) };
            mask = mask.window(left, right);
        }
        if let Some(lengths) = numbers(words, "documents")? {
            mask = mask.documents(&lengths, &lengths);
        }
        if said("alibi") {
            mask = mask.alibi(&[1.0]);
        }
        let is_size = |word: &&str| SIZES.iter().any(|size| word.starts_with(size));
        let parts: Vec<&str> = words.split_whitespace().filter(|word| !is_size(word)).collect();
        Ok(Masked { name: parts.join(" "), mask, shape: shape(1, queries, keys, 1) })
    }

    pub(crate) fn all(text: &str) -> Result<Vec<Masked>, String> {
        text.split(';').map(Masked::parse).collect()
    }

    /// A line for each query: what it sees, and with ALiBi what is taken from the score.
    fn picture(&self) -> Result<Vec<String>, String> {
        let resolved = self.mask.resolve(&self.shape).map_err(|error| error.to_string())?;
        let head = resolved.head(0, 0);
        let cell = |i: usize, j: usize| match (head.sees(i, j), head.slope()) {
            (false, _) => '·'.to_string(),
            (true, Some(_)) => format!("{}", -head.added(i, j)),
            (true, None) if head.rows()[i].position == j as isize => '◆'.to_string(),
            (true, None) => '■'.to_string(),
        };
        let line = |i| (0..self.shape.keys).map(|j| cell(i, j)).collect();
        Ok((0..self.shape.queries).map(line).collect())
    }
}

/// `masks MASK; MASK; ...`
fn masks(text: &str) -> Result<String, String> {
    let mut columns = Vec::new();
    for masked in Masked::all(text)? {
        // A word to a line, those of the shorter titles lower down.
        let title: Vec<String> = masked.name.split(' ').map(str::to_owned).collect();
        columns.push((title, masked.picture()?));
    }
    let titles = columns.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    let rows = columns.iter().map(|(_, picture)| picture.len()).max().unwrap_or(0);
    let mut lines = vec![String::new(); titles + rows];
    for (title, picture) in columns {
        let above = vec![String::new(); titles - title.len()];
        let column: Vec<String> = above.into_iter().chain(title).chain(picture).collect();
        let width = column.iter().map(|text| text.chars().count()).max().unwrap_or(0) + 3;
        for (row, line) in lines.iter_mut().enumerate() {
            let text = column.get(row).map_or("", String::as_str);
            line.push_str(&format!("{text:<width$}"));
        }
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    Ok(format!("```text\n{}\n```", lines.join("\n")))
}

/// Heads, their dimension, and lengths of sequences.
pub(crate) fn sizes(words: &str) -> Result<(usize, usize, Vec<usize>), String> {
    known(words, &["heads", "dim", "lengths"])?;
    let heads = must(number(words, "heads")?, "heads")?;
    let dim = must(number(words, "dim")?, "dim")?;
    Ok((heads, dim, must(numbers(words, "lengths")?, "lengths")?))
}

/// `attention_cost heads=8 dim=64 lengths=512,2048`
fn cost(words: &str) -> Result<String, String> {
    let (heads, dim, lengths) = sizes(words)?;
    let mut rows = vec![vec!["T".to_owned()]];
    rows[0].extend(
        ["GFLOP forward", "backward", "Q, K, V, O", "all scores", "scores of a head"].map(str::to_owned),
    );
    for length in lengths {
        let shape = shape(heads, length, length, dim);
        let Shape { heads, queries, keys, head_dim, value_dim, .. } = shape;
        let giga = |flops: usize| significant(flops as f64 / 1e9);
        // The five products: S again, dP, dQ, dK and dV.
        let backward = 2 * heads * queries * keys * (3 * head_dim + 2 * value_dim);
        let tensors = heads * (queries + keys) * (head_dim + value_dim);
        rows.push(vec![
            length.to_string(),
            giga(shape.flops()),
            giga(backward),
            bytes(tensors),
            bytes(heads * queries * keys),
            bytes(queries * keys),
        ]);
    }
    Ok(table(&rows))
}

/// So many elements, in bytes.
pub(crate) fn bytes(elements: usize) -> String {
    let bytes = elements * FLOAT;
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    let (unit, factor) = units.into_iter().find(|(_, factor)| bytes >= *factor).unwrap_or(("B", 1));
    format!("{} {unit}", significant(bytes as f64 / factor as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_show_who_sees_whom() {
        let picture =
            masks("causal queries=2 keys=4; causal offset=2 queries=2 keys=4; alibi length=2").unwrap();
        let expected = "```text\n         causal\ncausal   offset=2   alibi\n◆···     ■■◆·       01\n■◆··     ■■■◆       10\n```";
        assert_eq!(picture, expected);
    }

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "masks cause",
            "masks window=1",
            "masks window=1,x",
            "masks offset=x",
            "masks documents=2,2",
            "masks length=1,2",
            "attention_cost heads=8 dim=64",
            "attention_cost heads=8 dim=64 lengths=512 ranks=2",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
    }
}
