//! Who sees whom, and what is added to the scores: as data, so that there is one attention for all of them.
//!
//! Most masks let a query see an interval of keys. Only a boolean mask, or a bias of -inf, makes holes in it.
//!
//! ```text
//!  none       causal     window(2, 0)  documents   causal,
//!                                      [3, 3]      offset 2
//!  ■■■■■■     ■·····     ■·····        ■■■···      ■■■···     a row is a query,
//!  ■■■■■■     ■■····     ■■····        ■■■···      ■■■■··     a column a key
//!  ■■■■■■     ■■■···     ■■■···        ■■■···      ■■■■■·
//!  ■■■■■■     ■■■■··     ·■■■··        ···■■■      ■■■■■■
//!  ■■■■■■     ■■■■■·     ··■■■·        ···■■■
//!  ■■■■■■     ■■■■■■     ···■■■        ···■■■
//! ```
//!
//! They combine: a pair is visible if every part lets it be, and what is added is the sum. A [`Mask`] is what
//! the caller says; [`Resolved`] is that for one shape, checked, as an interval for each query.

mod part;
mod resolved;
#[cfg(test)]
mod tests;

pub use part::{Part, Places};
pub use resolved::{Coverage, HeadMask, Resolved, Row};

use crate::shape::expect;
use crate::{Float, Shape};
use ndarray::{ArrayView4, s};

/// Who sees whom, and what is added to the scores.
///
/// ```
/// use attention::Mask;
///
/// // Mistral's: the query itself and the 4095 before it.
/// let mask = Mask::<f32>::causal().window(4095, 0);
/// # let _ = mask;
/// ```
#[derive(Clone, Debug)]
pub struct Mask<'a, T> {
    offset: isize,
    causal: bool,
    window: Option<(usize, usize)>,
    documents: Option<Documents>,
    alibi: Option<Vec<T>>,
    allowed: Option<ArrayView4<'a, bool>>,
    bias: Option<ArrayView4<'a, T>>,
    part: Option<Part<'a>>,
}

/// The lengths of sequences that are packed end to end.
#[derive(Clone, Debug)]
struct Documents {
    queries: Vec<usize>,
    keys: Vec<usize>,
}

impl<T> Default for Mask<'_, T> {
    fn default() -> Self {
        Mask::none()
    }
}

impl<'a, T> Mask<'a, T> {
    /// Every query sees every key.
    pub fn none() -> Self {
        Mask {
            offset: 0,
            causal: false,
            window: None,
            documents: None,
            alibi: None,
            allowed: None,
            bias: None,
            part: None,
        }
    }

    /// A query sees the keys up to its own position.
    ///
    /// Query 0 stands at key 0 (as in PyTorch's `is_causal`), unless an [`offset`](Self::offset) says
    /// otherwise.
    pub fn causal() -> Self {
        Mask { causal: true, ..Mask::none() }
    }

    /// Query 0 stands at this key, query i at i more. If the last query and the last key are the same token,
    /// as when a cache holds what came before, that is Tk - Tq. It may be negative: then the first queries
    /// stand before all keys.
    pub fn offset(self, offset: isize) -> Self {
        Mask { offset, ..self }
    }

    /// A query sees so many keys to the left of its own position, its own, and so many to the right.
    pub fn window(self, left: usize, right: usize) -> Self {
        Mask { window: Some((left, right)), ..self }
    }

    /// Several documents packed in one sequence: a query sees the keys of its own document alone. Positions
    /// begin anew in each, and an [`offset`](Self::offset) counts in each.
    pub fn documents(self, queries: &[usize], keys: &[usize]) -> Self {
        Mask { documents: Some(Documents { queries: queries.to_vec(), keys: keys.to_vec() }), ..self }
    }

    /// ALiBi (Press, Smith & Lewis, *Train Short, Test Long*, 2021): to the score of a key at distance n from
    /// the query's position -slope n is added; a slope for each query head. See [`alibi_slopes`].
    pub fn alibi(self, slopes: &[T]) -> Self
    where
        T: Clone,
    {
        Mask { alibi: Some(slopes.to_vec()), ..self }
    }

