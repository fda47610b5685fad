//! Attentions with a mistake each, most of them found in the wild. The suite must reject every one.
//!
//! All are one plain attention in loops (in `body`), with a question at each place where one of them goes
//! wrong. Without a mistake it passes the suite, so it is the mistakes that are rejected.

mod body;

use super::AttentionGear;
use super::suite::checks;
use crate::attention::Trial;
use crate::suite::Rejection;
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::{Options, Result};
use body::Body;
use ndarray::ArrayView4;
use parallel::Float;

/// The planted mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// No mistake.
    Healthy,

    // Softmax.
    /// exp of the scores themselves: it overflows.
    NoMaximum,
    /// The log-sum-exp is that of the scores minus their maximum.
    LseWithoutMaximum,
    /// A running softmax whose output isn't rescaled when a greater maximum comes.
    MergeWithoutRescaling,
    /// Parts are merged with sigmoid(lse - lse') where its logarithm should be.
    SigmoidMerge,
    /// A query that sees nothing: 0 / 0.
    MaskedRowIsNan,
    /// The exponential is good to 15 bits, in f32.
    SloppyExponential,
    /// f64 is computed in f32.
    SinglePrecision,

    // Scores.
    /// Queries are scaled, and so are the scores.
    ScaleTwice,
    /// The bias is scaled as well.
    BiasScaled,
    /// ALiBi takes the distance with its sign: keys to the right are favoured.
    SignedDistance,

    // Who sees whom.
    /// Shares of all keys, and then zeros for hidden ones.
    MaskAfterSoftmax,
    /// A query doesn't see its own position.
    CausalOffByOne,
    /// A window sees one key more to the left.
    WindowOffByOne,
    /// Query i stands at key i, whatever the offset.
    OffsetForgotten,
    /// Positions don't begin anew with each document.
    PositionsNotRestarted,
    /// The share of a hidden key is zero, and is multiplied with what stands there.
    ZeroTimesNan,
    /// The boolean mask of the first head is used for all.
    MaskOfFirstHead,
    /// Keys past the last whole tile of 64 are left out.
    TailForgotten,

    // Where things lie.
    /// Query head h uses key-value head h mod G.
    InterleavedHeads,
    /// The last row of the keys is the one before: the cache has the value, and not yet the key.
    StaleCacheRow,
    /// Inputs are taken to lie in memory in the order of their indices.
    StridesIgnored,
    /// Every thread sums its own part, so that rounding depends on their number.
    ThreadsMatter,

    // Backward.
    /// dS = P dP.
    DeltaForgotten,
    /// The shares are those of a softmax over these keys, whatever the log-sum-exp that is given.
    LseIgnored,
    /// Delta is the sum over these keys, whatever the output that is given.
    OutputIgnored,
    /// The keys' and values' gradients are those of the last head of the group.
    GroupNotSummed,
    /// The keys' gradient lacks the scale.
    KeyScaleForgotten,

    // Dropout.
    /// Backward drops others than forward did.
    DroppedAnew,
    /// What is kept isn't scaled.
    KeptNotScaled,
    /// The shares are divided by the sum of those that are kept.
    NormalisedAfterDropping,
    /// What is dropped depends on the key alone.
    DroppedColumns,
    /// A part of an attention counts its queries and keys from 0.
    DroppedByPart,
}

use Mutant::*;

impl Mutant {
    /// All with a mistake.
    pub const ALL: [Self; 32] = [
        NoMaximum,
        LseWithoutMaximum,
        MergeWithoutRescaling,
        SigmoidMerge,
        MaskedRowIsNan,
        SloppyExponential,
        SinglePrecision,
        ScaleTwice,
        BiasScaled,
        SignedDistance,
        MaskAfterSoftmax,
        CausalOffByOne,
        WindowOffByOne,
        OffsetForgotten,
        PositionsNotRestarted,
        ZeroTimesNan,
        MaskOfFirstHead,
        TailForgotten,
        InterleavedHeads,
        StaleCacheRow,
        StridesIgnored,
        ThreadsMatter,
        DeltaForgotten,
        LseIgnored,
        OutputIgnored,
        GroupNotSummed,
        KeyScaleForgotten,
        DroppedAnew,
        KeptNotScaled,
        NormalisedAfterDropping,
        DroppedColumns,
        DroppedByPart,
    ];

    /// What the suite finds: one rejection for each check that it fails.
    pub fn rejections(self, trials: &[Trial]) -> Vec<Rejection> {
        let first = |check: super::suite::Check<Mutant>| {
            trials.iter().find_map(|trial| check.run(&self, trial).err())
        };
        checks().into_iter().filter_map(first).collect()
    }
}

impl AttentionGear for Mutant {
    fn forward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Attended<T>> {
        Body::new(*self, query, key, value, options)?.forward()
    }

    fn backward<T: Float>(
        &self,
        query: ArrayView4<'_, T>,
        key: ArrayView4<'_, T>,
        value: ArrayView4<'_, T>,
        upstream: Upstream<'_, T>,
        options: &Options<'_, T>,
    ) -> Result<Gradients<T>> {
        Body::new(*self, query, key, value, options)?.backward(upstream)
    }
}
