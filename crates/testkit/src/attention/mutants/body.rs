//! One attention in loops, with the mistakes in it.

use super::Mutant::{self, *};
use crate::attention::rows::Rows;
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::mask::{HeadMask, Resolved};
use attention::{Dropout, Float, Options, Result, Shape, Threads};
use ndarray::{Array3, ArrayView4};

/// One call.
pub(super) struct Body<'a, T> {
    mutant: Mutant,
    shape: Shape,
    scale: T,
    query: Rows<T>,
    key: Rows<T>,
    value: Rows<T>,
    dropout: Option<Dropout>,
    threads: Threads,
    mask: Resolved<'a, T>,
}

/// A query's shares.
struct Row<T> {
    /// The keys, with their scores and, before dropout, their shares.
    pairs: Vec<(usize, T, T)>,
    lse: T,
}

impl<T: Float> Row<T> {
    fn max(&self) -> T {
        self.pairs.iter().fold(T::neg_infinity(), |max, &(_, score, _)| max.max(score))
    }
}

impl<'a, T: Float> Body<'a, T> {
    pub(super) fn new(
        mutant: Mutant,
        query: ArrayView4<'a, T>,
        key: ArrayView4<'a, T>,
        value: ArrayView4<'a, T>,
        options: &'a Options<'_, T>,
    ) -> Result<Self> {
        let shape = Shape::of(query, key, value)?;
        let [query, key, value] = match mutant {
            StridesIgnored => [query, key, value].map(in_memory_order),
            _ => [query, key, value],
        }
        .map(Rows::of);
        let (mask, scale) = (options.mask.resolve(&shape)?, options.scale_for(&shape));
        let &Options { dropout, threads, .. } = options;
        Ok(Body { mutant, shape, scale, query, key, value, dropout, threads, mask })
    }

    pub(super) fn forward(&self) -> Result<Attended<T>> {
        let Shape { batch, heads, queries, .. } = self.shape;
        let mut lse = Array3::zeros((batch, heads, queries));
        let mut output = Rows::filled(self.shape.output().into(), T::zero());
        for ((b, h, i), lse) in lse.indexed_iter_mut() {
            let row = self.row(b, h, i);
            *lse = if self.mutant == LseWithoutMaximum { row.lse - row.max() } else { row.lse };
            let mut weights: Vec<(usize, T)> =
                row.pairs.iter().map(|&(j, _, share)| (j, share * self.kept(b, h, i, j, false))).collect();
            if self.mutant == NormalisedAfterDropping {
                let sum: T = weights.iter().map(|&(_, weight)| weight).sum();
                weights.iter_mut().for_each(|(_, weight)| *weight /= sum.max(T::min_positive_value()));
            }
            if self.mutant == SigmoidMerge {
                *lse = sigmoid_merged(&row, &mut weights);
            }
            if self.mutant == MergeWithoutRescaling {
                not_rescaled(&row, &mut weights);
            }
            let g = self.kv_head(h);
            for (e, output) in output.at_mut(b, h, i).iter_mut().enumerate() {
                let term = |&(j, weight): &(usize, T)| weight * self.value.at(b, g, j)[e];
                *output = match self.mutant {
                    MaskedRowIsNan if row.pairs.is_empty() => T::nan(),
                    // Each thread has a stretch of the keys.
                    ThreadsMatter => {
                        let stretch = weights.len().div_ceil(self.threads.count()).max(1);
                        weights.chunks(stretch).map(|keys| keys.iter().map(term).sum::<T>()).sum()
                    }
                    _ => weights.iter().map(term).sum(),
                };
            }
        }
        Ok(Attended { output: output.into_array(), lse })
    }

