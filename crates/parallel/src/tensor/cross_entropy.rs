//! The cross-entropy of logits that are cut up by the vocabulary: nobody ever has all logits of a token.
//!
//! ```text
//! loss of a token   =   log Σ exp(xᵢ - m) - (x of its target - m)        xᵢ: logits, over all of the vocabulary
//!
//! rank 0   x of 0 .. V/2   its greatest ┐  m, of all          its Σ exp(x - m),  x of the target - m ┐  both sums
//! rank 1   x of V/2 .. V   its greatest ┘  (an all-reduce)    its Σ exp(x - m),  0, for it isn't here ┘  (one more)
//! ```
//!
//! Of each token 3 numbers go round, and not the V logits: with V = 128,256 that is 40,000 times less, and it
//! doesn't grow with V. (Megatron takes three all-reduces, one for each.) The maximum comes first, though
//! partial results of a softmax could be merged by their log-sum-exp, as in flash attention: a log-sum-exp of
//! 10,000 is rounded by 0.0005 in f32, and so would be the loss.
//!
//! The gradient of a logit is its share, exp(x - m) / Σ, less 1 if it is the target's. It needs no other
//! rank.
//!
//! The loss is the mean over all tokens (of none, 0), the same bits on every rank. If all logits of a token
//! are -inf it is NaN, and if only the target's is, +inf.
//!
//! Cost: forward an all-reduce of tokens elements and one of twice as many; backward nothing. Saved: the
//! logits of this rank, which are shared with the caller, and two numbers of each token.
//!
//! Source: Shoeybi et al., *Megatron-LM*, 2019.

use super::{Costs, Ranks};
use crate::error::expect;
use crate::gradients::ALL_REDUCE;
use crate::{Error, Float, Result};
use collectives::{Cost, Layout, Max, Sum};
use layers::Threads;
use ndarray::{ArcArray2, Array2, ArrayView1};
use std::ops::Range;

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// (tokens, V_r).
    pub logits: ArcArray2<T>,
    /// The greatest logit of each token, of all ranks': (tokens).
    pub greatest: Vec<T>,
    /// The sum of exp of what its logits are above that, of all ranks: (tokens).
    pub sums: Vec<T>,
    /// Which of the vocabulary follows each token, (tokens).
    pub targets: Vec<usize>,
    /// The part of the vocabulary that is here.
    own: Range<usize>,
}

impl<T> Saved<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        (self.logits.len() + self.greatest.len() + self.sums.len()) * size_of::<T>()
            + self.targets.len() * size_of::<usize>()
    }
}

/// The mean loss of all tokens, given this rank's logits (tokens, V_r) of a vocabulary of V, which is cut
/// evenly among the ranks. All ranks give the same targets.
///
/// ```
/// use collectives::World;
/// use layers::Threads;
/// use ndarray::{array, s};
/// use parallel::tensor::{Ranks, cross_entropy};
///
/// let logits = array![[1.0, 2.0, 4.0]];
/// let losses = World::new(2).run(|comm| {
///     let own = if comm.rank() == 0 { logits.slice(s![.., ..2]) } else { logits.slice(s![.., 2..]) };
///     Ok(cross_entropy::forward(&Ranks::new(comm), own.to_owned(), 3, &[1], Threads::ONE)?.0)
/// })?;
/// let lse = (1_f64.exp() + 2_f64.exp() + 4_f64.exp()).ln();
/// assert!(losses.iter().all(|loss| (loss - (lse - 2.0)).abs() < 1e-15));
/// # Ok::<(), collectives::RunError>(())
/// ```
///
/// # Errors
///
/// If the logits aren't those of this rank, or a target isn't below V: before anything is sent. If the world
/// has failed.
#[track_caller]
pub fn forward<T: Float>(
    ranks: &Ranks<'_>,
    logits: impl Into<ArcArray2<T>>,
    vocabulary: usize,
    targets: &[usize],
    threads: Threads,
) -> Result<(T, Saved<T>)> {
    let logits = logits.into();
    let own = Layout::even(vocabulary, ranks.size()).block(ranks.rank());
    expect(
        "the logits",
        logits.shape(),
        &[targets.len(), own.len()],
        "(tokens, V_r), with a target for each token",
    )?;
    expect_below(targets.iter(), "target", vocabulary)?;

    let logits = contiguous(logits);
    let mut greatest = vec![T::neg_infinity(); targets.len()];
    let tasks = greatest.iter_mut().zip(logits.outer_iter());
    threads.for_each(tasks, |(greatest, logits)| *greatest = highest(slice(&logits)));
    ranks.comm().all_reduce_with(ALL_REDUCE, &mut greatest, &Max)?;

    let mut both = vec![T::zero(); 2 * targets.len()];
    let (sums, of_targets) = both.split_at_mut(targets.len());
    let outputs = sums.iter_mut().zip(of_targets);
    let tasks = outputs.zip(logits.outer_iter()).zip(greatest.iter().zip(targets));
    threads.for_each(tasks, |(((sum, of_target), logits), (&greatest, target))| {
        *sum = sum_of_exp(slice(&logits), greatest);
        if own.contains(target) {
            *of_target = logits[target - own.start] - greatest;
        }
    });
    ranks.comm().all_reduce_with(ALL_REDUCE, &mut both, &Sum)?;

    let of_targets = both.split_off(targets.len());
    let losses = both.iter().zip(of_targets).map(|(sum, of_target)| (sum.ln() - of_target).as_f64());
    let mean = T::of(losses.sum::<f64>() / targets.len().max(1) as f64);
    Ok((mean, Saved { logits, greatest, sums: both, targets: targets.to_vec(), own }))
}

