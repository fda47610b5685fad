//! One block to try, on some ranks: its strategy, its sizes, its mask; and the numbers that belong to it.

use layers::activation::Activation;
use layers::feed_forward::{FeedForward, Mlp, SwiGlu};
use layers::multi_head::{Call, Sizes};
use layers::norm::{LayerNorm, Norm, RmsNorm};
use layers::rotary::{Convention, Frequencies, Positions, Rotary};
use layers::{Block, Dropout, Float, Mask, MultiHeadAttention, Options, Parameters, Threads};
use ndarray::{Array, Array2, Array3, Array4, Dimension, ShapeBuilder};
use parallel::{Exchange, Placement, Strategy};
use proptest::prelude::{Strategy as Generator, *};
use proptest::sample::{Index, select};
use std::sync::Arc;

/// Who sees whom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Masked {
    No,
    Causal,
    Window,
    Documents,
    Alibi,
    Allowed,
    Bias,
    Dropout,
}

impl Masked {
    pub(crate) const ALL: [Masked; 8] = [
        Masked::No,
        Masked::Causal,
        Masked::Window,
        Masked::Documents,
        Masked::Alibi,
        Masked::Allowed,
        Masked::Bias,
        Masked::Dropout,
    ];
}

/// By which positions queries and keys are turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turned {
    No,
    From,
    Each,
    PerSequence,
}

impl Turned {
    pub(crate) const ALL: [Turned; 4] = [Turned::No, Turned::From, Turned::Each, Turned::PerSequence];
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) ranks: usize,
    pub(crate) strategy: Strategy,
    pub(crate) exchange: Exchange,
    pub(crate) batch: usize,
    pub(crate) tokens: usize,
    pub(crate) sizes: Sizes,
    pub(crate) hidden: usize,
    /// SwiGLU and RMSNorm, as in Llama; else an MLP and LayerNorm, as in GPT-2.
    pub(crate) gated: bool,
    pub(crate) biases: bool,
    pub(crate) fused: bool,
    pub(crate) turned: Turned,
    pub(crate) masked: Masked,
    pub(crate) seed: u64,
}

impl Case {
    /// The tokens of a rank.
    pub(crate) fn own(&self, rank: usize) -> Vec<usize> {
        self.strategy.tokens(self.tokens, self.ranks, rank)
    }

    /// Ranks along the axis of Ulysses.
    pub(crate) fn line(&self) -> usize {
        match self.strategy {
            Strategy::Ulysses => self.ranks,
            Strategy::UlyssesRing { ulysses, .. } => ulysses,
            _ => 1,
        }
    }
}

/// Every strategy that so many ranks can follow with so many query heads.
pub(crate) fn strategies(ranks: usize, heads: usize) -> Vec<Strategy> {
    let mut all = Vec::new();
    if ranks <= heads {
        all.push(Strategy::Ulysses);
    }
    for placement in Placement::ALL {
        all.push(Strategy::AllGather { placement });
        for both in [false, true] {
            all.push(Strategy::Ring { placement, both });
            let divisors = (1..=ranks.min(heads)).filter(|ulysses| ranks.is_multiple_of(*ulysses));
            all.extend(divisors.map(|ulysses| Strategy::UlyssesRing { ulysses, placement, both }));
        }
    }
    all
}

/// Sizes that don't divide, T < P, G < P, anything goes.
pub(crate) fn any_case() -> impl Generator<Value = Case> {
    let numbers =
        (0..=3_usize, 0..=19_usize, 1..=4_usize, 1..=4_usize, 1..=4_usize, 1..=9_usize, 1..=13_usize);
    let choices = (any::<bool>(), any::<bool>(), any::<bool>(), select(Turned::ALL.to_vec()));
    let exchange = select(vec![Exchange::Fused, Exchange::Separate]);
    let named = (any::<Index>(), exchange, select(Masked::ALL.to_vec()));
    (numbers, choices, named, 1..=8_usize, any::<u64>()).prop_map(|(numbers, choices, named, ranks, seed)| {
        let (batch, tokens, kv_heads, group, head_dim, dim, hidden) = numbers;
        let (gated, biases, fused, turned) = choices;
        let (strategy, exchange, masked) = named;
        let heads = kv_heads * group;
        Case {
            ranks,
            strategy: *strategy.get(&strategies(ranks, heads)),
            exchange,
            batch,
            tokens,
            sizes: Sizes { dim, heads, kv_heads, head_dim },
            hidden,
            gated,
            biases,
            fused,
            turned: if head_dim >= 2 { turned } else { Turned::No },
            masked,
            seed,
        }
    })
}

