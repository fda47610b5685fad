//! Attention in parts with a mistake in it, each well known from systems that run attention on many ranks:
//! the suite must reject every one.
//!
//! The body below does on one thread what the ranks of a ring do, or those of Ulysses, step by step: the
//! mistakes are about who computes what, and not about messages.

use crate::attention::suite::{Check, checks};
use crate::attention::{AttentionGear, Case, Trial};
use crate::suite::Rejection;
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::mask::{Part, Places};
use attention::partial::merge_attended;
use attention::{Algorithm, Options, Result};
use ndarray::{Array3, Array4, ArrayView4, Axis, s};
use parallel::heads::HeadMap;
use parallel::{Float, Placement};
use std::ops::Range;

/// Ranks of the body.
const RANKS: usize = 3;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// None: what is rejected are the mistakes, not the body.
    Healthy,
    /// Every block counts its queries and keys from 0.
    LocalPositions,
    /// Outputs of blocks are added, as if each were of all keys.
    MergeWithoutRescaling,
    /// Tokens are shared out zigzag, and put together as if they had been shared out in runs.
    ZigzagForgotten,
    /// A rank looks at the block that it had a step before, for the one it has now.
    StaleBlock,
    /// What the last rank that has a block finds for its gradient isn't sent home.
    GradientNeverHome,
    /// A rank takes the slopes, masks and dropout of the heads of the rank before it.
    HeadsShifted,
    /// A key-value head that several ranks have: the gradient of one of them is taken for that of all.
    SharersNotSummed,
}

use Mutant::*;

impl Mutant {
    /// All with a mistake.
    pub const ALL: [Self; 7] = [
        LocalPositions,
        MergeWithoutRescaling,
        ZigzagForgotten,
        StaleBlock,
        GradientNeverHome,
        HeadsShifted,
        SharersNotSummed,
    ];

    /// What the checks find that are asked of attention across ranks: one rejection for each that it fails.
    pub fn rejections(self, trials: &[Trial]) -> Vec<Rejection> {
        let first = |check: Check<Mutant>| trials.iter().find_map(|trial| check.run(&self, trial).err());
        checks_of_ranks().into_iter().filter_map(first).collect()
    }
}

/// The suite, but for what a world can't be asked: a part of a part.
pub fn checks_of_ranks<G: AttentionGear>() -> Vec<Check<G>> {
    checks().into_iter().filter(|check| check.name != "parts").collect()
}

/// One rank's heads, and the blocks of queries and keys that meet there: of a ring, of which each rank has
/// all heads; and of Ulysses, of which each rank has all tokens.
struct Meeting {
    heads: Range<usize>,
    kv_heads: Range<usize>,
    queries: usize,
    keys: usize,
    /// In which step of the ring.
    step: usize,
}

impl Mutant {
    fn is_of_heads(self) -> bool {
        matches!(self, HeadsShifted | SharersNotSummed)
    }

    fn tokens(self, total: usize) -> Vec<Vec<usize>> {
        match self.is_of_heads() {
            true => vec![(0..total).collect()],
            false => (0..RANKS).map(|rank| Placement::Zigzag.tokens(total, RANKS, rank)).collect(),
        }
    }

    /// Where the tokens of a rank are said to be when results are put together.
    fn places(self, total: usize) -> Vec<Vec<usize>> {
        match self {
            ZigzagForgotten => {
                let mut start = 0;
                let mut run = |tokens: Vec<usize>| {
                    start += tokens.len();
                    (start - tokens.len()..start).collect()
                };
                self.tokens(total).into_iter().map(&mut run).collect()
            }
            _ => self.tokens(total),
        }
    }

    fn meetings(self, heads: usize, kv_heads: usize) -> Vec<Meeting> {
        if self.is_of_heads() {
            let map = HeadMap::new(heads, kv_heads, RANKS.min(heads)).expect("at most a rank for each head");
            let meeting = |rank| Meeting {
                heads: map.heads(rank),
                kv_heads: map.kv_heads(rank),
                queries: 0,
                keys: 0,
                step: 0,
            };
            return (0..map.ranks()).map(meeting).collect();
        }
        let meeting = |rank, step| Meeting {
            heads: 0..heads,
            kv_heads: 0..kv_heads,
            queries: rank,
            keys: (rank + RANKS - step) % RANKS,
            step,
        };
        (0..RANKS).flat_map(|rank| (0..RANKS).map(move |step| meeting(rank, step))).collect()
    }

    fn options<'a, T: Float>(
        self,
        options: &'a Options<'_, T>,
        meeting: &Meeting,
        heads: usize,
        [queries, keys]: [Places<'a>; 2],
    ) -> Options<'a, T> {
        let first_head = match self {
            HeadsShifted => (meeting.heads.start + heads - meeting.heads.len()) % heads,
            _ => meeting.heads.start,
        };
        // What goes past the last head begins again at the first.
        let first_head = if first_head + meeting.heads.len() > heads { 0 } else { first_head };
        let part = Part { first_head, heads, queries, keys };
        let &Options { ref mask, scale, dropout, threads } = options;
        Options { mask: mask.view().part(part), scale, dropout, threads }
    }

    /// The block whose data a meeting has.
    fn block(self, meeting: &Meeting) -> usize {
        match self {
            StaleBlock if meeting.step > 0 => (meeting.keys + 1) % RANKS,
            _ => meeting.keys,
        }
    }
}

