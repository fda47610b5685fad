//! The projections of x to queries, keys and values: three matrices, or one of all their rows.
//!
//! ```text
//! separate   Wq (H D, dim)   Wk (G D, dim)   Wv (G D, dim)       Llama's checkpoints: q_proj, k_proj, v_proj
//!
//!            ┌────┐
//!            │ Wq │ H D rows                                     PyTorch's: in_proj_weight
//! fused      ├────┤
//!            │ Wk │ G D rows
//!            ├────┤
//!            │ Wv │ G D rows
//!            └────┘
//! ```
//!
//! To compute, both are the same: a list of matrices whose outputs stand side by side. A fused one is a list
//! of one for self-attention, and can still be cut where queries and keys come from different sequences.

use super::heads::{Sizes, by_heads, by_tokens};
use crate::error::{Result, expect};
use crate::linear::{LinearView, LinearViewMut};
use crate::{Float, Linear, Threads, rows};
use matmul::Write;
use ndarray::{Array1, Array2, Array3, Array4, ArrayView3, ArrayView4, Axis, concatenate, s};
use std::ops::Range;

/// The projections to queries, keys and values, or their gradients.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a layer has one, beside matrices of megabytes")]
pub enum Projections<T> {
    /// A matrix each.
    Separate {
        /// Wq, (H D, dim).
        query: Linear<T>,
        /// Wk, (G D, dim).
        key: Linear<T>,
        /// Wv, (G D, dim).
        value: Linear<T>,
    },
    /// One matrix, ((H + 2G) D, dim): the rows of Wq, of Wk, of Wv.
    Fused(Linear<T>),
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Query,
    KeyValue,
}

impl Part {
    /// Rows of the fused matrix.
    fn rows(self, sizes: &Sizes) -> Range<usize> {
        let queries = sizes.heads * sizes.head_dim;
        let all = queries + 2 * sizes.kv_heads * sizes.head_dim;
        match self {
            Part::All => 0..all,
            Part::Query => 0..queries,
            Part::KeyValue => queries..all,
        }
    }
}

impl<T: Float> Projections<T> {
    /// The heads of x (B, T, dim): (B, n, T, D), which lies as (B, T, n, D).
    pub(super) fn project(
        &self,
        part: Part,
        sizes: &Sizes,
        x: ArrayView3<'_, T>,
        threads: Threads,
    ) -> Result<Array4<T>> {
        let (batch, tokens, _) = x.dim();
        expect("x", x.shape(), &[batch, tokens, sizes.dim], "(B, T, dim), as the sizes say")?;
        let x = rows::flat(x);
        let mut heads = Array2::zeros((x.nrows(), part.rows(sizes).len()));
        let mut first = 0;
        for layer in self.views(part, sizes) {
            let columns = first..first + layer.weight.nrows();
            first = columns.end;
            layer.infer_into(heads.slice_mut(s![.., columns]), x.view(), threads)?;
        }
        Ok(by_heads(heads, (batch, tokens), sizes.head_dim))
    }

    /// The gradient of x, given that of the heads, (B, n, T, D). Those of the parameters are written to
    /// `gradients`.
    pub(super) fn backward(
        &self,
        part: Part,
        sizes: &Sizes,
        x: ArrayView3<'_, T>,
        d_heads: ArrayView4<'_, T>,
        gradients: &mut Projections<T>,
        threads: Threads,
    ) -> Result<Array3<T>> {
        let shape = x.dim();
        let (x, d_heads) = (rows::flat(x), by_tokens(d_heads));
        let mut dx = Array2::zeros(x.raw_dim());
        let mut first = 0;
        for (layer, gradient) in self.views(part, sizes).into_iter().zip(gradients.views_mut(part, sizes)) {
            let columns = first..first + layer.weight.nrows();
            let write = if first == 0 { Write::Replace } else { Write::Add };
            first = columns.end;
            let d_heads = d_heads.slice(s![.., columns]);
            gradient.fill_with_gradient(x.view(), d_heads, threads)?;
            layer.input_gradient_into(dx.view_mut(), d_heads, write, threads)?;
        }
        Ok(dx.into_shape_with_order(shape).expect("(B T, dim) to (B, T, dim)"))
    }

