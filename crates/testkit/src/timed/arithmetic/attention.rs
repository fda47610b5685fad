//! Any attention: forward, backward, or both.
//!
//! What is looked at is a part of the queries and a part of the keys. Each query's output and gradient depend on
//! no other query; the gradients of a key and its value on no other key, once output and log-sum-exp of all
//! queries are given. So the textbook in f64, on the part alone, says what they must be:
//!
//! ```text
//!            all keys                      some keys
//!        ┌──────────────┐                   ┌───┐
//!  some  │  O, lse, dQ  │              all  │dK │
//!        └──────────────┘            queries│dV │
//!                                           └───┘
//! ```

use super::{Amount, Pass, Work, numbers, rule};
use crate::attention::AttentionGear;
use attention::algorithm::{Attended, Gradients, Upstream};
use attention::{Algorithm, Float, Mask, Options, Result, Shape, Threads, naive};
use ndarray::{Array4, ArrayView4, s};
use std::hint::black_box;
use std::ops::Range;

/// Which attention to time.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Who computes it.
    pub algorithm: Algorithm,
    /// What is timed.
    pub pass: Pass,
    /// The sizes.
    pub shape: Shape,
    /// Whether a query sees only the keys up to its own place, the last query that of the last key.
    pub causal: bool,
    /// How many threads.
    pub threads: Threads,
}

impl Setting {
    /// Pairs of a query and a key that it sees, in one head.
    pub fn pairs(&self) -> usize {
        let Shape { queries, keys, .. } = self.shape;
        match self.causal {
            // Query i sees keys 0 ..= i + Tk - Tq.
            true => (0..queries).map(|i| (i + 1 + keys).saturating_sub(queries)).sum(),
            false => queries * keys,
        }
    }

    /// Floating-point operations of the products, two forward and five backward, for the pairs that are seen.
    pub fn flops(&self) -> f64 {
        let Shape { batch, heads, head_dim, value_dim, .. } = self.shape;
        let forward = head_dim + value_dim;
        let backward = 3 * head_dim + 2 * value_dim;
        let each = match self.pass {
            Pass::Forward => forward,
            Pass::Backward => backward,
            Pass::Training => forward + backward,
        };
        2.0 * (batch * heads * each) as f64 * self.pairs() as f64
    }

    /// Where query 0 stands among the keys.
    fn offset(&self) -> isize {
        self.shape.keys as isize - self.shape.queries as isize
    }

    /// With the mask of a part of it, whose first query stands at this key of the part.
    fn options<T: Float>(&self, offset: isize) -> Options<'static, T> {
        let mask = if self.causal { Mask::causal() } else { Mask::none() };
        Options::masked(mask.offset(offset)).threads(self.threads)
    }
}

/// Tensors of an attention.
#[derive(Clone, Debug)]
struct Inputs<T> {
    query: Array4<T>,    // (B, H, Tq, D)
    key: Array4<T>,      // (B, G, Tk, D)
    value: Array4<T>,    // (B, G, Tk, E)
    gradient: Array4<T>, // of the output: (B, H, Tq, E)
}

/// One attention on inputs of its own.
#[derive(Clone, Debug)]
pub struct Attention<T> {
    setting: Setting,
    inputs: Inputs<T>,
    /// What a backward pass alone needs of the forward pass.
    attended: Attended<T>,
}

impl<T: Float> Attention<T> {
    /// On random inputs.
    ///
    /// # Errors
    ///
    /// If the sizes make no sense.
    pub fn new(setting: Setting) -> Result<Self> {
        let Shape { batch, heads, kv_heads, queries, keys, head_dim, value_dim } = setting.shape;
        let random = |seed, shape| Array4::from_shape_simple_fn(shape, numbers(seed));
        let inputs = Inputs {
            query: random(1, (batch, heads, queries, head_dim)),
            key: random(2, (batch, kv_heads, keys, head_dim)),
            value: random(3, (batch, kv_heads, keys, value_dim)),
            gradient: random(4, (batch, heads, queries, value_dim)),
        };
        Shape::of(inputs.query.view(), inputs.key.view(), inputs.value.view())?;
        let attended = inputs.forward(&setting);
        Ok(Self { setting, inputs, attended })
    }

