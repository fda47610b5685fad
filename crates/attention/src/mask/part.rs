//! Some of the heads, queries and keys of a larger attention: what one rank of many computes.
//!
//! ```text
//!              keys of the whole
//!            0 1 2 3 4 5 6 7             of queries [1, 6] and keys [0, 1, 6, 7]
//!          0 ■ · · · · · · ·
//!  queries 1 ■ ■ · · · · · ·    ─────►   ■ ■ · ·
//!   of the 2 ■ ■ ■ · · · · ·             ■ ■ ■ ·
//!    whole …
//!          6 ■ ■ ■ ■ ■ ■ ■ ·
//! ```
//!
//! A mask, and the choices of dropout, are said of the whole, and hold for its part: a rank need not
//! translate them. Since the keys stand in ascending order, what was an interval of keys still is one.

use crate::shape::expect;
use crate::{Error, Result, Shape};

/// Which heads, queries and keys of a larger attention a call is about.
///
/// ```
/// use attention::mask::{Part, Places};
/// use attention::{Mask, Options, naive};
/// use ndarray::{Array4, s};
///
/// let x = Array4::from_shape_fn((1, 2, 8, 3), |(_, h, t, d)| ((h + 1) * (t + 2) * (d + 3) % 7) as f64);
/// let whole = naive::forward(x.view(), x.view(), x.view(), &Options::masked(Mask::causal()))?;
/// // Queries 4 to 7, of head 1.
/// let queries = Places::Some { at: &[4, 5, 6, 7], of: 8 };
/// let part = Part { first_head: 1, heads: 2, queries, keys: Places::All };
/// let head = x.slice(s![.., 1..2, .., ..]);
/// let some = naive::forward(
///     head.slice(s![.., .., 4.., ..]),
///     head,
///     head,
///     &Options::masked(Mask::causal().part(part)),
/// )?;
/// assert_eq!(some.output, whole.output.slice(s![.., 1..2, 4.., ..]));
/// # Ok::<(), attention::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The first of the query heads, which follow each other.
    pub first_head: usize,
    /// Query heads of the whole.
    pub heads: usize,
    /// Which queries.
    pub queries: Places<'a>,
    /// Which keys, in ascending order.
    pub keys: Places<'a>,
}

/// Which of the tokens of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places<'a> {
    /// All of them.
    All,
    /// Some of them.
    Some {
        /// Where they stand.
        at: &'a [usize],
        /// Out of so many.
        of: usize,
    },
}

impl Places<'_> {
    /// Where a token of the part stands in the whole.
    pub(super) fn place(&self, index: usize) -> usize {
        match self {
            Places::All => index,
            Places::Some { at, .. } => at[index],
        }
    }

    /// How many tokens there are in the whole, when there are `count` in the part.
    fn whole(&self, count: usize) -> usize {
        match self {
            Places::All => count,
            Places::Some { of, .. } => *of,
        }
    }

    /// How many tokens of the part stand before a place of the whole.
    pub(super) fn before(&self, place: usize) -> usize {
        match self {
            Places::All => place,
            Places::Some { at, .. } => at.partition_point(|&at| at < place),
        }
    }

    fn check(&self, argument: &'static str, count: usize) -> Result<()> {
        let Places::Some { at, of } = *self else { return Ok(()) };
        expect(argument, &[at.len()], &[count], "there is a place for each of the part")?;
        match at.iter().find(|&&place| place >= of) {
            Some(&index) => Err(Error::Index { what: "the place", index, count: of }),
            None => Ok(()),
        }
    }
}

impl Part<'_> {
    /// All of an attention of this shape.
    pub fn whole(shape: &Shape) -> Part<'static> {
        Part { first_head: 0, heads: shape.heads, queries: Places::All, keys: Places::All }
    }

    /// The shape of the whole, when that of the part is `shape`. (Its key-value heads are those of the part:
    /// no mask is about them.)
    ///
    /// # Errors
    ///
    /// If the part can't be a part of it.
    pub(super) fn shape_of_whole(&self, shape: &Shape) -> Result<Shape> {
        self.queries.check("the places of the queries", shape.queries)?;
        self.keys.check("the places of the keys", shape.keys)?;
        if let Places::Some { at, .. } = self.keys
            && let Some(pair) = at.windows(2).find(|pair| pair[0] >= pair[1])
        {
            let given = format!("{} after {}", pair[1], pair[0]);
            return Err(Error::Number { what: "the place of a key", given, expected: "a later one" });
        }
        match self.first_head.checked_add(shape.heads) {
            Some(end) if end <= self.heads => Ok(Shape {
                heads: self.heads,
                queries: self.queries.whole(shape.queries),
                keys: self.keys.whole(shape.keys),
                ..*shape
            }),
            _ => Err(Error::Index {
                what: "the last query head of the part,",
                index: self.first_head.saturating_add(shape.heads).saturating_sub(1),
                count: self.heads,
            }),
        }
    }
}
