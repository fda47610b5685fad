//! A linear layer cut up among ranks: by its outputs, or by its inputs.
//!
//! ```text
//! ColumnParallel    x ──enter──► x ── rows of W, b ──► (B, T, outputs_r)             no communication after it
//! RowParallel       (B, T, inputs_r) ── columns of W ──► partial ──leave──► Σ + b    none before it
//! ```
//!
//! y = x Wᵀ is cut in two ways. By outputs each rank computes some columns of y from all of x. By inputs each
//! computes a term of y from some columns of x: y = Σ_r x_r W_rᵀ. One after the other they fit: what the
//! first gives, cut by columns, is what the second takes, and what stands between (an activation, the
//! attention of a head) works on columns alone. So two layers need one sum and not two: that is all of
//! Megatron's idea.
//!
//! ```text
//! x ═══╦═► W₁ rows of rank 0 ══► act ══► W₂ columns of rank 0 ══╦═ Σ ══► y
//!      ╚═► W₁ rows of rank 1 ══► act ══► W₂ columns of rank 1 ══╝
//! ```
//!
//! The bias of a row-parallel layer is added after the sum. Added before, it would be added P times.
//!
//! Cost: products of 1/P of the operations; what is sent is [`Edges::enter_costs`] and
//! [`Edges::leave_costs`].
//!
//! Source: Shoeybi et al., *Megatron-LM*, 2019.

use super::{Edges, Ranks, cut};
use crate::error::expect;
use crate::shapes::{by_sequence, by_token};
use crate::{Float, Result};
use layers::{Linear, Parameter, ParameterMut, Parameters, Threads};
use ndarray::{ArcArray, Array1, Array3, ArrayView3, ArrayViewMutD, Axis, Ix3};
use std::ops::Range;

/// Some of the outputs of a linear layer, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnParallel<T> {
    /// The rows of W, (outputs_r, inputs), and their biases.
    pub part: Linear<T>,
    /// Outputs of all ranks together.
    outputs: usize,
    /// Which of them are here.
    own: Range<usize>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct ColumnSaved<T> {
    /// The input: as it was outside, or the whole; [`Keep`](super::Keep) says.
    pub x: ArcArray<T, Ix3>,
}

impl<T> ColumnSaved<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.x.len() * size_of::<T>()
    }
}

impl<T: Float> ColumnParallel<T> {
    /// A rank's part of a layer.
    pub fn from_full(layer: &Linear<T>, ranks: usize, rank: usize) -> ColumnParallel<T> {
        let own = cut::even(layer.outputs(), ranks)[rank].clone();
        ColumnParallel { part: cut::outputs(layer, own.clone()), outputs: layer.outputs(), own }
    }

    /// The layer, put together again, on every rank.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks: before anything is sent. If the
    /// world has failed.
    #[track_caller]
    pub fn to_full(&self, ranks: &Ranks<'_>) -> Result<Linear<T>> {
        self.check(ranks)?;
        cut::join_outputs(ranks, &self.part, &cut::even(self.outputs, ranks.size()))
    }

    /// This rank's outputs (B, T, outputs_r), for x (B, T or T_r, inputs), and what the backward pass needs.
    ///
    /// ```
    /// use collectives::World;
    /// use layers::{Linear, Threads};
    /// use ndarray::{Array3, array};
    /// use parallel::tensor::{ColumnParallel, Edges, Ranks};
    ///
    /// let layer = Linear { weight: array![[1.0], [2.0], [3.0]], bias: None };
    /// let outputs = World::new(2).run(|comm| {
    ///     let part = ColumnParallel::from_full(&layer, comm.size(), comm.rank());
    ///     let x = Array3::from_elem((1, 1, 1), 10.0);
    ///     Ok(part.forward(&Ranks::new(comm), Edges::AllReduce, x, Threads::ONE)?.0)
    /// })?;
    /// assert_eq!(outputs, [array![[[10.0, 20.0]]], array![[[30.0]]]]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, or x doesn't fit the layer and the
    /// edges: before anything is sent. If the world has failed.
    #[track_caller]
    pub fn forward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        x: impl Into<ArcArray<T, Ix3>>,
        threads: Threads,
    ) -> Result<(Array3<T>, ColumnSaved<T>)> {
        let x = x.into();
        self.check(ranks)?;
        edges.expect_x(ranks, x.shape(), self.part.inputs())?;
        let whole = edges.enter(ranks, x.clone())?; // (B, T, inputs)
        let y = self.part.infer(by_token(whole.view()).view(), threads)?;
        let (batch, tokens, _) = whole.dim();
        let y = by_sequence(y, (batch, tokens));
        Ok((y, ColumnSaved { x: edges.kept(x, whole) }))
    }

    /// The gradients of x and of the part, given that of this rank's outputs.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if the gradient's shape isn't that
    /// of the outputs, or the world has failed.
    #[track_caller]
    pub fn backward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: ColumnSaved<T>,
        gradient: ArrayView3<'_, T>,
        threads: Threads,
    ) -> Result<(Array3<T>, ColumnParallel<T>)> {
        self.check(ranks)?;
        let x = edges.again(ranks, saved.x)?;
        let (batch, tokens, _) = x.dim();
        let because = "(B, T, outputs of this rank)";
        expect("the gradient", gradient.shape(), &[batch, tokens, self.part.outputs()], because)?;
        let gradient = by_token(gradient);
        let part = self.part.gradient(by_token(x.view()).view(), gradient.view(), threads)?;
        let partial = self.part.input_gradient(gradient.view(), threads)?;
        let dx = edges.enter_backward(ranks, by_sequence(partial, (batch, tokens)))?;
        Ok((dx, ColumnParallel { part, outputs: self.outputs, own: self.own.clone() }))
    }

    /// That the outputs are those of this rank of so many.
    fn check(&self, ranks: &Ranks<'_>) -> Result<()> {
        ranks.check_cut("the range of outputs", &self.own, self.outputs)
    }
}

