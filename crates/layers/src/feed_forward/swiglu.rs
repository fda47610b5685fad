//! SwiGLU: y = (silu(x Wgᵀ) ∘ (x Wuᵀ)) Wdᵀ. One product says what, the other, through the activation, how
//! much of it.
//!
//! ```text
//!      ┌─Wg──► gate ──silu──┐
//! x ───┤                    ∘──► hidden ──Wd──► y             saved: x, gate, up, hidden
//!      └─Wu──► up ──────────┘
//!
//! backward   dh = dy Wd      d gate = dh ∘ up ∘ silu'(gate)      d up = dh ∘ silu(gate)
//!            dx = d gate Wg + d up Wu
//! ```
//!
//! Source: Shazeer, *GLU Variants Improve Transformer*, 2020.

use crate::activation::{silu, silu_derivative};
use crate::error::{Result, expect};
use crate::parameters::{Parameter, ParameterMut, Parameters, within, within_mut};
use crate::{Float, Linear, Threads, rows};
use matmul::Write;
use ndarray::{ArcArray2, Array2, ArrayView2};

/// The network, or its gradient. Its parameters are named as in Llama: `gate_proj`, `up_proj`, `down_proj`.
#[derive(Clone, Debug, PartialEq)]
pub struct SwiGlu<T> {
    /// Wg (hidden, dim).
    pub gate: Linear<T>,
    /// Wu (hidden, dim).
    pub up: Linear<T>,
    /// Wd (dim, hidden).
    pub down: Linear<T>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (tokens, dim).
    pub x: ArcArray2<T>,
    /// x Wgᵀ, (tokens, hidden).
    pub gate: Array2<T>,
    /// x Wuᵀ, (tokens, hidden).
    pub up: Array2<T>,
    /// silu(gate) ∘ up, (tokens, hidden).
    pub hidden: Array2<T>,
}

impl<T> Saved<T> {
    /// Bytes held: tokens (dim + 3 hidden) elements.
    pub fn bytes(&self) -> usize {
        (self.x.len() + self.gate.len() + self.up.len() + self.hidden.len()) * size_of::<T>()
    }
}

impl<T: Float> SwiGlu<T> {
    /// With random parameters: see [`Linear::random`].
    pub fn random(dim: usize, hidden: usize, bias: bool, rng: &mut fastrand::Rng) -> SwiGlu<T> {
        let gate = Linear::random(dim, hidden, bias, rng);
        let up = Linear::random(dim, hidden, bias, rng);
        SwiGlu { gate, up, down: Linear::random(hidden, dim, bias, rng) }
    }

    /// The output for x (tokens, dim): (tokens, dim).
    ///
    /// ```
    /// use layers::{Linear, Threads, feed_forward::SwiGlu};
    /// use ndarray::array;
    ///
    /// let times = |factor: f64| Linear { weight: array![[factor]], bias: None };
    /// let network = SwiGlu { gate: times(50.0), up: times(2.0), down: times(0.1) };
    /// // silu(50) is 50, to within 1e-20.
    /// assert_eq!(network.infer(array![[1.0]].view(), Threads::ONE)?, array![[10.0]]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If x doesn't have `dim` columns, or the linear layers don't fit each other.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        self.check()?;
        let mut hidden = self.gate.infer(x, threads)?;
        let up = self.up.infer(x, threads)?;
        rows::each_with(rows::slice_mut(&mut hidden), rows::slice(&up), threads, |gate, up| silu(gate) * up);
        self.down.infer(hidden.view(), threads)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// As [`infer`](Self::infer).
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        self.check()?;
        let x = x.into();
        let gate = self.gate.infer(x.view(), threads)?;
        let up = self.up.infer(x.view(), threads)?;
        let mut hidden = gate.clone();
        rows::each_with(rows::slice_mut(&mut hidden), rows::slice(&up), threads, |gate, up| silu(gate) * up);
        let y = self.down.infer(hidden.view(), threads)?;
        Ok((y, Saved { x, gate, up, hidden }))
    }

    /// The gradients of the input and of the network, given that of the output.
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<(Array2<T>, SwiGlu<T>)> {
        let Saved { x, gate, up, hidden } = saved;
        let d_down = self.down.gradient(hidden.view(), gradient, threads)?;
        // Both are made of d hidden at once, which becomes d gate.
        let mut d_gate = self.down.input_gradient(gradient, threads)?;
        let mut d_up = Array2::zeros(d_gate.raw_dim());
        let outputs = rows::slice_mut(&mut d_gate).chunks_mut(rows::CHUNK);
        let outputs = outputs.zip(rows::slice_mut(&mut d_up).chunks_mut(rows::CHUNK));
        let inputs = rows::slice(gate).chunks(rows::CHUNK).zip(rows::slice(up).chunks(rows::CHUNK));
        rows::worthwhile(threads, gate.len()).for_each(
            outputs.zip(inputs),
            |((d_gate, d_up), (gate, up))| {
                simd::vectorised(
                    #[inline(always)]
                    || {
                        for ((d_gate, d_up), (&gate, &up)) in
                            d_gate.iter_mut().zip(d_up).zip(gate.iter().zip(up))
                        {
                            let d_hidden = *d_gate;
                            *d_gate = d_hidden * up * silu_derivative(gate);
                            *d_up = d_hidden * silu(gate);
                        }
                    },
                );
            },
        );

        let mut dx = self.gate.input_gradient(d_gate.view(), threads)?;
        self.up.view().input_gradient_into(dx.view_mut(), d_up.view(), Write::Add, threads)?;
        let gate = self.gate.gradient(x.view(), d_gate.view(), threads)?;
        let up = self.up.gradient(x.view(), d_up.view(), threads)?;
        Ok((dx, SwiGlu { gate, up, down: d_down }))
    }

    /// That gate and up are of one shape.
    fn check(&self) -> Result<()> {
        let because = "the gate has an element for each of up";
        expect("the weight of up", self.up.weight.shape(), self.gate.weight.shape(), because)
    }
}

impl<T: Float> Parameters<T> for SwiGlu<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        let parts = [("gate_proj.", &self.gate), ("up_proj.", &self.up), ("down_proj.", &self.down)];
        parts.into_iter().flat_map(|(name, part)| within(name, part)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let SwiGlu { gate, up, down } = self;
        let parts = [("gate_proj.", gate), ("up_proj.", up), ("down_proj.", down)];
        parts.into_iter().flat_map(|(name, part)| within_mut(name, part)).collect()
    }
}
