//! A linear layer: y = x Wᵀ + b.
//!
//! ```text
//!                inputs                                                 forward    y  = x Wᵀ + b
//!              ┌────────┐   Wᵀ      ┌─────────┐        ┌─────────┐      backward   dx = dy W
//!       tokens │   x    │ ·  inputs │         │ +  b = │    y    │                 dW = dyᵀ x
//!              └────────┘           └─────────┘        └─────────┘                 db = the sum of dy's rows
//!                                     outputs            outputs
//! ```
//!
//! W is (outputs, inputs), as in PyTorch's checkpoints. Nothing is transposed in memory: the products take
//! views. Cost: 2 tokens inputs outputs operations forward, twice that backward. Saved: x.
//!
//! [`LinearView`] is the same with parameters that lie elsewhere, such as some rows of a larger W: one
//! rank's, or the keys' part of a fused projection.

use crate::error::{Result, expect};
use crate::parameters::{Parameter, ParameterMut, Parameters, parameter, parameter_mut};
use crate::{Float, Threads, rows};
use matmul::{Write, product_into};
use ndarray::{ArcArray2, Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use std::ops::Range;

#[cfg(test)]
mod tests;

/// A linear layer, or its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<T> {
    /// W, (outputs, inputs).
    pub weight: Array2<T>,
    /// b, (outputs).
    pub bias: Option<Array1<T>>,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// The input, (tokens, inputs).
    pub x: ArcArray2<T>,
}

impl<T> Saved<T> {
    /// Bytes held: tokens inputs elements.
    pub fn bytes(&self) -> usize {
        self.x.len() * size_of::<T>()
    }
}

impl<T: Float> Linear<T> {
    /// With all parameters zero: to be loaded into.
    pub fn zeros(inputs: usize, outputs: usize, bias: bool) -> Linear<T> {
        Linear { weight: Array2::zeros((outputs, inputs)), bias: bias.then(|| Array1::zeros(outputs)) }
    }

    /// With all parameters between -1/√inputs and 1/√inputs, each value as likely: PyTorch's beginning.
    pub fn random(inputs: usize, outputs: usize, bias: bool, rng: &mut fastrand::Rng) -> Linear<T> {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        let mut layer = Linear::zeros(inputs, outputs, bias);
        for mut parameter in layer.parameters_mut() {
            parameter.values.mapv_inplace(|_| T::of((2.0 * rng.f64() - 1.0) * bound));
        }
        layer
    }

    /// Columns of W.
    pub fn inputs(&self) -> usize {
        self.weight.ncols()
    }

    /// Rows of W.
    pub fn outputs(&self) -> usize {
        self.weight.nrows()
    }

    /// x Wᵀ + b for x (tokens, inputs): (tokens, outputs). Other shapes are the caller's to reshape.
    ///
    /// ```
    /// use layers::{Linear, Threads};
    /// use ndarray::array;
    ///
    /// let layer = Linear { weight: array![[1.0, 2.0]], bias: Some(array![0.5]) };
    /// assert_eq!(layer.infer(array![[10.0, 20.0]].view(), Threads::ONE)?, array![[50.5]]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If x hasn't `inputs` columns, or the bias hasn't `outputs` elements.
    pub fn infer(&self, x: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        let mut y = Array2::zeros((x.nrows(), self.outputs()));
        self.view().infer_into(y.view_mut(), x, threads)?;
        Ok(y)
    }

    /// The same, and what the backward pass needs.
    ///
    /// # Errors
    ///
    /// As [`infer`](Self::infer).
    pub fn forward(&self, x: impl Into<ArcArray2<T>>, threads: Threads) -> Result<(Array2<T>, Saved<T>)> {
        let x = x.into();
        Ok((self.infer(x.view(), threads)?, Saved { x }))
    }

    /// The gradients of the input and of the layer, given that of the output, (tokens, outputs).
    ///
    /// # Errors
    ///
    /// If the gradient's shape isn't that of the output.
    pub fn backward(
        &self,
        saved: &Saved<T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<(Array2<T>, Linear<T>)> {
        let layer = self.gradient(saved.x.view(), gradient, threads)?;
        Ok((self.input_gradient(gradient, threads)?, layer))
    }

    /// The first half of [`backward`](Self::backward): dy W.
    ///
    /// # Errors
    ///
    /// If the gradient hasn't `outputs` columns.
    pub fn input_gradient(&self, gradient: ArrayView2<'_, T>, threads: Threads) -> Result<Array2<T>> {
        let mut dx = Array2::zeros((gradient.nrows(), self.inputs()));
        self.view().input_gradient_into(dx.view_mut(), gradient, Write::Replace, threads)?;
        Ok(dx)
    }

    /// The second half of [`backward`](Self::backward): dyᵀ x, and the sum of the rows of dy.
    ///
    /// # Errors
    ///
    /// If x or the gradient don't fit the layer, or each other.
    pub fn gradient(
        &self,
        x: ArrayView2<'_, T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<Linear<T>> {
        let mut layer = Linear::zeros(self.inputs(), self.outputs(), self.bias.is_some());
        layer.view_mut().fill_with_gradient(x, gradient, threads)?;
        Ok(layer)
    }

    /// Its parameters where they lie.
    pub fn view(&self) -> LinearView<'_, T> {
        LinearView { weight: self.weight.view(), bias: self.bias.as_ref().map(|bias| bias.view()) }
    }