    fn views(&self, part: Part, sizes: &Sizes) -> Vec<LinearView<'_, T>> {
        match (self, part) {
            (Projections::Fused(all), part) => vec![all.view().outputs(part.rows(sizes))],
            (Projections::Separate { query, key, value }, Part::All) => {
                vec![query.view(), key.view(), value.view()]
            }
            (Projections::Separate { query, .. }, Part::Query) => vec![query.view()],
            (Projections::Separate { key, value, .. }, Part::KeyValue) => vec![key.view(), value.view()],
        }
    }

    fn views_mut(&mut self, part: Part, sizes: &Sizes) -> Vec<LinearViewMut<'_, T>> {
        match (self, part) {
            (Projections::Fused(all), part) => vec![all.view_mut().outputs(part.rows(sizes))],
            (Projections::Separate { query, key, value }, Part::All) => {
                vec![query.view_mut(), key.view_mut(), value.view_mut()]
            }
            (Projections::Separate { query, .. }, Part::Query) => vec![query.view_mut()],
            (Projections::Separate { key, value, .. }, Part::KeyValue) => {
                vec![key.view_mut(), value.view_mut()]
            }
        }
    }

    /// Zeros of the same shapes.
    pub(super) fn zero_gradient(&self) -> Projections<T> {
        let zeros = |layer: &Linear<T>| Linear::zeros(layer.inputs(), layer.outputs(), layer.bias.is_some());
        match self {
            Projections::Fused(all) => Projections::Fused(zeros(all)),
            Projections::Separate { query, key, value } => {
                Projections::Separate { query: zeros(query), key: zeros(key), value: zeros(value) }
            }
        }
    }

    /// In one matrix. Where some have a bias, those without get one of zeros.
    pub(super) fn fused(self) -> Projections<T> {
        let Projections::Separate { query, key, value } = self else { return self };
        let parts = [&query, &key, &value];
        let weights = parts.map(|part| part.weight.view());
        let any = parts.iter().any(|part| part.bias.is_some());
        let biases = parts.map(|part| part.bias.clone().unwrap_or_else(|| Array1::zeros(part.outputs())));
        let biases = [biases[0].view(), biases[1].view(), biases[2].view()];
        Projections::Fused(Linear {
            weight: concatenate(Axis(0), &weights).expect("each has dim columns"),
            bias: any.then(|| concatenate(Axis(0), &biases).expect("any lengths can follow each other")),
        })
    }

    /// With a matrix for each.
    pub(super) fn separate(self, sizes: &Sizes) -> Projections<T> {
        let Projections::Fused(all) = self else { return self };
        let (queries, keys) = (sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim);
        let part = |rows: Range<usize>| {
            let LinearView { weight, bias } = all.view().outputs(rows);
            Linear { weight: weight.to_owned(), bias: bias.map(|bias| bias.to_owned()) }
        };
        Projections::Separate {
            query: part(0..queries),
            key: part(queries..queries + keys),
            value: part(queries + keys..queries + 2 * keys),
        }
    }

    /// That weights are of the shapes that the sizes say.
    pub(super) fn check(&self, sizes: &Sizes) -> Result<()> {
        let (dim, queries, keys) = (sizes.dim, sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim);
        match self {
            Projections::Fused(all) => {
                expect(
                    "the fused weight",
                    all.weight.shape(),
                    &[queries + 2 * keys, dim],
                    "((H + 2G) D, dim)",
                )?;
                check_bias(all)
            }
            Projections::Separate { query, key, value } => {
                expect("Wq", query.weight.shape(), &[queries, dim], "(H D, dim)")?;
                expect("Wk", key.weight.shape(), &[keys, dim], "(G D, dim)")?;
                expect("Wv", value.weight.shape(), &[keys, dim], "(G D, dim)")?;
                [query, key, value].into_iter().try_for_each(check_bias)
            }
        }
    }
}

/// That there is an element for each output.
pub(super) fn check_bias<T: Float>(layer: &Linear<T>) -> Result<()> {
    match &layer.bias {
        None => Ok(()),
        Some(bias) => expect("the bias", bias.shape(), &[layer.outputs()], "the weight is (outputs, inputs)"),
    }
}
