//! One block to try, on some ranks: its sizes, its mask, its edges; and the numbers that belong to it.

use collectives::Layout;
use layers::activation::Activation;
use layers::feed_forward::{FeedForward, Mlp, SwiGlu};
use layers::multi_head::{Call, Sizes};
use layers::norm::{LayerNorm, Norm, RmsNorm};
use layers::rotary::{Convention, Frequencies, Positions, Rotary};
use layers::{Algorithm, Block, Dropout, Float, Mask, MultiHeadAttention, Options, Parameters, Threads};
use ndarray::{Array, Array3, Array4, Dimension, ShapeBuilder};
use parallel::tensor::{Edges, Keep};
use proptest::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Who sees whom. All but the first two say something of each head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Masked {
    Causal,
    Documents,
    Alibi,
    Allowed,
    Bias,
    Dropout,
}

impl Masked {
    pub(crate) const ALL: [Masked; 6] =
        [Masked::Causal, Masked::Documents, Masked::Alibi, Masked::Allowed, Masked::Bias, Masked::Dropout];
}

/// How activations enter and leave, before it is known how many tokens there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    Tensor,
    Sequence,
    SequenceWhole,
}

impl Way {
    pub(crate) const ALL: [Way; 3] = [Way::Tensor, Way::Sequence, Way::SequenceWhole];

    pub(crate) fn edges(self, tokens: usize) -> Edges {
        match self {
            Way::Tensor => Edges::AllReduce,
            Way::Sequence => Edges::GatherScatter { tokens, keep: Keep::Shard },
            Way::SequenceWhole => Edges::GatherScatter { tokens, keep: Keep::Whole },
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) ranks: usize,
    pub(crate) way: Way,
    pub(crate) batch: usize,
    pub(crate) tokens: usize,
    pub(crate) sizes: Sizes,
    pub(crate) hidden: usize,
    /// SwiGLU and RMSNorm, as in Llama; else an MLP and LayerNorm, as in GPT-2.
    pub(crate) gated: bool,
    pub(crate) biases: bool,
    pub(crate) fused: bool,
    pub(crate) turned: bool,
    pub(crate) masked: Masked,
    pub(crate) seed: u64,
}

impl Case {
    pub(crate) fn edges(&self) -> Edges {
        self.way.edges(self.tokens)
    }

    /// The tokens that a rank has outside.
    pub(crate) fn own(&self, rank: usize) -> Range<usize> {
        match self.way {
            Way::Tensor => 0..self.tokens,
            _ => Layout::even(self.tokens, self.ranks).block(rank),
        }
    }
}

/// Sizes that don't divide, T < P, G < P, anything goes.
pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let numbers =
        (0..=3_usize, 0..=11_usize, 1..=4_usize, 1..=4_usize, 1..=4_usize, 1..=9_usize, 1..=13_usize);
    let choices = (prop::bool::ANY, prop::bool::ANY, prop::bool::ANY, prop::bool::ANY);
    let named = (prop::sample::select(Way::ALL.to_vec()), prop::sample::select(Masked::ALL.to_vec()));
    (numbers, choices, named, 1..=8_usize, any::<u64>()).prop_map(|(numbers, choices, named, ranks, seed)| {
        let (batch, tokens, kv_heads, group, head_dim, dim, hidden) = numbers;
        let (gated, biases, fused, turned) = choices;
        let (way, masked) = named;
        let heads = kv_heads * group;
        Case {
            ranks: ranks.min(heads),
            way,
            batch,
            tokens,
            sizes: Sizes { dim, heads, kv_heads, head_dim },
            hidden,
            gated,
            biases,
            fused,
            turned: turned && head_dim >= 2,
            masked,
            seed,
        }
    })
}

/// Some that have a bit of everything: more ranks than key-value heads, nothing that divides.
pub(crate) fn some_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for way in Way::ALL {
        for ranks in [1, 2, 3, 4, 6] {
            for (index, masked) in Masked::ALL.into_iter().enumerate() {
                if (index + ranks) % 3 != 0 {
                    continue; // a third of them is enough
                }
                cases.push(Case {
                    ranks,
                    way,
                    batch: 2,
                    tokens: 7,
                    sizes: Sizes { dim: 5, heads: 6, kv_heads: 2, head_dim: 4 },
                    hidden: 11,
                    gated: index % 2 == 0,
                    biases: index % 2 == 1,
                    fused: index % 4 == 1,
                    turned: true,
                    masked,
                    seed: index as u64,
                });
            }
        }
    }
    cases
}