impl<T: Float> Parameters<T> for ColumnParallel<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        self.part.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        self.part.parameters_mut()
    }
}

/// What some of the inputs contribute to a linear layer, or its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct RowParallel<T> {
    /// The columns of W, (outputs, inputs_r), without a bias.
    pub part: Linear<T>,
    /// b, (outputs), which every rank has: it is added after the sum.
    pub bias: Option<Array1<T>>,
    /// Inputs of all ranks together.
    inputs: usize,
    /// Which of them are here.
    own: Range<usize>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct RowSaved<T> {
    /// The input, (B, T, inputs_r).
    pub x: ArcArray<T, Ix3>,
}

impl<T> RowSaved<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.x.len() * size_of::<T>()
    }
}

impl<T: Float> RowParallel<T> {
    /// A rank's part of a layer.
    pub fn from_full(layer: &Linear<T>, ranks: usize, rank: usize) -> RowParallel<T> {
        let own = cut::even(layer.inputs(), ranks)[rank].clone();
        let part = cut::inputs(layer, own.clone());
        RowParallel { part, bias: layer.bias.clone(), inputs: layer.inputs(), own }
    }

    /// The layer, put together again, on every rank.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks: before anything is sent. If the
    /// world has failed.
    #[track_caller]
    pub fn to_full(&self, ranks: &Ranks<'_>) -> Result<Linear<T>> {
        self.check(ranks)?;
        cut::join_inputs(ranks, &self.part, &self.bias, &cut::even(self.inputs, ranks.size()))
    }

    /// y (B, T or T_r, outputs), for this rank's inputs x (B, T, inputs_r), and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, or x doesn't fit the layer and the
    /// edges: before anything is sent. If the world has failed.
    #[track_caller]
    pub fn forward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        x: impl Into<ArcArray<T, Ix3>>,
        threads: Threads,
    ) -> Result<(Array3<T>, RowSaved<T>)> {
        let x = x.into();
        self.check(ranks)?;
        let (batch, tokens, _) = x.dim();
        let tokens = edges.inside(tokens);
        expect("x", x.shape(), &[batch, tokens, self.part.inputs()], "(B, T, inputs of this rank)")?;
        let partial = self.part.infer(by_token(x.view()).view(), threads)?;
        let mut y = edges.leave(ranks, by_sequence(partial, (batch, tokens)))?;
        add_bias(&mut y, &self.bias);
        Ok((y, RowSaved { x }))
    }

    /// The gradients of x and of the part, given that of y.
    ///
    /// # Errors
    ///
    /// If the part is that of another rank, or of another number of ranks, if the gradient's shape isn't that
    /// of y, or the world has failed.
    #[track_caller]
    pub fn backward(
        &self,
        ranks: &Ranks<'_>,
        edges: Edges,
        saved: RowSaved<T>,
        gradient: impl Into<ArcArray<T, Ix3>>,
        threads: Threads,
    ) -> Result<(Array3<T>, RowParallel<T>)> {
        let gradient = gradient.into();
        self.check(ranks)?;
        let (batch, tokens, _) = saved.x.dim();
        edges.expect_gradient(ranks, gradient.shape(), (batch, tokens), self.part.outputs())?;
        let mut bias = bias_gradient(&self.bias, gradient.view());
        let whole = edges.leave_backward(ranks, gradient)?; // (B, T, outputs)
        let whole = by_token(whole.view());
        let part = self.part.gradient(by_token(saved.x.view()).view(), whole.view(), threads)?;
        let dx = by_sequence(self.part.input_gradient(whole.view(), threads)?, (batch, tokens));
        edges.sum_over_shards(ranks, views_mut(&mut bias))?;
        Ok((dx, RowParallel { part, bias, inputs: self.inputs, own: self.own.clone() }))
    }

    /// That the inputs are those of this rank of so many.
    fn check(&self, ranks: &Ranks<'_>) -> Result<()> {
        ranks.check_cut("the range of inputs", &self.own, self.inputs)
    }
}

impl<T: Float> Parameters<T> for RowParallel<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        self.part.parameters().into_iter().chain(cut::bias_parameter("bias", &self.bias)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let bias = cut::bias_parameter_mut("bias", &mut self.bias);
        self.part.parameters_mut().into_iter().chain(bias).collect()
    }
}

/// Adds the bias to each token.
pub(super) fn add_bias<T: Float>(y: &mut Array3<T>, bias: &Option<Array1<T>>) {
    if let Some(bias) = bias {
        *y += bias;
    }
}

/// The bias's gradient, as far as the tokens of `gradient` go.
pub(super) fn bias_gradient<T: Float>(
    bias: &Option<Array1<T>>,
    gradient: ArrayView3<'_, T>,
) -> Option<Array1<T>> {
    bias.as_ref().map(|_| by_token(gradient).sum_axis(Axis(0)))
}

/// As what can be summed over ranks.
pub(super) fn views_mut<T>(bias: &mut Option<Array1<T>>) -> Vec<ArrayViewMutD<'_, T>> {
    bias.iter_mut().map(|bias| bias.view_mut().into_dyn()).collect()
}
