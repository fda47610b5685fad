//! What the tests share: random arrays, comparison, and the two ways to check a gradient.

use crate::{Float, Parameters};
use ndarray::{Array, ArrayBase, ArrayD, ArrayView, Data, Dimension, ShapeBuilder};

/// Numbers between -1 and 1.
pub(crate) fn random<T: Float, D: Dimension>(
    shape: impl ShapeBuilder<Dim = D>,
    rng: &mut fastrand::Rng,
) -> Array<T, D> {
    Array::from_shape_simple_fn(shape, || T::of(2.0 * rng.f64() - 1.0))
}

/// A layer with numbers between -1 and 1 for parameters, all different: also where a layer begins with ones
/// or zeros.
pub(crate) fn randomised<L: Parameters<T>, T: Float>(mut layer: L, rng: &mut fastrand::Rng) -> L {
    for mut parameter in layer.parameters_mut() {
        parameter.values.mapv_inplace(|_| T::of(2.0 * rng.f64() - 1.0));
    }
    layer
}

/// That no element differs by more than the tolerance, relative to the largest that is expected (or to 1).
#[track_caller]
pub(crate) fn assert_close<T, D, S, R>(got: &ArrayBase<S, D>, expected: &ArrayBase<R, D>, tolerance: f64)
where
    T: Float,
    D: Dimension,
    S: Data<Elem = T>,
    R: Data<Elem = T>,
{
    assert_eq!(got.shape(), expected.shape());
    let largest = expected.iter().fold(1.0_f64, |max, x| max.max(x.as_f64().abs()));
    for ((index, got), expected) in got.indexed_iter().zip(expected) {
        let error = (got.as_f64() - expected.as_f64()).abs();
        assert!(error <= tolerance * largest, "at {index:?} is {got}, and {expected} was expected");
    }
}

/// The sum of the products of all elements.
fn dot<D: Dimension>(a: ArrayView<'_, f64, D>, b: ArrayView<'_, f64, D>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

type Forward<L> = dyn Fn(&L, &[ArrayD<f64>]) -> ArrayD<f64>;
type Backward<L> = dyn Fn(&L, &[ArrayD<f64>], &ArrayD<f64>) -> (Vec<ArrayD<f64>>, L);

/// One layer with some inputs, as functions of them.
pub(crate) struct Differentiated<'a, L> {
    pub(crate) layer: L,
    pub(crate) inputs: Vec<ArrayD<f64>>,
    /// The output.
    pub(crate) forward: &'a Forward<L>,
    /// The gradients of the inputs and of the layer, given that of the output.
    pub(crate) backward: &'a Backward<L>,
}

impl<L: Parameters<f64> + Clone> Differentiated<'_, L> {
    /// Checks both.
    #[track_caller]
    pub(crate) fn check(&self, rng: &mut fastrand::Rng) {
        self.check_every_element(rng);
        self.check_adjoint(rng);
    }

    /// Every element of every input and parameter by central differences: (L(x + h) - L(x - h)) / 2h, where L
    /// is the output times random numbers, summed.
    #[track_caller]
    pub(crate) fn check_every_element(&self, rng: &mut fastrand::Rng) {
        const H: f64 = 1e-5;
        let weights = random((self.forward)(&self.layer, &self.inputs).raw_dim(), rng);
        let loss =
            |layer: &L, inputs: &[ArrayD<f64>]| dot((self.forward)(layer, inputs).view(), weights.view());
        let (d_inputs, d_layer) = (self.backward)(&self.layer, &self.inputs, &weights);
        let agree = |what: &str, index: usize, got: f64, difference: f64| {
            let error = (got - difference).abs() / difference.abs().max(1.0);
            assert!(error < 1e-7, "d {what}[{index}] is {got}, by differences {difference}");
        };

        assert_eq!(d_inputs.len(), self.inputs.len());
        for (which, d_input) in d_inputs.iter().enumerate() {
            assert_eq!(d_input.shape(), self.inputs[which].shape());
            for (index, &got) in d_input.iter().enumerate() {
                let moved = |by: f64| {
                    let mut inputs = self.inputs.clone();
                    *inputs[which].iter_mut().nth(index).expect("it has the gradient's shape") += by;
                    loss(&self.layer, &inputs)
                };
                agree(&format!("input {which}"), index, got, (moved(H) - moved(-H)) / (2.0 * H));
            }
        }
        for (which, d_parameter) in d_layer.parameters().into_iter().enumerate() {
            assert_eq!(d_parameter.name, self.layer.parameters()[which].name);
            assert_eq!(d_parameter.values.shape(), self.layer.parameters()[which].values.shape());
            for (index, &got) in d_parameter.values.iter().enumerate() {
                let moved = |by: f64| {
                    let mut layer = self.layer.clone();
                    let parameter = layer.parameters_mut().into_iter().nth(which).expect("it has as many");
                    *{ parameter.values }.iter_mut().nth(index).expect("it has the gradient's shape") += by;
                    loss(&layer, &self.inputs)
                };
                agree(&d_parameter.name, index, got, (moved(H) - moved(-H)) / (2.0 * H));
            }
        }
    }

    /// The adjoint identity: with J for the derivative, <w, J v> = <Jᵀ w, v> for random v and w. J v is a
    /// central difference in the direction v, of all inputs and parameters at once: two forward passes, so it
    /// serves for large shapes too.
    #[track_caller]
    pub(crate) fn check_adjoint(&self, rng: &mut fastrand::Rng) {
        const H: f64 = 1e-5;
        let d_inputs: Vec<ArrayD<f64>> = self.inputs.iter().map(|x| random(x.raw_dim(), rng)).collect();
        let d_layer = randomised(self.layer.clone(), rng);
        let moved = |by: f64| {
            let mut layer = self.layer.clone();
            for (p, d) in layer.parameters_mut().into_iter().zip(d_layer.parameters()) {
                { p.values }.scaled_add(by, &d.values);
            }
            let inputs: Vec<_> = self.inputs.iter().zip(&d_inputs).map(|(x, d)| x + &(d * by)).collect();
            (self.forward)(&layer, &inputs)
        };
        let jacobian_times_v = (moved(H) - moved(-H)) / (2.0 * H);
        let w = random(jacobian_times_v.raw_dim(), rng);
        let (gradients, layer_gradient) = (self.backward)(&self.layer, &self.inputs, &w);

        let left = dot(w.view(), jacobian_times_v.view());
        let of_inputs: f64 = gradients.iter().zip(&d_inputs).map(|(g, v)| dot(g.view(), v.view())).sum();
        let parameters = layer_gradient.parameters().into_iter().zip(d_layer.parameters());
        let of_layer: f64 = parameters.map(|(g, v)| dot(g.values, v.values)).sum();
        let right = of_inputs + of_layer;
        let size = left.abs().max(1.0) * (w.len() as f64).sqrt();
        assert!((left - right).abs() < 1e-8 * size, "<w, J v> is {left}, <Jt w, v> {right}");
    }
}

/// An array of unknown rank as one of a known rank.
pub(crate) fn fixed<T: Float, D: Dimension>(array: &ArrayD<T>) -> Array<T, D> {
    array.clone().into_dimensionality().expect("an array of this rank")
}
