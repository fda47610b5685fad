//! What flash attention holds in cache and in memory, and which tiles it visits, for the chapter on it.
//!
//! | generator | what |
//! |---|---|
//! | `flash_memory heads=8 dim=64 lengths=512,2048` | bytes besides inputs and outputs, naive and flash |
//! | `flash_tiles dims=64,128` | bytes of what a tile works on |
//! | `flash_visits MASK; MASK; ...` | how many tiles it visits, and how many scores it computes |
//!
//! Masks read as in `attention.rs`; elements are `f32`.

use crate::attention::{FLOAT, Masked, bytes, known, must, numbers, sizes};
use crate::markdown::{root, table};
use attention::Shape;
use attention::mask::{Coverage, Row};
use std::ops::Range;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ')?;
    Some(match generator {
        "flash_memory" => flash_memory(rest),
        "flash_tiles" => flash_tiles(rest),
        "flash_visits" => flash_visits(rest),
        _ => return None,
    })
}

/// The constants of `flash.rs`, from its text: outside of the crate they are nobody's business but this chapter's.
struct Tile {
    queries: usize,
    keys: usize,
    lanes: usize,
}

impl Tile {
    fn of_flash() -> Result<Tile, String> {
        let source = std::fs::read_to_string(root().join("crates/attention/src/flash.rs"));
        Tile::of(&source.map_err(|error| error.to_string())?)
    }

    fn of(source: &str) -> Result<Tile, String> {
        let constant = |name: &str| {
            let line = format!("const {name}: usize = ");
            let value = |text: &str| text.strip_prefix(&line)?.strip_suffix(';')?.parse().ok();
            source.lines().find_map(value).ok_or_else(|| format!("no `{line}` in flash.rs"))
        };
        Ok(Tile { queries: constant("QUERIES")?, keys: constant("KEYS")?, lanes: constant("LANES")? })
    }

    /// Columns of a tile, for so many queries in the sequence.
    fn columns(&self, queries: usize) -> usize {
        queries.min(self.queries).next_multiple_of(self.lanes)
    }
}

/// `flash_tiles dims=64,128`
fn flash_tiles(words: &str) -> Result<String, String> {
    known(words, &["dims"])?;
    let dims = must(numbers(words, "dims")?, "dims")?;
    let Tile { queries, keys, .. } = Tile::of_flash()?;
    // Elements, from the head dimension.
    type Elements = Box<dyn Fn(usize) -> usize>;
    let forward: Vec<(&str, Elements)> = vec![
        ("Sᵀ, then Pᵀ", Box::new(move |_| keys * queries)),
        ("Qᵀ scale, and Oᵀ", Box::new(move |dim| 2 * dim * queries)),
        ("m, l and the factor", Box::new(move |_| 3 * queries)),
        ("the tile of K, and of V", Box::new(move |dim| 2 * keys * dim)),
    ];
    let backward: Vec<(&str, Elements)> = vec![
        ("Sᵀ, then Pᵀ; dPᵀ, then dSᵀ", Box::new(move |_| 2 * keys * queries)),
        ("Qᵀ scale, and dOᵀ", Box::new(move |dim| 2 * dim * queries)),
        ("lse and delta", Box::new(move |_| 2 * queries)),
        ("the tile of Q, of dO, and of dQ", Box::new(move |dim| 3 * queries * dim)),
        ("the tile of K, of V, of dK and of dV", Box::new(move |dim| 4 * keys * dim)),
    ];
    let mut tables = Vec::new();
    for (title, parts) in [("forward", forward), ("backward", backward)] {
        let mut rows = vec![vec![format!("{title}, one tile")]];
        rows[0].extend(dims.iter().map(|dim| format!("D = E = {dim}")));
        for (name, elements) in &parts {
            let mut row = vec![(*name).to_owned()];
            row.extend(dims.iter().map(|&dim| bytes(elements(dim))));
            rows.push(row);
        }
        let mut row = vec!["together".to_owned()];
        row.extend(dims.iter().map(|&dim| bytes(parts.iter().map(|(_, elements)| elements(dim)).sum())));
        rows.push(row);
        tables.push(table(&rows));
    }
    Ok(tables.join("\n"))
}

