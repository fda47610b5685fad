//! A layer's parameters by name: for loading, saving, an optimizer's step, or cutting them up for several
//! ranks.

use crate::Float;
use ndarray::{ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Dimension};

/// One parameter of a layer, or its gradient.
#[derive(Clone, Debug)]
pub struct Parameter<'a, T> {
    /// Its name within the layer, as in checkpoints: `q_proj.weight`.
    pub name: String,
    /// Its values.
    pub values: ArrayViewD<'a, T>,
}

/// One parameter of a layer, to be changed.
#[derive(Debug)]
pub struct ParameterMut<'a, T> {
    /// Its name within the layer, as in checkpoints: `q_proj.weight`.
    pub name: String,
    /// Its values.
    pub values: ArrayViewMutD<'a, T>,
}

/// What has parameters. A layer's gradient is a layer of the same type, so it lists the same names and
/// shapes.
///
/// ```
/// use layers::{Linear, Parameters};
///
/// let mut layer = Linear::<f32>::zeros(3, 2, true);
/// let names: Vec<_> = layer.parameters().into_iter().map(|p| p.name).collect();
/// assert_eq!(names, ["weight", "bias"]);
///
/// // A step of gradient descent.
/// let gradient = layer.clone();
/// for (p, g) in layer.parameters_mut().into_iter().zip(gradient.parameters()) {
///     let mut values = p.values;
///     values.scaled_add(-0.1, &g.values);
/// }
/// assert_eq!(layer.count(), 2 * 3 + 2);
/// ```
pub trait Parameters<T: Float> {
    /// All parameters, always in the same order.
    fn parameters(&self) -> Vec<Parameter<'_, T>>;

    /// The same, to be changed.
    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_, T>>;

    /// How many numbers they are.
    fn count(&self) -> usize {
        self.parameters().iter().map(|parameter| parameter.values.len()).sum()
    }
}

pub(crate) fn parameter<'a, T, D: Dimension>(name: &str, values: ArrayView<'a, T, D>) -> Parameter<'a, T> {
    Parameter { name: name.to_string(), values: values.into_dyn() }
}

pub(crate) fn parameter_mut<'a, T, D: Dimension>(
    name: &str,
    values: ArrayViewMut<'a, T, D>,
) -> ParameterMut<'a, T> {
    ParameterMut { name: name.to_string(), values: values.into_dyn() }
}

/// The parameters of a part, as those of the whole.
pub(crate) fn within<'a, T: Float>(prefix: &str, part: &'a impl Parameters<T>) -> Vec<Parameter<'a, T>> {
    let rename = |p: Parameter<'a, T>| Parameter { name: format!("{prefix}{}", p.name), ..p };
    part.parameters().into_iter().map(rename).collect()
}

/// The parameters of a part, as those of the whole.
pub(crate) fn within_mut<'a, T: Float>(
    prefix: &str,
    part: &'a mut impl Parameters<T>,
) -> Vec<ParameterMut<'a, T>> {
    let rename = |p: ParameterMut<'a, T>| ParameterMut { name: format!("{prefix}{}", p.name), ..p };
    part.parameters_mut().into_iter().map(rename).collect()
}