    /// Its parameters where they lie, to be changed.
    pub fn view_mut(&mut self) -> LinearViewMut<'_, T> {
        LinearViewMut { weight: self.weight.view_mut(), bias: self.bias.as_mut().map(|b| b.view_mut()) }
    }
}

impl<T: Float> Parameters<T> for Linear<T> {
    fn parameters(&self) -> Vec<Parameter<'_, T>> {
        let bias = self.bias.as_ref().map(|bias| parameter("bias", bias.view()));
        std::iter::once(parameter("weight", self.weight.view())).chain(bias).collect()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>> {
        let bias = self.bias.as_mut().map(|bias| parameter_mut("bias", bias.view_mut()));
        std::iter::once(parameter_mut("weight", self.weight.view_mut())).chain(bias).collect()
    }
}

/// A linear layer whose parameters lie elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct LinearView<'a, T> {
    /// W, (outputs, inputs).
    pub weight: ArrayView2<'a, T>,
    /// b, (outputs).
    pub bias: Option<ArrayView1<'a, T>>,
}

impl<'a, T: Float> LinearView<'a, T> {
    /// The layer that computes some of the outputs.
    ///
    /// # Panics
    ///
    /// If the range goes past the last output.
    pub fn outputs(self, range: Range<usize>) -> LinearView<'a, T> {
        LinearView {
            weight: self.weight.slice_move(s![range.clone(), ..]),
            bias: self.bias.map(|bias| bias.slice_move(s![range])),
        }
    }

    /// Writes x Wᵀ + b to `y`.
    ///
    /// # Errors
    ///
    /// If shapes don't fit each other.
    pub fn infer_into(
        self,
        mut y: ArrayViewMut2<'_, T>,
        x: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<()> {
        let (outputs, inputs) = self.weight.dim();
        expect(
            "x",
            x.shape(),
            &[x.nrows(), inputs],
            "(tokens, inputs), and the weight is (outputs, inputs)",
        )?;
        expect(
            "y",
            y.shape(),
            &[x.nrows(), outputs],
            "(tokens, outputs), and the weight is (outputs, inputs)",
        )?;
        let write = match self.bias {
            None => Write::Replace,
            Some(bias) => {
                expect("the bias", bias.shape(), &[outputs], "the weight is (outputs, inputs)")?;
                y.assign(&bias);
                Write::Add
            }
        };
        Ok(product_into(y, x, self.weight.reversed_axes(), write, threads)?)
    }

    /// Writes dy W to `dx`, or adds it: the gradient of an input that several layers share is the sum of
    /// theirs.
    ///
    /// # Errors
    ///
    /// If shapes don't fit each other.
    pub fn input_gradient_into(
        self,
        dx: ArrayViewMut2<'_, T>,
        gradient: ArrayView2<'_, T>,
        write: Write,
        threads: Threads,
    ) -> Result<()> {
        let (outputs, inputs) = self.weight.dim();
        let tokens = gradient.nrows();
        let because = "(tokens, outputs), and the weight is (outputs, inputs)";
        expect("the gradient", gradient.shape(), &[tokens, outputs], because)?;
        expect("the input's gradient", dx.shape(), &[tokens, inputs], "(tokens, inputs)")?;
        Ok(product_into(dx, gradient, self.weight, write, threads)?)
    }
}

/// The gradient of a linear layer, to be written.
#[derive(Debug)]
pub struct LinearViewMut<'a, T> {
    /// dW, (outputs, inputs).
    pub weight: ArrayViewMut2<'a, T>,
    /// db, (outputs).
    pub bias: Option<ArrayViewMut1<'a, T>>,
}

impl<'a, T: Float> LinearViewMut<'a, T> {
    /// The part of some of the outputs.
    ///
    /// # Panics
    ///
    /// If the range goes past the last output.
    pub fn outputs(self, range: Range<usize>) -> LinearViewMut<'a, T> {
        LinearViewMut {
            weight: self.weight.slice_move(s![range.clone(), ..]),
            bias: self.bias.map(|bias| bias.slice_move(s![range])),
        }
    }

    /// Writes dyᵀ x, and the sum of the rows of dy.
    ///
    /// # Errors
    ///
    /// If shapes don't fit each other.
    pub fn fill_with_gradient(
        self,
        x: ArrayView2<'_, T>,
        gradient: ArrayView2<'_, T>,
        threads: Threads,
    ) -> Result<()> {
        let (outputs, inputs) = self.weight.dim();
        expect(
            "x",
            x.shape(),
            &[x.nrows(), inputs],
            "(tokens, inputs), and the weight is (outputs, inputs)",
        )?;
        let because = "(tokens, outputs), and the weight is (outputs, inputs)";
        expect("the gradient", gradient.shape(), &[x.nrows(), outputs], because)?;
        if let Some(bias) = &self.bias {
            expect("the bias", bias.shape(), &[outputs], "the weight is (outputs, inputs)")?;
        }
        product_into(self.weight, gradient.reversed_axes(), x, Write::Replace, threads)?;
        if let Some(mut bias) = self.bias {
            bias.assign(&rows::sum(gradient, threads));
        }
        Ok(())
    }
}
