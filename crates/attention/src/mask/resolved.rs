//! A mask for one shape: an interval of keys for each query.

use super::{Mask, Part, Places};
use crate::dropout::DropoutRow;
use crate::shape::expect;
use crate::{Dropout, Error, Float, Result, Shape};
use ndarray::{ArrayView2, ArrayView4, s};
use std::ops::Range;

/// A mask for one shape, checked.
#[derive(Clone, Debug)]
pub struct Resolved<'a, T> {
    rows: Vec<Row>,
    part: Part<'a>,
    // These are of the whole.
    alibi: Option<&'a [T]>,
    allowed: Option<ArrayView4<'a, bool>>,
    bias: Option<ArrayView4<'a, T>>,
}

/// What one query sees, but for what a boolean mask or a bias hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The keys.
    pub keys: Range<usize>,
    /// Where it stands among the keys of the whole.
    pub position: isize,
    /// Which query of the whole it is.
    pub query: usize,
}

/// How much of a tile is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// No query sees a key: nothing to do.
    Nothing,
    /// Every query sees every key, and nothing is added.
    Everything,
    /// It must be looked at.
    Some,
}

impl<'a, T: Float> Resolved<'a, T> {
    pub(super) fn new(mask: &'a Mask<'_, T>, shape: &Shape) -> Result<Resolved<'a, T>> {
        let part = mask.part.unwrap_or_else(|| Part::whole(shape));
        let whole = part.shape_of_whole(shape)?;
        if let Some(slopes) = &mask.alibi {
            expect("the slopes", &[slopes.len()], &[whole.heads], "one slope for each query head")?;
        }
        let rows = rows(mask, &whole)?;
        let rows = match mask.part {
            None => rows,
            Some(part) => (0..shape.queries).map(|i| rows[part.queries.place(i)].in_part(&part)).collect(),
        };
        Ok(Resolved {
            rows,
            part,
            alibi: mask.alibi.as_deref(),
            allowed: mask.allowed.as_ref().map(|a| broadcast("the boolean mask", a, &whole)).transpose()?,
            bias: mask.bias.as_ref().map(|a| broadcast("the bias", a, &whole)).transpose()?,
        })
    }

    /// That of one head.
    pub fn head(&self, batch: usize, head: usize) -> HeadMask<'_, T> {
        let head = self.part.first_head + head;
        HeadMask {
            rows: &self.rows,
            part: self.part,
            head,
            slope: self.alibi.map(|slopes| slopes[head]),
            allowed: self.allowed.as_ref().map(|a| a.slice(s![batch, head, .., ..])),
            bias: self.bias.as_ref().map(|a| a.slice(s![batch, head, .., ..])),
        }
    }

    /// What each query sees, but for what a boolean mask or a bias hides.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The keys that any of these queries may see: nothing outside needs to be visited.
    pub fn span(&self, queries: Range<usize>) -> Range<usize> {
        let seen = self.rows[queries].iter().filter(|row| !row.keys.is_empty());
        let first = seen.clone().map(|row| row.keys.start).min();
        let end = seen.map(|row| row.keys.end).max();
        first.zip(end).map_or(0..0, |(first, end)| first..end)
    }

    /// The queries that may see any of these keys lie in this range.
    pub fn span_of_queries(&self, keys: Range<usize>) -> Range<usize> {
        let first = self.rows.iter().position(|row| row.sees_any_of(&keys));
        let last = self.rows.iter().rposition(|row| row.sees_any_of(&keys));
        first.zip(last).map_or(0..0, |(first, last)| first..last + 1)
    }
}

impl Row {
    fn sees_any_of(&self, keys: &Range<usize>) -> bool {
        self.keys.start < keys.end && keys.start < self.keys.end && !self.keys.is_empty()
    }

    /// The same query, where some of the keys are left.
    fn in_part(&self, part: &Part<'_>) -> Row {
        Row { keys: part.keys.before(self.keys.start)..part.keys.before(self.keys.end), ..*self }
    }
}

/// The interval of each query.
fn rows<T>(mask: &Mask<'_, T>, shape: &Shape) -> Result<Vec<Row>> {
    let whole = ([shape.queries], [shape.keys]);
    let (queries, keys): (&[usize], &[usize]) = match &mask.documents {
        None => (&whole.0, &whole.1),
        Some(documents) => (&documents.queries, &documents.keys),
    };
    let because =
        "the documents' lengths add up to the sequence's, and there are as many of queries as of keys";
    let sum = |lengths: &[usize]| lengths.iter().fold(0_usize, |sum, &length| sum.saturating_add(length));
    expect("the documents' queries", &[sum(queries)], &[shape.queries], because)?;
    expect("the documents' keys", &[sum(keys)], &[shape.keys], because)?;
    expect("the documents of the keys", &[keys.len()], &[queries.len()], because)?;
    let mut rows = Vec::with_capacity(shape.queries);
    let mut first_key = 0;
    for (&queries, &keys) in queries.iter().zip(keys) {
        let document = first_key..first_key + keys;
        for query in 0..queries {
            let position = ((first_key + query) as isize).saturating_add(mask.offset);
            let keys = interval(mask, position, &document);
            rows.push(Row { keys, position, query: rows.len() });
        }
        first_key += keys;
    }
    Ok(rows)
}

