//! Weights in the format of safetensors: a header that says where each tensor is, and their bytes.
//!
//! ```text
//! ┌─────────┬────────────────────────────────────────────────────────────────┬─────────────────┐
//! │ 8 bytes │ {"q_proj.weight": {"dtype": "F32", "shape": [64, 64],          │ numbers, lowest │
//! │ length  │                    "data_offsets": [0, 16384]}, ...}           │ byte first      │
//! └─────────┴────────────────────────────────────────────────────────────────┴─────────────────┘
//! ```

use super::stored::{Kind, Stored};
use super::{Error, at, read_file};
use crate::{Float, Parameters, Result};
use ndarray::ArrayViewD;
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// Loads a layer's parameters from the bytes of a file: those whose names begin with the prefix.
///
/// ```
/// use layers::{Linear, weights::safetensors};
///
/// let layer = Linear::<f32>::random(3, 2, true, &mut fastrand::Rng::with_seed(1));
/// let bytes = safetensors::save(&layer, "model.head.")?;
/// let mut other = Linear::<f64>::zeros(3, 2, true);
/// safetensors::load(&mut other, "model.head.", &bytes)?;
/// assert_eq!(other.weight, layer.weight.mapv(f64::from));
/// # Ok::<(), layers::Error>(())
/// ```
///
/// # Errors
///
/// If the bytes aren't a whole file of this format, or parameters and tensors don't fit each other; then no
/// parameter was changed.
pub fn load<T: Float>(layer: &mut impl Parameters<T>, prefix: &str, bytes: &[u8]) -> Result<()> {
    let file = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in file.iter() {
        let kind = match tensor.dtype() {
            Dtype::F16 => Ok(Kind::F16),
            Dtype::BF16 => Ok(Kind::Bf16),
            Dtype::F32 => Ok(Kind::F32),
            Dtype::F64 => Ok(Kind::F64),
            other => Err(format!("{other:?}").to_lowercase()),
        };
        let (shape, bytes) = (tensor.shape().to_vec(), tensor.data());
        let stored = Stored { kind, shape, bytes, big_endian: false, column_major: false };
        tensors.insert(name.to_string(), stored);
    }
    Ok(super::load(layer, prefix, &tensors)?)
}

/// The bytes of a file with a layer's parameters, each name with the prefix before it.
///
/// # Errors
///
/// If the format can't hold them.
pub fn save<T: Float>(layer: &impl Parameters<T>, prefix: &str) -> Result<Vec<u8>> {
    Ok(safetensors::serialize(named(layer, prefix), None).map_err(not_safetensors)?)
}

/// [`load`] from a file.
///
/// # Errors
///
/// As [`load`], or if the file can't be read.
pub fn read<T: Float>(layer: &mut impl Parameters<T>, prefix: &str, path: impl AsRef<Path>) -> Result<()> {
    load(layer, prefix, &read_file(path.as_ref())?)
}

/// [`save`] to a file.
///
/// # Errors
///
/// If the file can't be written.
pub fn write<T: Float>(layer: &impl Parameters<T>, prefix: &str, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    safetensors::serialize_to_file(named(layer, prefix), None, path).map_err(|e| at(path)(e.to_string()))?;
    Ok(())
}

fn named<'a, T: Float>(
    layer: &'a impl Parameters<T>,
    prefix: &str,
) -> impl Iterator<Item = (String, Tensor<'a, T>)> {
    layer.parameters().into_iter().map(move |p| (format!("{prefix}{}", p.name), Tensor(p.values)))
}

fn not_safetensors(error: SafeTensorError) -> Error {
    Error::Format { format: "a safetensors file", problem: error.to_string() }
}

/// A parameter as the format's library takes it; its bytes are made when they are asked for.
struct Tensor<'a, T>(ArrayViewD<'a, T>);

impl<T: Float> View for Tensor<'_, T> {
    fn dtype(&self) -> Dtype {
        match size_of::<T>() {
            4 => Dtype::F32,
            _ => Dtype::F64,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let exact = "any float can be made of any other";
        match size_of::<T>() {
            4 => self.0.iter().flat_map(|x| x.to_f32().expect(exact).to_le_bytes()).collect(),
            _ => self.0.iter().flat_map(|x| x.to_f64().expect(exact).to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        self.0.len() * size_of::<T>()
    }
}