/// Every strategy on 1 to 8 ranks, with nothing that divides: 8 query heads share 2 of keys. Masks and kinds
/// of layers take turns.
pub(crate) fn every_strategy() -> Vec<Case> {
    let mut cases = Vec::new();
    for ranks in 1..=8 {
        for strategy in strategies(ranks, 8) {
            let index = cases.len();
            cases.push(Case {
                ranks,
                strategy,
                exchange: if index % 2 == 0 { Exchange::Fused } else { Exchange::Separate },
                batch: 1 + index % 2,
                tokens: 13,
                sizes: Sizes { dim: 5, heads: 8, kv_heads: 2, head_dim: 4 },
                hidden: 7,
                gated: index % 3 == 0,
                biases: index % 3 == 1,
                fused: index % 5 == 1,
                turned: Turned::ALL[1 + index % 3],
                masked: Masked::ALL[index % 8],
                seed: index as u64,
            });
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
    turned: Turned,
    /// In no order.
    positions: Array2<usize>,
    masked: Masked,
    slopes: Vec<T>,
    /// (B, H, T, T).
    pub(crate) allowed: Array4<bool>,
    bias: Array4<T>,
}

impl<T: Float> Inputs<T> {
    pub(crate) fn of(case: &Case) -> Inputs<T> {
        let rng = &mut fastrand::Rng::with_seed(case.seed);
        let &Case { batch, tokens, sizes, hidden, biases, turned, masked, .. } = case;
        let mut attention = MultiHeadAttention::random(sizes, biases, rng);
        if turned != Turned::No {
            let dims = (sizes.head_dim / 2).next_multiple_of(2);
            let frequencies = Frequencies::new(dims, 100.0).expect("an even number");
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
            turned,
            positions: Array2::from_shape_simple_fn((batch.max(1), tokens), || rng.usize(..50)),
            masked,
            slopes: (0..sizes.heads).map(|_| T::of(f64::from(rng.f32()))).collect(),
            allowed: Array4::from_shape_simple_fn(everywhere, || rng.u8(..4) > 0),
            bias: random(everywhere, rng),
        }
    }

    /// The call of the whole sequence.
    pub(crate) fn call(&self) -> Call<'_, T> {
        let (batch, tokens, _) = self.x.dim();
        let (first, last) = (tokens / 3, tokens - tokens / 3);
        let mask = match self.masked {
            Masked::No => Mask::none(),
            Masked::Causal | Masked::Dropout => Mask::causal(),
            Masked::Window => Mask::none().window(2, 3).offset(1),
            Masked::Documents => Mask::causal().documents(&[first, last], &[first, last]),
            Masked::Alibi => Mask::causal().window(4, 0).alibi(&self.slopes),
            Masked::Allowed => Mask::none().allowed(self.allowed.view()),
            Masked::Bias => Mask::none().bias(self.bias.view()),
        };
        let dropout = (self.masked == Masked::Dropout).then(|| Dropout::new(0.4, 7).expect("it is below 1"));
        let options = Options { dropout, ..Options::masked(mask).threads(Threads::ONE) };
        let positions = match self.turned {
            Turned::No | Turned::From => Positions::From(3),
            Turned::Each => {
                Positions::Each(&self.positions.as_slice().expect("in row-major order")[..tokens])
            }
            Turned::PerSequence => Positions::PerSequence(self.positions.slice(ndarray::s![..batch, ..])),
        };
        Call { options, positions, ..Call::default() }
    }
}