    pub(super) fn backward(&self, upstream: Upstream<'_, T>) -> Result<Gradients<T>> {
        let zeros = |like: &Rows<T>| Rows::filled(like.dim(), T::zero());
        let [mut d_query, mut d_key, mut d_value] = [&self.query, &self.key, &self.value].map(zeros);
        let (gradient, output) = (Rows::of(upstream.gradient), Rows::of(upstream.output));
        for ((b, h, i), &lse) in upstream.lse.indexed_iter() {
            let g = self.kv_head(h);
            if self.mutant == GroupNotSummed && i == 0 {
                for j in 0..self.shape.keys {
                    d_key.at_mut(b, g, j).fill(T::zero());
                    d_value.at_mut(b, g, j).fill(T::zero());
                }
            }
            let row = self.row(b, h, i);
            let share = |score: T, own: T| match self.mutant {
                LseIgnored => own,
                _ if score == T::neg_infinity() => T::zero(),
                _ => (score - lse).exp(),
            };
            let d_output = gradient.at(b, h, i);
            let d_share = |j| product(d_output, self.value.at(b, g, j)) * self.kept(b, h, i, j, true);
            let delta: T = match self.mutant {
                DeltaForgotten => T::zero(),
                OutputIgnored => row.pairs.iter().map(|&(j, s, own)| share(s, own) * d_share(j)).sum(),
                _ => product(d_output, output.at(b, h, i)),
            };
            for &(j, score, own) in &row.pairs {
                let share = share(score, own);
                let d_score = share * (d_share(j) - delta);
                let scale = if self.mutant == KeyScaleForgotten { T::one() } else { self.scale };
                add(d_query.at_mut(b, h, i), d_score * self.scale, self.key.at(b, g, j));
                add(d_key.at_mut(b, g, j), d_score * scale, self.query.at(b, h, i));
                add(d_value.at_mut(b, g, j), share * self.kept(b, h, i, j, true), d_output);
            }
        }
        let [query, key, value] = [d_query, d_key, d_value].map(Rows::into_array);
        Ok(Gradients { query, key, value })
    }

    fn kv_head(&self, h: usize) -> usize {
        if self.mutant == InterleavedHeads { h % self.shape.kv_heads } else { self.shape.kv_head(h) }
    }

    /// The shares of one query.
    fn row(&self, b: usize, h: usize, i: usize) -> Row<T> {
        let head = self.mask.head(b, if self.mutant == MaskOfFirstHead { 0 } else { h });
        let added = self.mask.head(b, h);
        let everything = matches!(self.mutant, MaskAfterSoftmax | ZeroTimesNan);
        let keys = (0..self.shape.keys).filter(|&j| everything || self.sees(&head, i, j));
        let mut pairs: Vec<(usize, T, T)> =
            keys.map(|j| (j, self.score(&added, b, h, i, j), T::zero())).collect();
        if self.mutant == ZeroTimesNan {
            for (j, score, _) in &mut pairs {
                *score = if head.sees(i, *j) { *score } else { T::neg_infinity() };
            }
        }
        let seen = pairs.iter().map(|&(_, score, _)| score).filter(|&score| score > T::neg_infinity());
        let max = seen.fold(T::neg_infinity(), T::max);
        let max = if self.mutant == NoMaximum || max == T::neg_infinity() { T::zero() } else { max };
        for (_, score, share) in &mut pairs {
            *share = self.exp(*score - max);
        }
        let sum: T = pairs.iter().map(|&(.., share)| share).sum();
        for (.., share) in &mut pairs {
            *share = if sum == T::zero() { T::zero() } else { *share / sum };
        }
        let lse = max + sum.ln();
        if self.mutant == MaskAfterSoftmax {
            pairs.retain(|&(j, ..)| head.sees(i, j));
        }
        Row { pairs, lse }
    }

    fn sees(&self, head: &HeadMask<'_, T>, i: usize, j: usize) -> bool {
        let (row, keys) = (&head.rows()[i], self.shape.keys);
        let own = row.position == j as isize;
        // The keys end at its own position, and not because there are no more: that is how causal shows.
        let causal = row.keys.end as isize == row.position + 1 && row.keys.end < keys;
        let offset = head.rows()[0].position;
        let tiles = keys / 64 * 64;
        match self.mutant {
            CausalOffByOne if causal && own => false,
            WindowOffByOne if row.keys.start > 0 && j + 1 == row.keys.start => true,
            OffsetForgotten if causal && j > i => false,
            TailForgotten if tiles > 0 && j >= tiles => false,
            PositionsNotRestarted if causal && j as isize > i as isize + offset => false,
            _ => head.sees(i, j),
        }
    }

