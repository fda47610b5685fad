//! The cases of one file of golden values.

use ndarray::{Array, ArrayD, Dimension, IxDyn};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use simd::Float;
use std::collections::BTreeMap;
use std::path::Path;

/// One case: inputs, and what PyTorch makes of them.
pub(crate) struct Golden {
    pub(crate) name: String,
    /// What it is a case of, and with which options.
    pub(crate) parameters: Value,
    /// `tensor` for an input; `tensor/f64` and `tensor/f32` for a result.
    tensors: BTreeMap<String, Tensor>,
}

/// As f64, which holds f32 and booleans exactly.
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// All cases of a file.
pub(crate) fn read(file: &str) -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(format!("{file}.safetensors"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
    let metadata = header.metadata().clone().expect("metadata");
    let cases = metadata.into_iter().filter(|(name, _)| name != "torch").map(|(name, parameters)| {
        let parameters = serde_json::from_str(&parameters).expect("parameters in JSON");
        (name.clone(), Golden { name, parameters, tensors: BTreeMap::new() })
    });
    let mut cases: BTreeMap<String, Golden> = cases.collect();
    for (name, view) in SafeTensors::deserialize(&bytes).expect("tensors").tensors() {
        let (case, tensor) = name.split_once('/').expect("case/tensor");
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F64 => data.as_chunks().0.iter().map(|&x| f64::from_le_bytes(x)).collect(),
            Dtype::F32 => data.as_chunks().0.iter().map(|&x| f64::from(f32::from_le_bytes(x))).collect(),
            Dtype::BOOL => data.iter().map(|&x| f64::from(x)).collect(),
            other => panic!("{name} is of {other:?}"),
        };
        let tensors = &mut cases.get_mut(case).unwrap_or_else(|| panic!("{name} is of no case")).tensors;
        tensors.insert(tensor.to_string(), Tensor { shape: view.shape().to_vec(), values });
    }
    cases.into_values().collect()
}

impl Golden {
    /// An input, or a result with its precision.
    pub(crate) fn tensor<T: Float, D: Dimension>(&self, name: &str) -> Array<T, D> {
        self.find(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    /// The same, if there is one.
    pub(crate) fn find<T: Float, D: Dimension>(&self, name: &str) -> Option<Array<T, D>> {
        let tensor = self.tensors.get(name)?;
        let values = tensor.values.iter().map(|&x| T::of(x)).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&tensor.shape), values).expect("as many as its shape says");
        let shape = &tensor.shape;
        Some(array.into_dimensionality().unwrap_or_else(|_| panic!("{}/{name} is {shape:?}", self.name)))
    }

    /// The names of the results.
    pub(crate) fn results(&self) -> Vec<&str> {
        self.tensors.keys().filter_map(|name| name.strip_suffix("/f64")).collect()
    }

    /// A parameter, if it is given.
    pub(crate) fn parameter<'a, P>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<P>,
    ) -> Option<P> {
        let value = self.parameters.get(name).filter(|value| !value.is_null())?;
        Some(read(value).unwrap_or_else(|| panic!("{}: {name} is {value}", self.name)))
    }

    /// What it is a case of.
    pub(crate) fn kind(&self) -> &str {
        self.parameter("kind", Value::as_str).expect("a kind")
    }

    /// A number that must be there.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.parameter(name, Value::as_u64).unwrap_or_else(|| panic!("{} has no {name}", self.name)) as usize
    }
}