impl AttentionGear for Mutant {
    /// Shards as long as each other, so that a mistake gives wrong numbers, and not an error.
    fn supports(&self, case: &Case) -> bool {
        case.queries == case.keys && case.kv_heads > 0 && case.queries.is_multiple_of(2 * RANKS)
    }

    fn forward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Attended<T>> {
        let (batch, heads, total, _) = query.dim();
        let (tokens, places) = (self.tokens(total), self.places(total));
        let mut whole = Attended {
            output: Array4::zeros((batch, heads, total, value.dim().3)),
            lse: Array3::from_elem((batch, heads, total), T::neg_infinity()),
        };
        for meeting in self.meetings(heads, key.dim().1) {
            let said = self.said(&tokens, &meeting);
            let options =
                self.options(options, &meeting, heads, [&said[0], &said[1]].map(|at| at.places(total)));
            let [k, v] = [key, value].map(|x| of(x, &meeting.kv_heads, &tokens[self.block(&meeting)]));
            let q = of(query, &meeting.heads, &tokens[meeting.queries]);
            let new = Algorithm::Naive.forward(q.view(), k.view(), v.view(), &options)?;
            let own = &places[meeting.queries];
            let mut output = of(whole.output.view(), &meeting.heads, own);
            let mut lse = whole.lse.slice(s![.., meeting.heads.clone(), ..]).select(Axis(2), own);
            if *self == MergeWithoutRescaling {
                output += &new.output;
                lse = new.lse;
            } else {
                merge_attended(output.view_mut(), lse.view_mut(), new.output.view(), new.lse.view())?;
            }
            for (from, &to) in own.iter().enumerate() {
                let heads = meeting.heads.clone();
                whole.output.slice_mut(s![.., heads.clone(), to, ..]).assign(&output.slice(s![
                    ..,
                    ..,
                    from,
                    ..
                ]));
                whole.lse.slice_mut(s![.., heads, to]).assign(&lse.slice(s![.., .., from]));
            }
        }
        Ok(whole)
    }

    fn backward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        let (heads, total) = (query.dim().1, query.dim().2);
        let (tokens, places) = (self.tokens(total), self.places(total));
        let [mut d_query, mut d_key, mut d_value] = [query, key, value].map(|x| Array4::zeros(x.dim()));
        for meeting in self.meetings(heads, key.dim().1) {
            let said = self.said(&tokens, &meeting);
            let options =
                self.options(options, &meeting, heads, [&said[0], &said[1]].map(|at| at.places(total)));
            let [k, v] = [key, value].map(|x| of(x, &meeting.kv_heads, &tokens[self.block(&meeting)]));
            let q = of(query, &meeting.heads, &tokens[meeting.queries]);
            let own = &places[meeting.queries];
            let [gradient, output] = [upstream.gradient, upstream.output].map(|x| of(x, &meeting.heads, own));
            let lse = upstream.lse.slice(s![.., meeting.heads.clone(), ..]).select(Axis(2), own);
            let upstream = Upstream { gradient: gradient.view(), output: output.view(), lse: lse.view() };
            let new = Algorithm::Naive.backward(q.view(), k.view(), v.view(), upstream, &options)?;
            add(&mut d_query, &new.query, &meeting.heads, own);
            if *self == GradientNeverHome && meeting.step == RANKS - 1 {
                continue;
            }
            if *self == SharersNotSummed {
                for gradient in [&mut d_key, &mut d_value] {
                    gradient.slice_mut(s![.., meeting.kv_heads.clone(), .., ..]).fill(T::zero());
                }
            }
            add(&mut d_key, &new.key, &meeting.kv_heads, &places[meeting.keys]);
            add(&mut d_value, &new.value, &meeting.kv_heads, &places[meeting.keys]);
        }
        Ok(Gradients { query: d_query, key: d_key, value: d_value })
    }
}

/// Tokens that a rank believes to have.
struct Said(Vec<usize>);

impl Said {
    fn places(&self, of: usize) -> Places<'_> {
        Places::Some { at: &self.0, of }
    }
}

impl Mutant {
    fn said(self, tokens: &[Vec<usize>], meeting: &Meeting) -> [Said; 2] {
        [meeting.queries, meeting.keys].map(|rank| match self {
            LocalPositions => Said((0..tokens[rank].len()).collect()),
            _ => Said(tokens[rank].clone()),
        })
    }
}

/// Some heads and tokens, (B, heads, tokens, D).
fn of<T: Float>(x: ArrayView4<'_, T>, heads: &Range<usize>, tokens: &[usize]) -> Array4<T> {
    x.slice(s![.., heads.clone(), .., ..]).select(Axis(2), tokens)
}

fn add<T: Float>(to: &mut Array4<T>, part: &Array4<T>, heads: &Range<usize>, tokens: &[usize]) {
    for (from, &token) in tokens.iter().enumerate() {
        let mut to = to.slice_mut(s![.., heads.clone(), token, ..]);
        to += &part.slice(s![.., .., from, ..]);
    }
}
