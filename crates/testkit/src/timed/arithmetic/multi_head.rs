//! Multi-head self-attention with its projections: in one fused matrix and with biases, as in PyTorch's layer.

mod textbook;

use super::{Amount, Pass, Work, attention, numbers, rule};
use ::attention::{Algorithm, Mask, Options, Shape, Threads};
use layers::multi_head::{Call, Projections, Saved, Sizes};
use layers::{Float, MultiHeadAttention, Parameters, Result};
use ndarray::{ArcArray, Array3, Ix3};
use std::hint::black_box;
use textbook::Textbook;

/// Which layer to time.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Who computes the attention in it.
    pub algorithm: Algorithm,
    /// What is timed.
    pub pass: Pass,
    /// B.
    pub batch: usize,
    /// T.
    pub sequence: usize,
    /// Heads and dimensions.
    pub sizes: Sizes,
    /// Whether a token sees only those up to itself.
    pub causal: bool,
    /// How many threads.
    pub threads: Threads,
}

impl Setting {
    /// Those of the attention, and of the projections: one product for each forward, two backward.
    pub fn flops(&self) -> f64 {
        let &Setting { batch, sequence, sizes: Sizes { dim, heads, kv_heads, head_dim }, .. } = self;
        let forward = 2.0 * (batch * sequence) as f64 * (dim * (2 * heads + 2 * kv_heads) * head_dim) as f64;
        let times = match self.pass {
            Pass::Forward => 1.0,
            Pass::Backward => 2.0,
            Pass::Training => 3.0,
        };
        times * forward + self.attention().flops()
    }

    fn attention(&self) -> attention::Setting {
        let &Setting { algorithm, pass, batch, sequence, sizes, causal, threads } = self;
        let Sizes { heads, kv_heads, head_dim, .. } = sizes;
        let shape = Shape {
            batch,
            heads,
            kv_heads,
            queries: sequence,
            keys: sequence,
            head_dim,
            value_dim: head_dim,
        };
        attention::Setting { algorithm, pass, shape, causal, threads }
    }

    fn call<T: Float>(&self) -> Call<'static, T> {
        let mask = if self.causal { Mask::causal() } else { Mask::none() };
        Call { options: Options::masked(mask).threads(self.threads), ..Call::default() }
    }
}

/// One layer on an input of its own.
#[derive(Clone, Debug)]
pub struct MultiHead<T> {
    setting: Setting,
    layer: MultiHeadAttention<T>,
    x: ArcArray<T, Ix3>, // (B, T, dim)
    gradient: Array3<T>, // of the output, (B, T, dim)
    saved: Saved<T>,     // what a backward pass alone needs of the forward pass
}

impl<T: Float> MultiHead<T> {
    /// With random parameters, on random tokens.
    ///
    /// # Errors
    ///
    /// If the sizes make no sense.
    pub fn new(setting: Setting) -> Result<Self> {
        let mut random = fastrand::Rng::with_seed(1);
        let layer = MultiHeadAttention::random(setting.sizes, true, &mut random).fused()?;
        let layer = MultiHeadAttention { algorithm: setting.algorithm, ..layer };
        let shape = (setting.batch, setting.sequence, setting.sizes.dim);
        let x = Array3::from_shape_simple_fn(shape, numbers(2)).into_shared();
        let gradient = Array3::from_shape_simple_fn(shape, numbers(3));
        let (_, saved) = layer.forward(x.clone(), &setting.call())?;
        Ok(Self { setting, layer, x, gradient, saved })
    }

    fn forward(&self) -> (Array3<T>, Saved<T>) {
        self.layer.forward(self.x.clone(), &self.setting.call()).expect(CHECKED)
    }

    fn backward(&self, saved: &Saved<T>) -> (Array3<T>, MultiHeadAttention<T>) {
        self.layer.backward(saved, self.gradient.view(), &self.setting.call()).expect(CHECKED)
    }

    fn textbook<U: Float>(&self) -> Textbook<U> {
        let Projections::Fused(inputs) = &self.layer.inputs else { unreachable!("it was made so") };
        Textbook::of(&self.setting, inputs, &self.layer.output, self.x.view(), self.gradient.view())
    }
}

const CHECKED: &str = "the sizes were checked when it was made";

impl<T: Float> Work for MultiHead<T> {
    fn call(&mut self) {
        match self.setting.pass {
            Pass::Forward => {
                let y = self.layer.infer(self.x.view(), &self.setting.call()).expect(CHECKED);
                drop(black_box(y));
            }
            Pass::Backward => drop(black_box(self.backward(&self.saved))),
            Pass::Training => {
                let (y, saved) = self.forward();
                black_box(y);
                drop(black_box(self.backward(&saved)));
            }
        }
    }