    /// The same on so many threads.
    pub fn threads(self, threads: Threads) -> Self {
        Self { setting: Setting { threads, ..self.setting }, ..self }
    }

    /// Query (B, H, Tq, D), key (B, G, Tk, D), value (B, G, Tk, E), and the gradient of the output (B, H, Tq, E).
    pub fn inputs(&self) -> [ArrayView4<'_, T>; 4] {
        let Inputs { query, key, value, gradient } = &self.inputs;
        [query, key, value, gradient].map(|x| x.view())
    }

    /// What is timed.
    pub fn pass(&self) -> Pass {
        self.setting.pass
    }

    /// Mask and threads.
    pub fn options(&self) -> Options<'static, T> {
        self.setting.options(self.setting.offset())
    }

    /// The wrong elements among those that are looked at, of what these give.
    fn wrong_of(
        &self,
        forward: impl Fn() -> Attended<T>,
        backward: impl Fn(&Attended<T>) -> Gradients<T>,
    ) -> usize {
        let Self { setting, inputs, .. } = self;
        let exact = inputs.exact();
        let attended = forward();
        let outputs = || wrong_outputs(setting, inputs, &exact, &attended);
        let gradients = || wrong_gradients(setting, inputs, &exact, &attended, &backward(&attended));
        match setting.pass {
            Pass::Forward => outputs(),
            Pass::Backward => gradients(),
            Pass::Training => outputs() + gradients(),
        }
    }
}

impl<T: parallel::Float> Attention<T> {
    /// The wrong elements among those that are looked at, of what another attention gives.
    pub fn wrong_by(&self, gear: &impl AttentionGear) -> usize {
        let [query, key, value, gradient] = self.inputs();
        let options = self.options();
        self.wrong_of(
            || gear.forward(query, key, value, &options).expect(CHECKED),
            |attended| {
                gear.backward(query, key, value, attended.upstream(gradient), &options).expect(CHECKED)
            },
        )
    }
}

impl<T: Float> Work for Attention<T> {
    fn call(&mut self) {
        let Self { setting, inputs, attended } = self;
        match setting.pass {
            Pass::Forward => drop(black_box(inputs.forward(setting))),
            Pass::Backward => drop(black_box(inputs.backward(setting, attended))),
            Pass::Training => {
                let attended = inputs.forward(setting);
                drop(black_box(inputs.backward(setting, &attended)));
            }
        }
    }

    fn wrong(&mut self) -> usize {
        let Self { setting, inputs, .. } = &*self;
        self.wrong_of(|| inputs.forward(setting), |attended| inputs.backward(setting, attended))
    }

    fn amount(&self) -> Amount {
        Amount::Flops(self.setting.flops())
    }

    fn result_bytes(&self) -> usize {
        let Shape { batch, heads, queries, .. } = self.setting.shape;
        // Each is as large as its gradient, and the last as the output.
        let Inputs { query, key, value, gradient } = &self.inputs;
        let attended = gradient.len() + batch * heads * queries;
        let gradients = query.len() + key.len() + value.len();
        size_of::<T>()
            * match self.setting.pass {
                Pass::Forward => attended,
                Pass::Backward => gradients,
                Pass::Training => attended + gradients,
            }
    }
}

const CHECKED: &str = "the sizes were checked when it was made";

impl<T: Float> Inputs<T> {
    fn forward(&self, setting: &Setting) -> Attended<T> {
        let Inputs { query, key, value, .. } = self;
        let options = setting.options(setting.offset());
        setting.algorithm.forward(query.view(), key.view(), value.view(), &options).expect(CHECKED)
    }

    fn backward(&self, setting: &Setting, attended: &Attended<T>) -> Gradients<T> {
        let Inputs { query, key, value, gradient } = self;
        let options = setting.options(setting.offset());
        let upstream = attended.upstream(gradient.view());
        setting.algorithm.backward(query.view(), key.view(), value.view(), upstream, &options).expect(CHECKED)
    }