/// `flash_memory heads=8 dim=64 lengths=512,2048`: for one thread, without dropout.
fn flash_memory(words: &str) -> Result<String, String> {
    let (heads, dim, lengths) = sizes(words)?;
    let tile = Tile::of_flash()?;
    let mut rows = vec![vec!["T".to_owned()]];
    rows[0]
        .extend(["naive forward", "backward", "flash forward", "backward", "Q, K, V, O"].map(str::to_owned));
    for length in lengths {
        let (columns, keys) = (tile.columns(length), tile.keys.min(length));
        let all_columns = columns * length.div_ceil(tile.queries);
        let intervals = length * size_of::<Row>() / FLOAT;
        rows.push(vec![
            length.to_string(),
            bytes(length * length + intervals),
            bytes(2 * length * length + length + intervals),
            bytes((2 * dim + keys + 3) * columns + intervals),
            bytes((2 * dim + 2) * all_columns + 2 * keys * columns + intervals),
            bytes(4 * heads * length * dim),
        ]);
    }
    Ok(table(&rows))
}

/// What flash does of a head's scores.
#[derive(Debug, Default, PartialEq)]
struct Visits {
    tiles: usize,
    scores: usize,
}

/// Forward: the tiles of a tile of queries begin at the first key that one of them sees, and end with the last.
fn visits_forward(masked: &Masked, tile: &Tile) -> Result<Visits, String> {
    let resolved = masked.mask.resolve(&masked.shape).map_err(|error| error.to_string())?;
    let head = resolved.head(0, 0);
    let mut visits = Visits::default();
    for queries in tiles(0..masked.shape.queries, tile.queries) {
        for keys in tiles(resolved.span(queries.clone()), tile.keys) {
            if head.coverage(queries.clone(), keys.clone()) != Coverage::Nothing {
                visits.tiles += 1;
                visits.scores += queries.len() * keys.len();
            }
        }
    }
    Ok(visits)
}

/// Backward: tiles of keys begin at multiples of their size. Of each the part is visited that a tile of queries may see.
fn visits_backward(masked: &Masked, tile: &Tile) -> Result<Visits, String> {
    let resolved = masked.mask.resolve(&masked.shape).map_err(|error| error.to_string())?;
    let head = resolved.head(0, 0);
    let mut visits = Visits::default();
    for keys in tiles(0..masked.shape.keys, tile.keys) {
        for queries in tiles(0..masked.shape.queries, tile.queries) {
            let span = resolved.span(queries.clone());
            let keys = keys.start.max(span.start)..keys.end.min(span.end);
            if !keys.is_empty() && head.coverage(queries.clone(), keys.clone()) != Coverage::Nothing {
                visits.tiles += 1;
                visits.scores += queries.len() * keys.len();
            }
        }
    }
    Ok(visits)
}

fn tiles(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(size).map(move |first| first..range.end.min(first + size))
}

/// `flash_visits MASK; MASK; ...`
fn flash_visits(text: &str) -> Result<String, String> {
    let tile = Tile::of_flash()?;
    let mut rows = vec![vec!["mask".to_owned()]];
    let columns = ["T", "tiles forward", "backward", "of", "scores computed", "pairs seen"];
    rows[0].extend(columns.map(str::to_owned));
    for masked in Masked::all(text)? {
        let Shape { queries, keys, .. } = masked.shape;
        let (forward, backward) = (visits_forward(&masked, &tile)?, visits_backward(&masked, &tile)?);
        if forward.scores != backward.scores {
            return Err(format!("`{}`: {forward:?} forward, {backward:?} backward", masked.name));
        }
        let resolved = masked.mask.resolve(&masked.shape).map_err(|error| error.to_string())?;
        let seen: usize = resolved.rows().iter().map(|row| row.keys.len()).sum();
        let share = |scores: usize| format!("{:.1} %", 100.0 * scores as f64 / (queries * keys) as f64);
        rows.push(vec![
            masked.name.clone(),
            queries.to_string(),
            forward.tiles.to_string(),
            backward.tiles.to_string(),
            (queries.div_ceil(tile.queries) * keys.div_ceil(tile.keys)).to_string(),
            share(forward.scores),
            share(seen),
        ]);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in ["flash_tiles dims=", "flash_visits causal lengths=512", "flash_memory heads=8 dim=64"] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
        assert!(Tile::of("const KEYS: usize = 128;").is_err());
    }

    /// The closed forms of the chapter on flash, for tiles that are twice as long in keys as in queries.
    #[test]
    fn causal_visits_are_the_closed_form() {
        let tile = Tile::of_flash().unwrap();
        assert_eq!(tile.keys, 2 * tile.queries, "the chapter on flash says so");
        for a in [1, 2, 3, 16] {
            let length = a * tile.keys;
            let masked = Masked::parse(&format!("causal length={length}")).unwrap();
            let (forward, backward) = (visits_forward(&masked, &tile), visits_backward(&masked, &tile));
            let visits = Visits { tiles: a * (a + 1), scores: length * (length + tile.queries) / 2 };
            assert_eq!(forward.as_ref(), Ok(&visits), "{length}");
            assert_eq!(backward, forward, "{length}");
        }
    }
}