    /// All elements are looked at: those of the parameters' gradients are sums over all tokens.
    fn wrong(&mut self) -> usize {
        let (plain, exact) = (self.textbook::<T>(), self.textbook::<f64>());
        let y = self.layer.infer(self.x.view(), &self.setting.call()).expect(CHECKED);
        let mut wrong = rule::wrong(y.view(), plain.y.view(), exact.y.view());
        if self.setting.pass != Pass::Forward {
            let (y, saved) = self.forward();
            wrong += rule::wrong(y.view(), plain.y.view(), exact.y.view());
            wrong += wrong_gradients(&self.backward(&saved), &plain, &exact);
        }
        wrong
    }

    fn amount(&self) -> Amount {
        Amount::Flops(self.setting.flops())
    }

    fn result_bytes(&self) -> usize {
        let (y, gradients) = (self.x.len(), self.x.len() + self.layer.count());
        size_of::<T>()
            * match self.setting.pass {
                Pass::Forward => y,
                Pass::Backward => gradients,
                Pass::Training => y + gradients,
            }
    }
}

fn wrong_gradients<T: Float>(
    (dx, layer): &(Array3<T>, MultiHeadAttention<T>),
    plain: &Textbook<T>,
    exact: &Textbook<f64>,
) -> usize {
    let expected = plain.parameters.iter().zip(&exact.parameters);
    let wrong_parameters = layer.parameters().into_iter().zip(expected);
    rule::wrong(dx.view(), plain.dx.view(), exact.dx.view())
        + wrong_parameters
            .map(|(gradient, (plain, exact))| rule::wrong(gradient.values, plain.view(), exact.view()))
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(pass: Pass) -> Setting {
        Setting {
            algorithm: Algorithm::Flash,
            pass,
            batch: 2,
            sequence: 70,
            sizes: Sizes { dim: 24, heads: 4, kv_heads: 2, head_dim: 5 },
            causal: true,
            threads: Threads::new(2),
        }
    }

    #[test]
    fn a_wrong_element_is_found() {
        let mut work = MultiHead::<f32>::new(setting(Pass::Training)).expect("sizes");
        let (plain, exact) = (work.textbook::<f32>(), work.textbook::<f64>());
        let right = work.backward(&work.saved);
        assert_eq!(wrong_gradients(&right, &plain, &exact), 0);
        for parameter in 0..4 {
            let mut gradients = right.clone();
            let values = gradients.1.parameters_mut().swap_remove(parameter).values;
            *values.into_iter().last().expect("an element") += 0.01;
            assert_eq!(wrong_gradients(&gradients, &plain, &exact), 1);
        }
        let mut gradients = right.clone();
        gradients.0[(1, 69, 23)] = f32::NAN;
        assert_eq!(wrong_gradients(&gradients, &plain, &exact), 1);

        let bias = work.layer.output.bias.as_mut().expect("it has one");
        bias[3] += 0.01; // a column of the output
        assert_eq!(rule::wrong(work.forward().0.view(), plain.y.view(), exact.y.view()), 2 * 70);
    }

    #[test]
    fn operations_are_counted() {
        let flops = |pass| Setting { causal: false, ..setting(pass) }.flops();
        let projections = (2 * 2 * 70 * 24 * (4 + 2 + 2 + 4) * 5) as f64;
        let product = (2 * 2 * 4 * 70 * 70 * 5) as f64;
        assert_eq!(flops(Pass::Forward), projections + 2.0 * product);
        assert_eq!(flops(Pass::Backward), 2.0 * projections + 5.0 * product);
        assert_eq!(flops(Pass::Training), 3.0 * projections + 7.0 * product);
    }

    #[test]
    fn results_are_counted() {
        let bytes = |pass| MultiHead::<f32>::new(setting(pass)).expect("sizes").result_bytes();
        let tokens = 2 * 70 * 24;
        let parameters = (8 * 5) * 24 + 8 * 5 + 24 * (4 * 5) + 24;
        assert_eq!(bytes(Pass::Forward), 4 * tokens);
        assert_eq!(bytes(Pass::Backward), 4 * (tokens + parameters));
        assert_eq!(bytes(Pass::Training), 4 * (2 * tokens + parameters));
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        let sizes = Sizes { kv_heads: 3, ..setting(Pass::Forward).sizes };
        let error = MultiHead::<f32>::new(Setting { sizes, ..setting(Pass::Forward) }).expect_err("4 / 3");
        assert!(error.to_string().contains('3'), "{error}");
    }
}
