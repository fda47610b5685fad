//! Weights from files and to files: every layer loads and saves itself, by the names of its [`Parameters`].
//!
//! ```text
//! a file in the format of safetensors                        the layer
//!   model.layers.0.self_attn.q_proj.weight  (64, 64) f16 ──►   q_proj.weight  (64, 64) f32
//!   └────── prefix ────────┘└─── name ────┘
//! ```
//!
//! A parameter and a tensor must agree in name and shape, and each number of the tensor's type must be a
//! number of the parameter's: f16, bf16 and f32 can be loaded as f32 and as f64, but f64 can't be loaded as
//! f32, which would round. What begins with the prefix must be taken by a parameter. Anything else is an
//! error, found before a parameter is changed.
//!
//! | module | format |
//! |---|---|
//! | [`safetensors`] | all tensors in one file: Hugging Face's format |
//! | [`npy`] | a file for each array: NumPy's format |

mod error;
pub mod npy;
pub mod safetensors;
mod stored;
#[cfg(test)]
mod tests;

pub use error::Error;

use crate::{Float, Parameters};
use std::collections::BTreeMap;
use std::path::Path;
use stored::Stored;

/// Loads the parameters of a layer from the tensors whose names begin with the prefix.
fn load<T: Float>(
    layer: &mut impl Parameters<T>,
    prefix: &str,
    tensors: &BTreeMap<String, Stored<'_>>,
) -> Result<(), Error> {
    let mut parameters = layer.parameters_mut();
    for parameter in &parameters {
        let name = format!("{prefix}{}", parameter.name);
        let expected = parameter.values.shape();
        match tensors.get(&name) {
            None => return Err(Error::Missing { name, shape: expected.to_vec() }),
            Some(tensor) => tensor.check::<T>(&name, expected)?,
        }
    }
    let taken = |name: &str| parameters.iter().any(|p| name[prefix.len()..] == p.name);
    let names: Vec<String> =
        tensors.keys().filter(|name| name.starts_with(prefix) && !taken(name)).cloned().collect();
    if !names.is_empty() {
        return Err(Error::Leftover { names });
    }
    for parameter in &mut parameters {
        tensors[&format!("{prefix}{}", parameter.name)].write_to(parameter.values.view_mut());
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| at(path)(error.to_string()))
}

/// What is wrong with a file, and which.
fn at(path: &Path) -> impl Fn(String) -> Error + '_ {
    |problem| Error::File { path: path.into(), problem }
}