    fn exact(&self) -> Inputs<f64> {
        let [query, key, value, gradient] =
            [&self.query, &self.key, &self.value, &self.gradient].map(|x| x.mapv(T::as_f64));
        Inputs { query, key, value, gradient }
    }

    /// The textbook's output of these queries.
    fn plain_output(&self, setting: &Setting, queries: Range<usize>) -> Attended<T> {
        let options = setting.options(setting.offset() + queries.start as isize);
        let query = self.query.slice(s![.., .., queries, ..]);
        naive::forward(query, self.key.view(), self.value.view(), &options).expect(CHECKED)
    }

    /// The textbook's gradients of these queries and keys, and what part they have in each other's.
    fn plain_gradients(
        &self,
        setting: &Setting,
        attended: &Attended<T>,
        queries: Range<usize>,
        keys: Range<usize>,
    ) -> Gradients<T> {
        let options = setting.options(setting.offset() + queries.start as isize - keys.start as isize);
        let Attended { output, lse } = attended;
        let upstream = Upstream {
            gradient: self.gradient.slice(s![.., .., queries.clone(), ..]),
            output: output.slice(s![.., .., queries.clone(), ..]),
            lse: lse.slice(s![.., .., queries.clone()]),
        };
        let query = self.query.slice(s![.., .., queries, ..]);
        let (key, value) =
            (self.key.slice(s![.., .., keys.clone(), ..]), self.value.slice(s![.., .., keys, ..]));
        naive::backward(query, key, value, upstream, &options).expect(CHECKED)
    }
}

fn wrong_outputs<T: Float>(
    setting: &Setting,
    inputs: &Inputs<T>,
    exact: &Inputs<f64>,
    attended: &Attended<T>,
) -> usize {
    let wrong_in = |queries: Range<usize>| {
        let plain = inputs.plain_output(setting, queries.clone());
        let exact = exact.plain_output(setting, queries.clone());
        let output = attended.output.slice(s![.., .., queries.clone(), ..]);
        let lse = attended.lse.slice(s![.., .., queries]);
        rule::wrong(output, plain.output.view(), exact.output.view())
            + rule::wrong(lse, plain.lse.view(), exact.lse.view())
    };
    rule::sample(setting.shape.queries).into_iter().map(wrong_in).sum()
}

/// Given the outputs: their errors are theirs, so those of the gradients are measured from the same.
fn wrong_gradients<T: Float>(
    setting: &Setting,
    inputs: &Inputs<T>,
    exact: &Inputs<f64>,
    attended: &Attended<T>,
    gradients: &Gradients<T>,
) -> usize {
    let Shape { queries: all_queries, keys: all_keys, .. } = setting.shape;
    let exactly = Attended { output: attended.output.mapv(T::as_f64), lse: attended.lse.mapv(T::as_f64) };
    let both = |queries: Range<usize>, keys: Range<usize>| {
        let plain = inputs.plain_gradients(setting, attended, queries.clone(), keys.clone());
        (plain, exact.plain_gradients(setting, &exactly, queries, keys))
    };
    let wrong_queries = |queries: Range<usize>| {
        let (plain, exact) = both(queries.clone(), 0..all_keys);
        let query = gradients.query.slice(s![.., .., queries, ..]);
        rule::wrong(query, plain.query.view(), exact.query.view())
    };
    let wrong_keys = |keys: Range<usize>| {
        let (plain, exact) = both(0..all_queries, keys.clone());
        let key = gradients.key.slice(s![.., .., keys.clone(), ..]);
        let value = gradients.value.slice(s![.., .., keys, ..]);
        rule::wrong(key, plain.key.view(), exact.key.view())
            + rule::wrong(value, plain.value.view(), exact.value.view())
    };
    rule::sample(all_queries).into_iter().map(wrong_queries).sum::<usize>()
        + rule::sample(all_keys).into_iter().map(wrong_keys).sum::<usize>()
}

#[cfg(test)]
mod tests;
