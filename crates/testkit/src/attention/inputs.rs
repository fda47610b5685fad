//! The inputs of a case: every element a function of the seed and of its place, and exact in f32 as in f64.
//!
//! Since f32 and f64 get the same numbers, the f64 oracle says what is right for both.

use super::case::{Allowed, Bias, Case, Fill};
use crate::values::mix;
use attention::{Dropout, Mask, Options, Threads};
use ndarray::{Array4, s};
use parallel::Float;

/// Tensors and mask data of one case.
#[derive(Clone, Debug)]
pub struct Inputs<T> {
    /// (B, H, Tq, D).
    pub query: Array4<T>,
    /// (B, G, Tk, D).
    pub key: Array4<T>,
    /// (B, G, Tk, E).
    pub value: Array4<T>,
    /// The gradient of the output, (B, H, Tq, E).
    pub gradient: Array4<T>,
    /// (H).
    pub slopes: Option<Vec<T>>,
    /// (B, H, Tq, Tk), or 1 along some axes.
    pub allowed: Option<Array4<bool>>,
    /// (B, H, Tq, Tk), or 1 along some axes.
    pub bias: Option<Array4<T>>,
}

impl<T: Float> Inputs<T> {
    /// Those of this case.
    pub fn of(case: &Case) -> Self {
        let &Case { batch, heads, kv_heads, queries, keys, head_dim, value_dim, seed, .. } = case;
        let random = |which, shape| tensor::<T>(seed, which, shape);
        let (mut query, mut key) =
            (random(0, (batch, heads, queries, head_dim)), random(1, (batch, kv_heads, keys, head_dim)));
        match case.fill {
            Fill::Plain => query.mapv_inplace(|x| x * T::of(4.0)),
            Fill::Large => query.mapv_inplace(|x| x * T::of(8192.0)),
            Fill::Ties => {
                for x in query.iter_mut().chain(&mut key) {
                    *x = (*x * T::of(1.5)).round();
                }
            }
            Fill::Rising | Fill::Falling => {
                let step = if case.fill == Fill::Rising { 0.25 } else { -0.25 };
                query.slice_mut(s![.., .., .., 0]).fill(T::of(8.0));
                for ((_, _, j), x) in key.slice_mut(s![.., .., .., 0]).indexed_iter_mut() {
                    *x = T::of(step * j as f64);
                }
            }
        }
        Inputs {
            query,
            key,
            value: random(2, (batch, kv_heads, keys, value_dim)),
            gradient: random(3, (batch, heads, queries, value_dim)),
            slopes: case.mask.alibi.then(|| (0..heads).map(|h| slope(h)).collect()),
            allowed: case.mask.allowed.map(|kind| allowed(kind, case)),
            bias: case.mask.bias.map(|kind| bias(kind, case)),
        }
    }

    /// The case's options, on these masks.
    pub fn options(&self, case: &Case) -> Options<'_, T> {
        Options {
            mask: self.mask(case),
            scale: case.scale.map(T::of),
            dropout: dropout(case),
            threads: Threads::new(case.threads),
        }
    }

    fn mask(&self, case: &Case) -> Mask<'_, T> {
        let parts = &case.mask;
        let mut mask = if parts.causal { Mask::causal() } else { Mask::none() }.offset(parts.offset);
        if let Some((left, right)) = parts.window {
            mask = mask.window(left, right);
        }
        if let Some(documents) = &parts.documents {
            let (queries, keys): (Vec<_>, Vec<_>) = documents.iter().copied().unzip();
            mask = mask.documents(&queries, &keys);
        }
        if let Some(slopes) = &self.slopes {
            mask = mask.alibi(slopes);
        }
        if let Some(allowed) = &self.allowed {
            mask = mask.allowed(allowed.view());
        }
        if let Some(bias) = &self.bias {
            mask = mask.bias(bias.view());
        }
        mask
    }
}

/// Which shares the case drops.
pub fn dropout(case: &Case) -> Option<Dropout> {
    case.dropout.map(|probability| Dropout::new(probability, case.seed).expect("a probability"))
}

/// Rounded to f32: a half, a fourth, a sixth, ...
fn slope<T: Float>(head: usize) -> T {
    T::of(f64::from(0.5_f32 / (head + 1) as f32))
}

/// A number in -1..1 of 24 bits.
fn unit(seed: u64, which: usize, index: usize) -> f64 {
    (mix(seed, which, index) >> 40) as f64 / f64::from(1 << 23) - 1.0
}

fn tensor<T: Float>(seed: u64, which: usize, shape: (usize, usize, usize, usize)) -> Array4<T> {
    let mut index = 0..;
    Array4::from_shape_simple_fn(shape, || T::of(unit(seed, which, index.next().expect("endless"))))
}

fn allowed(kind: Allowed, case: &Case) -> Array4<bool> {
    let &Case { batch, heads, queries, keys, seed, .. } = case;
    // Places are numbered so that an axis of 1 changes nothing but that axis.
    let place = |b: usize, h: usize, i: usize, j: usize| ((b * 64 + h) * 4096 + i) * 4096 + j;
    let holes = |(b, h, i, j)| {
        let blind = mix(seed, 5, place(b, h, i, 0)).is_multiple_of(6);
        !blind && mix(seed, 4, place(b, h, i, j)) % 8 < 5
    };
    match kind {
        Allowed::Pairs => Array4::from_shape_fn((batch, heads, queries, keys), holes),
        Allowed::Shared => Array4::from_shape_fn((1, 1, queries, keys), holes),
        Allowed::Padding => {
            let length = |b| mix(seed, 6, b) as usize % (keys + 1);
            Array4::from_shape_fn((batch, 1, 1, keys), |(b, _, _, j)| j < length(b))
        }
        Allowed::Tiles => Array4::from_shape_fn((1, heads, queries, keys), |(b, h, i, j)| {
            match mix(seed, 7, place(b, h, i / 16, j / 16)) % 3 {
                0 => false,
                1 => true,
                _ => holes((b, h, i, j)),
            }
        }),
    }
}

fn bias<T: Float>(kind: Bias, case: &Case) -> Array4<T> {
    let &Case { batch, heads, queries, keys, seed, .. } = case;
    let mut bias = match kind {
        Bias::Pairs => tensor(seed, 8, (batch, heads, queries, keys)),
        Bias::Heads => tensor(seed, 8, (1, heads, queries, keys)),
        Bias::Keys => tensor(seed, 8, (batch, 1, 1, keys)),
        Bias::Holes => tensor(seed, 8, (1, 1, queries, keys)),
    };
    bias.mapv_inplace(|x: T| match kind == Bias::Holes && x < T::of(-0.5) {
        true => T::neg_infinity(),
        false => x * T::of(2.0),
    });
    bias
}