    /// A query sees what is `true`. Of shape (B, H, Tq, Tk), or with a 1 for an axis along which it is the
    /// same.
    pub fn allowed(self, allowed: ArrayView4<'a, bool>) -> Self {
        Mask { allowed: Some(allowed), ..self }
    }

    /// Added to the scores, after scaling; -inf hides. Of shape (B, H, Tq, Tk), or with a 1 for an axis along
    /// which it is the same.
    pub fn bias(self, bias: ArrayView4<'a, T>) -> Self {
        Mask { bias: Some(bias), ..self }
    }

    /// The call is about some of the heads, queries and keys of a larger attention, and all that is said of
    /// the mask, and of dropout, is said of that one: a [`Part`] of it.
    pub fn part(self, part: Part<'a>) -> Self {
        Mask { part: Some(part), ..self }
    }

    /// Whether it is said of a larger attention: see [`part`](Self::part).
    pub fn is_part(&self) -> bool {
        self.part.is_some()
    }

    /// Whether every query sees every key, with nothing added.
    pub fn is_none(&self) -> bool {
        let Mask { offset: _, causal, window, documents, alibi, allowed, bias, part: _ } = self;
        !causal
            && window.is_none()
            && documents.is_none()
            && alibi.is_none()
            && allowed.is_none()
            && bias.is_none()
    }
}

/// The slopes of the ALiBi paper: for a power of two of heads 2^(-8/H), its square, and so on; for others
/// those of the power below, and every other one of the power above (as in the authors' code).
pub fn alibi_slopes<T: Float>(heads: usize) -> Vec<T> {
    let of_power = |heads: usize| (1..=heads).map(move |h| 2_f64.powf(-8.0 * h as f64 / heads as f64));
    let below = if heads.is_power_of_two() { heads } else { heads.next_power_of_two() / 2 };
    of_power(below).chain(of_power(2 * below).step_by(2)).take(heads).map(T::of).collect()
}

impl<T: Clone> Mask<'_, T> {
    /// The same, for as long as this is borrowed.
    pub fn view(&self) -> Mask<'_, T> {
        Mask {
            allowed: self.allowed.as_ref().map(|allowed| allowed.view()),
            bias: self.bias.as_ref().map(|bias| bias.view()),
            ..self.clone()
        }
    }
}

impl<'a, T: Float> Mask<'a, T> {
    /// That of one sequence of a batch, whose queries stand so much further to the right.
    pub(crate) fn of_sequence(&self, batch: usize, offset: isize) -> Mask<'_, T> {
        Mask {
            offset: self.offset.saturating_add(offset),
            allowed: self.allowed.as_ref().map(|allowed| entry(allowed, batch)),
            bias: self.bias.as_ref().map(|bias| entry(bias, batch)),
            ..self.clone()
        }
    }

    /// That what is said of entries of a batch is said of all of them, or of one for all.
    pub(crate) fn check_batch(&self, batch: usize) -> crate::Result<()> {
        let because = "a mask has an entry for each of the batch, or one for all";
        let check = |argument, shape: &[usize]| match shape[0] {
            1 => Ok(()),
            _ => expect(argument, shape, &[batch, shape[1], shape[2], shape[3]], because),
        };
        self.allowed.as_ref().map_or(Ok(()), |allowed| check("the boolean mask", allowed.shape()))?;
        self.bias.as_ref().map_or(Ok(()), |bias| check("the bias", bias.shape()))
    }

    /// What it means for this shape.
    ///
    /// # Errors
    ///
    /// If a part of it doesn't fit the shape.
    pub fn resolve(&self, shape: &Shape) -> crate::Result<Resolved<'_, T>> {
        Resolved::new(self, shape)
    }
}

/// One entry of a batch, or the one that serves for all. If there is neither, all of it: to resolve that is
/// an error.
fn entry<'a, E>(array: &'a ArrayView4<'_, E>, batch: usize) -> ArrayView4<'a, E> {
    match array.dim().0 {
        entries if batch < entries && entries > 1 => array.slice(s![batch..=batch, .., .., ..]),
        _ => array.view(),
    }
}