/// The gradient of this rank's logits, (tokens, V_r), given that of the loss.
pub fn backward<T: Float>(saved: &Saved<T>, gradient: T, threads: Threads) -> Array2<T> {
    let Saved { logits, greatest, sums, targets, own } = saved;
    let of_token = gradient / T::of(targets.len().max(1) as f64);
    let mut d_logits = Array2::zeros(logits.raw_dim());
    let tokens = greatest.iter().zip(sums).zip(targets);
    let tasks = d_logits.outer_iter_mut().zip(logits.outer_iter()).zip(tokens);
    threads.for_each(tasks, |((mut d_logits, logits), ((&greatest, &sum), target))| {
        let (logits, d_logits) = (slice(&logits), d_logits.as_slice_mut().expect("in row-major order"));
        let factor = of_token / sum;
        simd::vectorised(
            #[inline(always)]
            || {
                d_logits
                    .iter_mut()
                    .zip(logits)
                    .for_each(|(d, &x)| *d = factor * simd::exp_nonpositive(x - greatest))
            },
        );
        if own.contains(target) {
            d_logits[target - own.start] -= of_token;
        }
    });
    d_logits
}

/// What a rank sends for so many tokens.
pub fn costs(tokens: usize, ranks: usize, rank: usize) -> Costs {
    let greatest = ALL_REDUCE.cost(ranks, rank, tokens);
    Costs { forward: greatest.then(ALL_REDUCE.cost(ranks, rank, 2 * tokens)), backward: Cost::default() }
}

/// Numbers side by side: two vectors of f32 with AVX-512.
const LANES: usize = 32;

/// The greatest number; of none, -inf.
fn highest<T: Float>(row: &[T]) -> T {
    simd::vectorised(
        #[inline(always)]
        || {
            let (whole, rest) = row.as_chunks::<LANES>();
            let greater = |a: T, b: T| if b > a || b.is_nan() { b } else { a };
            let mut lanes = [T::neg_infinity(); LANES];
            for chunk in whole {
                lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane = greater(*lane, x));
            }
            lanes.iter().chain(rest).fold(T::neg_infinity(), |greatest, &x| greater(greatest, x))
        },
    )
}

/// Σ exp(x - greatest).
fn sum_of_exp<T: Float>(row: &[T], greatest: T) -> T {
    simd::vectorised(
        #[inline(always)]
        || {
            let (whole, rest) = row.as_chunks::<LANES>();
            let mut lanes = [T::zero(); LANES];
            for chunk in whole {
                lanes
                    .iter_mut()
                    .zip(chunk)
                    .for_each(|(lane, &x)| *lane += simd::exp_nonpositive(x - greatest));
            }
            let rest = rest.iter().map(|&x| simd::exp_nonpositive(x - greatest));
            lanes.into_iter().chain(rest).fold(T::zero(), |sum, x| sum + x)
        },
    )
}

/// The same array, its elements in row-major order.
fn contiguous<T: Float>(x: ArcArray2<T>) -> ArcArray2<T> {
    match x.is_standard_layout() {
        true => x,
        false => x.as_standard_layout().into_owned().into_shared(),
    }
}

fn slice<'a, T>(row: &'a ArrayView1<'_, T>) -> &'a [T] {
    row.as_slice().expect("in row-major order")
}

/// That each number is below a limit.
pub(super) fn expect_below<'a>(
    mut numbers: impl Iterator<Item = &'a usize>,
    what: &'static str,
    count: usize,
) -> Result<()> {
    match numbers.find(|&&number| number >= count) {
        Some(&index) => Err(Error::Layer(layers::Error::Index { what, index, count })),
        None => Ok(()),
    }
}