/// The keys of a document that a query at this position sees.
fn interval<T>(mask: &Mask<'_, T>, position: isize, document: &Range<usize>) -> Range<usize> {
    let (mut first, mut end) = (document.start as isize, document.end as isize);
    if mask.causal {
        end = end.min(position.saturating_add(1));
    }
    if let Some((left, right)) = mask.window {
        let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
        first = first.max(position.saturating_sub(signed(left)));
        end = end.min(position.saturating_add(signed(right)).saturating_add(1));
    }
    // An empty interval is kept inside the document, so that it is a valid one.
    let first = first.min(document.end as isize) as usize;
    first..first.max(end.max(0) as usize)
}

/// A view of the full shape: an axis of 1 is repeated.
fn broadcast<'a, E>(
    argument: &'static str,
    array: &'a ArrayView4<'_, E>,
    shape: &Shape,
) -> Result<ArrayView4<'a, E>> {
    let full = (shape.batch, shape.heads, shape.queries, shape.keys);
    array.broadcast(full).ok_or_else(|| Error::Shape {
        argument,
        shape: array.shape().to_vec(),
        expected: vec![full.0, full.1, full.2, full.3],
        because: "a mask has the shape of the scores, or 1 for an axis along which it is the same",
    })
}

/// A mask of one head: of Tq queries and Tk keys.
#[derive(Clone, Debug)]
pub struct HeadMask<'a, T> {
    rows: &'a [Row],
    part: Part<'a>,
    // These are of the whole.
    head: usize,
    slope: Option<T>,
    allowed: Option<ArrayView2<'a, bool>>,
    bias: Option<ArrayView2<'a, T>>,
}

impl<T: Float> HeadMask<'_, T> {
    /// What each query sees, but for what a boolean mask or a bias hides.
    pub fn rows(&self) -> &[Row] {
        self.rows
    }

    /// Whether it must be looked at pair by pair: otherwise [`rows`](Self::rows) and [`slope`](Self::slope)
    /// say all.
    pub fn is_pairwise(&self) -> bool {
        self.allowed.is_some() || self.bias.is_some()
    }

    /// What is taken from a score for each key of distance, if there is ALiBi.
    pub fn slope(&self) -> Option<T> {
        self.slope
    }

    /// Whether query i sees key j.
    pub fn sees(&self, i: usize, j: usize) -> bool {
        self.rows[i].keys.contains(&j)
            && self.allowed.as_ref().is_none_or(|allowed| allowed[self.pair(i, j)])
            && self.bias.as_ref().is_none_or(|bias| bias[self.pair(i, j)] != T::neg_infinity())
    }

    /// What is added to the score of query i and key j, if it sees it.
    pub fn added(&self, i: usize, j: usize) -> T {
        let alibi = self.slope.map_or(T::zero(), |slope| -slope * self.distance(i, j));
        self.bias.as_ref().map_or(alibi, |bias| alibi + bias[self.pair(i, j)])
    }

    /// The score of query i and key j as the softmax sees it: -inf if the query doesn't see the key.
    pub fn adjusted(&self, i: usize, j: usize, score: T) -> T {
        match self.sees(i, j) {
            true => score + self.added(i, j),
            false => T::neg_infinity(),
        }
    }

    fn distance(&self, i: usize, j: usize) -> T {
        T::of(self.rows[i].position.saturating_sub(self.key(j) as isize).unsigned_abs() as f64)
    }

    /// Which key of the whole key j is.
    pub fn key(&self, j: usize) -> usize {
        self.part.keys.place(j)
    }

    /// Which pair of the whole query i and key j are.
    fn pair(&self, i: usize, j: usize) -> (usize, usize) {
        (self.rows[i].query, self.key(j))
    }

    /// What dropout chooses for query i of this head and batch entry. It is asked for keys of the whole: see
    /// [`key`](Self::key).
    pub fn dropout(&self, dropout: Dropout, batch: usize, i: usize) -> DropoutRow {
        dropout.row(batch, self.head, self.rows[i].query)
    }

    /// How much of the tile of these queries and keys is seen.
    pub fn coverage(&self, queries: Range<usize>, keys: Range<usize>) -> Coverage {
        let rows = &self.rows[queries.clone()];
        let sees_all = |row: &Row| row.keys.start <= keys.start && keys.end <= row.keys.end;
        if !rows.iter().any(|row| row.sees_any_of(&keys)) {
            return Coverage::Nothing;
        }
        let mut whole = rows.iter().all(sees_all) && self.slope.is_none() && self.bias.is_none();
        if let Some(allowed) = &self.allowed {
            let seen: usize = queries.map(|i| self.allowed_of(allowed, i, keys.clone())).sum();
            if seen == 0 {
                return Coverage::Nothing;
            }
            whole &= seen == rows.len() * keys.len();
        }
        if whole { Coverage::Everything } else { Coverage::Some }
    }

    /// How many of these keys a boolean mask lets query i see.
    fn allowed_of(&self, allowed: &ArrayView2<'_, bool>, i: usize, keys: Range<usize>) -> usize {
        let row = allowed.row(self.rows[i].query);
        match self.part.keys {
            Places::All => row.slice(s![keys]).iter().filter(|&&allowed| allowed).count(),
            Places::Some { at, .. } => at[keys].iter().filter(|&&key| row[key]).count(),
        }
    }
}