    fn score(&self, head: &HeadMask<'_, T>, b: usize, h: usize, i: usize, j: usize) -> T {
        let stale = self.mutant == StaleCacheRow && j > 0 && j + 1 == self.shape.keys;
        let row = if stale { j - 1 } else { j };
        let single =
            |x: T| if self.mutant == SinglePrecision { T::of(f64::from(x.as_f64() as f32)) } else { x };
        let (query, key) = (self.query.at(b, h, i), self.key.at(b, self.kv_head(h), row));
        let product: T = query.iter().zip(key).map(|(&q, &k)| single(q * k)).sum();
        let distance = head.rows()[i].position - head.key(j) as isize;
        let offset = head.rows()[0].position;
        let added = head.added(i, j);
        let added = match self.mutant {
            SignedDistance if distance < 0 => -added,
            // ALiBi's part grows with the distance.
            PositionsNotRestarted if distance != 0 => {
                added * T::of((i as isize + offset - j as isize) as f64 / distance as f64).abs()
            }
            BiasScaled => added * self.scale,
            _ => added,
        };
        let scale = if self.mutant == ScaleTwice { self.scale * self.scale } else { self.scale };
        single(product * scale + added)
    }

    fn exp(&self, x: T) -> T {
        match self.mutant {
            SloppyExponential if T::NAME == "f32" => {
                let x = x.as_f64().exp() as f32;
                T::of(f64::from(f32::from_bits((x.to_bits() + 128) & !255)))
            }
            _ => x.exp(),
        }
    }

    /// What dropout multiplies the share by.
    fn kept(&self, b: usize, h: usize, i: usize, j: usize, backward: bool) -> T {
        let Some(dropout) = self.dropout else { return T::one() };
        let head = self.mask.head(b, h);
        let (dropout, key) = match self.mutant {
            DroppedAnew if backward => {
                (Dropout::new(dropout.probability(), 77).expect("it was one"), head.key(j))
            }
            DroppedByPart => (dropout, j),
            _ => (dropout, head.key(j)),
        };
        let row = match self.mutant {
            DroppedColumns => dropout.row(0, 0, 0),
            DroppedByPart => dropout.row(b, h, i),
            _ => head.dropout(dropout, b, i),
        };
        match (row.keeps(key), self.mutant) {
            (true, KeptNotScaled) => T::one(),
            (true, _) => T::of(dropout.scale()),
            (false, _) => T::zero(),
        }
    }
}

fn product<T: Float>(x: &[T], y: &[T]) -> T {
    x.iter().zip(y).map(|(&x, &y)| x * y).sum()
}

fn add<T: Float>(sums: &mut [T], factor: T, row: &[T]) {
    for (sum, &element) in sums.iter_mut().zip(row) {
        *sum += factor * element;
    }
}

/// Rows in the order of memory, where that has no gaps.
fn in_memory_order<T>(x: ArrayView4<'_, T>) -> ArrayView4<'_, T> {
    match x.to_slice_memory_order() {
        Some(elements) => ArrayView4::from_shape(x.dim(), elements).expect("as many elements"),
        None => x,
    }
}

/// Keys to a part of a merged softmax.
const PART: usize = 3;

/// The weights as they come out of parts that are merged one after the other, and the merged log-sum-exp.
/// Right would be `lse -= ln(sigmoid(lse - of_part))`.
fn sigmoid_merged<T: Float>(row: &Row<T>, weights: &mut [(usize, T)]) -> T {
    let sigmoid = |x: T| T::one() / (T::one() + (-x).exp());
    let mut lse = row.lse;
    for (part, pairs) in row.pairs.chunks(PART).enumerate() {
        let share: T = pairs.iter().map(|&(.., share)| share).sum();
        let of_part = row.lse + share.ln();
        let (before, rest) = weights.split_at_mut(part * PART);
        let own = &mut rest[..pairs.len()];
        own.iter_mut().for_each(|(_, weight)| *weight /= share);
        if part == 0 {
            lse = of_part;
            continue;
        }
        let taken = sigmoid(of_part - lse);
        own.iter_mut().for_each(|(_, weight)| *weight *= taken);
        before.iter_mut().for_each(|(_, weight)| *weight *= T::one() - taken);
        lse -= sigmoid(lse - of_part);
    }
    lse
}

/// The weights of a running softmax that corrects its sum when a greater maximum comes, and not its output.
fn not_rescaled<T: Float>(row: &Row<T>, weights: &mut [(usize, T)]) {
    let mut max = T::neg_infinity();
    for (pairs, weights) in row.pairs.chunks(PART).zip(weights.chunks_mut(PART)) {
        max = pairs.iter().fold(max, |max, &(_, score, _)| max.max(score));
        weights.iter_mut().for_each(|(_, weight)| *weight *= (row.max() - max).exp());
    }
}
