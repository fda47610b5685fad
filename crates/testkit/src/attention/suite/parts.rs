//! An attention in parts, as ranks compute it: some queries over some keys, of some heads.
//!
//! Attention over two parts of the keys, merged by log-sum-exp, is attention over all of them. So is the
//! backward pass over each part with the output and the log-sum-exp of the whole. Queries and heads have
//! nothing to do with each other. On that ring attention and Ulysses stand, and the split of keys among
//! threads.
//!
//! ```text
//! lse = ln(exp lse₁ + exp lse₂)          O = exp(lse₁ - lse) O₁ + exp(lse₂ - lse) O₂
//! ```

use super::nearness::{Bound, Run};
use super::rejection;
use crate::attention::{AttentionGear, Case, Inputs, Trial};
use crate::suite::Verdict;
use attention::algorithm::Attended;
use attention::mask::{Part, Places};
use attention::partial::merge_attended;
use attention::{Options, Result};
use ndarray::{Array4, ArrayView4, ArrayViewMut4, Axis};
use std::ops::Range;

/// How the tokens of a sequence are shared out in two parts.
#[derive(Clone, Copy, Debug)]
enum Split {
    /// The first so many to one, the rest to the other.
    At(usize),
    /// In turns.
    Striped,
}

impl Split {
    fn parts(self, tokens: usize) -> [Vec<usize>; 2] {
        let (first, second) = (0..tokens).partition(|&token| match self {
            Split::At(cut) => token < cut,
            Split::Striped => token % 2 == 0,
        });
        [first, second]
    }
}

/// Cut at the front, in the middle, at the end, with nothing on one side, and in turns.
///
/// # Errors
///
/// The first element that isn't that of the whole.
pub(super) fn parts<G: AttentionGear>(gear: &G, trial: &Trial) -> Verdict {
    let Trial { case, inputs, oracle, .. } = trial;
    if !gear.computes_parts() {
        return Ok(0);
    }
    let group = case.heads.checked_div(case.kv_heads).unwrap_or(0);
    let groups: Vec<_> = (0..case.kv_heads).map(|g| g * group..(g + 1) * group).collect();
    let all: Vec<_> = std::iter::once(0..case.heads).collect();
    let cuts =
        [0, 1, case.keys / 2, case.keys].map(|cut| (&all, Split::At(case.queries / 2), Split::At(cut)));
    let striped = (&groups, Split::Striped, Split::Striped);
    for (heads, queries, keys) in cuts.into_iter().chain([striped]) {
        let described = format!("heads {heads:?}, queries {queries:?}, keys {keys:?}");
        let mut run = Run::zeros(case);
        for heads in heads {
            for queries in queries.parts(case.queries) {
                add(gear, case, inputs, (heads.clone(), queries, keys.parts(case.keys)), &mut run)
                    .map_err(|error| rejection("parts", case, format!("{described}: it refuses: {error}")))?;
            }
        }
        run.is_near("parts", case, oracle, |_| Bound::ROUNDING).map_err(|mut no| {
            no.detail = format!("{described}: {}", no.detail);
            no
        })?;
    }
    Ok(1)
}

/// The attention of some queries of some heads over both parts of the keys: their output is written, their
/// part of the gradients added.
fn add<G: AttentionGear>(
    gear: &G,
    case: &Case,
    inputs: &Inputs<f64>,
    (heads, queries, keys): (Range<usize>, Vec<usize>, [Vec<usize>; 2]),
    run: &mut Run<f64>,
) -> Result<()> {
    let group = case.heads.checked_div(case.kv_heads).unwrap_or(0);
    let kv_heads: Vec<_> = (0..case.kv_heads).filter(|g| heads.contains(&(g * group))).collect();
    let own_heads: Vec<_> = heads.clone().collect();
    let of_queries = |x: &Array4<f64>| select(x, [&own_heads, &queries]);
    let of_keys = |x: &Array4<f64>, part: usize| select(x, [&kv_heads, &keys[part]]);
    let q = of_queries(&inputs.query);
    let options = |part: usize| {
        let options = inputs.options(case);
        let places = |at, of| Places::Some { at, of };
        let part = Part {
            first_head: heads.start,
            heads: case.heads,
            queries: places(&queries, case.queries),
            keys: places(&keys[part], case.keys),
        };
        Options { mask: options.mask.part(part), ..options }
    };

    let forward = |part| {
        let (k, v) = (of_keys(&inputs.key, part), of_keys(&inputs.value, part));
        gear.forward(q.view(), k.view(), v.view(), &options(part))
    };
    let mut attended = forward(0)?;
    let Attended { output, lse } = forward(1)?;
    merge_attended(attended.output.view_mut(), attended.lse.view_mut(), output.view(), lse.view())?;

    let gradient = of_queries(&inputs.gradient);
    for (part, keys) in keys.iter().enumerate() {
        let (k, v) = (of_keys(&inputs.key, part), of_keys(&inputs.value, part));
        let upstream = attended.upstream(gradient.view());
        let own = gear.backward(q.view(), k.view(), v.view(), upstream, &options(part))?;
        add_at(run.gradients.query.view_mut(), own.query.view(), [&own_heads, &queries]);
        add_at(run.gradients.key.view_mut(), own.key.view(), [&kv_heads, keys]);
        add_at(run.gradients.value.view_mut(), own.value.view(), [&kv_heads, keys]);
    }
    add_at(run.attended.output.view_mut(), attended.output.view(), [&own_heads, &queries]);
    let lse = run.attended.lse.view_mut().insert_axis(Axis(3));
    add_at(lse, attended.lse.view().insert_axis(Axis(3)), [&own_heads, &queries]);
    Ok(())
}

/// These heads and tokens.
fn select(x: &Array4<f64>, [heads, tokens]: [&[usize]; 2]) -> Array4<f64> {
    x.select(Axis(1), heads).select(Axis(2), tokens)
}

/// Adds to these heads and tokens.
fn add_at(mut to: ArrayViewMut4<'_, f64>, x: ArrayView4<'_, f64>, [heads, tokens]: [&[usize]; 2]) {
    for ((b, from_head, from, d), x) in x.indexed_iter() {
        to[(b, heads[from_head], tokens[from], d)] += x;
    }
}