/// Numbers between -1 and 1 that f32 has, so that f32 and f64 begin with the same.
pub(crate) fn random<T: Float, D: Dimension>(
    shape: impl ShapeBuilder<Dim = D>,
    rng: &mut fastrand::Rng,
) -> Array<T, D> {
    Array::from_shape_simple_fn(shape, || T::of(f64::from(2.0 * rng.f32() - 1.0)))
}

/// A layer with such numbers for parameters, also where it begins with ones or zeros.
pub(crate) fn randomised<T: Float, L: Parameters<T>>(mut layer: L, rng: &mut fastrand::Rng) -> L {
    for mut parameter in layer.parameters_mut() {
        parameter.values.mapv_inplace(|_| T::of(f64::from(2.0 * rng.f32() - 1.0)));
    }
    layer
}

/// The numbers of a case.
pub(crate) struct Inputs<T> {
    pub(crate) block: Block<T>,
    pub(crate) x: Array3<T>,
    /// The gradient of what comes out.
    pub(crate) dy: Array3<T>,
    masked: Masked,
    slopes: Vec<T>,
    allowed: Array4<bool>,
    bias: Array4<T>,
}

impl<T: Float> Inputs<T> {
    pub(crate) fn of(case: &Case) -> Inputs<T> {
        let rng = &mut fastrand::Rng::with_seed(case.seed);
        let &Case { batch, tokens, sizes, hidden, biases, masked, .. } = case;
        let mut attention = MultiHeadAttention::random(sizes, biases, rng);
        if case.turned {
            let turned = (sizes.head_dim / 2).next_multiple_of(2);
            let frequencies = Frequencies::new(turned, 100.0).expect("an even number");
            attention.rotary = Some(Arc::new(Rotary::new(&frequencies, Convention::HalfSplit, 50)));
        }
        let attention = if case.fused { attention.fused().unwrap() } else { attention };
        let epsilon = T::of(f64::from(1e-5_f32));
        let norm = || match case.gated {
            true => Norm::Rms(RmsNorm::new(sizes.dim, epsilon)),
            false => Norm::Layer(LayerNorm::new(sizes.dim, biases, epsilon)),
        };
        let feed_forward = match case.gated {
            true => FeedForward::SwiGlu(SwiGlu::random(sizes.dim, hidden, biases, rng)),
            false => FeedForward::Mlp(Mlp::random(sizes.dim, hidden, biases, Activation::GeluTanh, rng)),
        };
        let block = Block { attention_norm: norm(), attention, feed_forward_norm: norm(), feed_forward };
        let everywhere = (batch, sizes.heads, tokens, tokens);
        Inputs {
            block: randomised(block, rng),
            x: random((batch, tokens, sizes.dim), rng),
            dy: random((batch, tokens, sizes.dim), rng),
            masked,
            slopes: (0..sizes.heads).map(|_| T::of(f64::from(rng.f32()))).collect(),
            allowed: Array4::from_shape_simple_fn(everywhere, || rng.u8(..4) > 0),
            bias: random(everywhere, rng),
        }
    }

    /// The call of all heads and tokens.
    pub(crate) fn call(&self) -> Call<'_, T> {
        let tokens = self.x.dim().1;
        let (first, last) = (tokens / 3, tokens - tokens / 3);
        let mask = match self.masked {
            Masked::Causal | Masked::Dropout => Mask::causal(),
            Masked::Documents => Mask::causal().documents(&[first, last], &[first, last]),
            Masked::Alibi => Mask::causal().window(4, 0).alibi(&self.slopes),
            Masked::Allowed => Mask::none().allowed(self.allowed.view()),
            Masked::Bias => Mask::none().bias(self.bias.view()),
        };
        let dropout = (self.masked == Masked::Dropout).then(|| Dropout::new(0.4, 7).expect("it is below 1"));
        let options = Options { dropout, ..Options::masked(mask).threads(Threads::ONE) };
        Call { options, positions: Positions::From(3), ..Call::default() }
    }

    /// What one rank makes of it, with the plain attention.
    pub(crate) fn on_one_rank(&self) -> OnOne<T> {
        let mut block = self.block.clone();
        block.attention.algorithm = Algorithm::Naive;
        let (y, saved) = block.forward(self.x.clone(), &self.call()).expect("it fits");
        let (dx, gradient) = block.backward(&saved, self.dy.view(), &self.call()).expect("it fits");
        OnOne { y, dx, gradient }
    }
}

/// What one rank makes of a block.
pub(crate) struct OnOne<T> {
    pub(crate) y: Array3<T>,
    pub(crate) dx: Array3<T>,
    pub(crate) gradient: Block<T>,
}
