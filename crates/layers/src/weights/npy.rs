//! Weights and other arrays in NumPy's format: a file for each array, with its type, shape and order before
//! the numbers.

use super::stored::{Kind, Stored};
use super::{Error, at, read_file};
use crate::{Float, Parameters, Result};
use ndarray::{ArrayD, ArrayViewD};
use ndarray_npy::WriteNpyExt;
use ndarray_npy::npy::header::Header;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Loads a layer's parameters from the files of a directory: `<prefix><name>.npy` for each.
///
/// # Errors
///
/// If a file is missing, can't be read, isn't of this format, or doesn't fit its parameter, or if there is a
/// file of this prefix for no parameter; then no parameter was changed.
pub fn read<T: Float>(
    layer: &mut impl Parameters<T>,
    prefix: &str,
    directory: impl AsRef<Path>,
) -> Result<()> {
    let directory = directory.as_ref();
    let unreadable = |error: std::io::Error| at(directory)(error.to_string());
    let mut files = BTreeMap::new();
    for entry in directory.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".npy"));
        if let Some(name) = name.filter(|name| name.starts_with(prefix)) {
            files.insert(name.to_string(), (read_file(&path)?, path.clone()));
        }
    }
    let mut tensors = BTreeMap::new();
    for (name, (bytes, path)) in &files {
        tensors.insert(name.clone(), parse(bytes).map_err(|error| at(path)(error.to_string()))?);
    }
    Ok(super::load(layer, prefix, &tensors)?)
}

/// Saves a layer's parameters to the files of a directory that exists: `<prefix><name>.npy` for each.
///
/// # Errors
///
/// If a file can't be written.
pub fn write<T: Float>(layer: &impl Parameters<T>, prefix: &str, directory: impl AsRef<Path>) -> Result<()> {
    for parameter in layer.parameters() {
        let path = directory.as_ref().join(format!("{prefix}{}.npy", parameter.name));
        write_array(parameter.values, path)?;
    }
    Ok(())
}

/// The array of a file's bytes, of any shape.
///
/// # Errors
///
/// If the bytes aren't a whole file of this format, or of a type that would be rounded.
pub fn array<T: Float>(bytes: &[u8]) -> Result<ArrayD<T>> {
    let stored = parse(bytes)?;
    stored.check::<T>("", &stored.shape)?;
    let mut array = ArrayD::zeros(stored.shape.clone());
    stored.write_to(array.view_mut());
    Ok(array)
}

/// [`array()`] of a file.
///
/// # Errors
///
/// As [`array()`], or if the file can't be read.
pub fn read_array<T: Float>(path: impl AsRef<Path>) -> Result<ArrayD<T>> {
    let path = path.as_ref();
    array(&read_file(path)?).map_err(|error| at(path)(error.to_string()).into())
}

/// Writes one array.
///
/// # Errors
///
/// If the file can't be written.
pub fn write_array<T: Float>(array: ArrayViewD<'_, T>, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let file = BufWriter::new(File::create(path).map_err(|error| at(path)(error.to_string()))?);
    let exact = "any float can be made of any other";
    let written = match size_of::<T>() {
        4 => array.mapv(|x| x.to_f32().expect(exact)).write_npy(file),
        _ => array.mapv(|x| x.to_f64().expect(exact)).write_npy(file),
    };
    Ok(written.map_err(|error| at(path)(error.to_string()))?)
}

/// What the bytes of a file hold. The header is the library's to parse; the length is compared here, before
/// any memory is taken for what a corrupted header may claim.
fn parse(bytes: &[u8]) -> Result<Stored<'_>, Error> {
    let wrong = |problem: String| Error::Format { format: "an .npy file", problem };
    let mut rest = bytes;
    let Header { type_descriptor, layout, shape } =
        Header::from_reader(&mut rest).map_err(|error| wrong(error.to_string()))?;
    let descriptor = type_descriptor.as_string().cloned().unwrap_or_else(|| type_descriptor.to_string());
    let kind = match descriptor.trim_start_matches(['<', '>']) {
        "f2" => Kind::F16,
        "f4" => Kind::F32,
        "f8" => Kind::F64,
        _ => {
            let kind = Err(descriptor);
            return Ok(Stored { kind, shape, bytes: &[], big_endian: false, column_major: false });
        }
    };
    // The sizes that aren't 0 must not overflow either, even if there are no elements: strides are made of
    // them.
    let product = |least: usize| {
        let mut sizes = shape.iter().map(|&size| size.max(least));
        sizes.try_fold(kind.bytes(), usize::checked_mul).filter(|&bytes| isize::try_from(bytes).is_ok())
    };
    if product(0) != Some(rest.len()) || product(1).is_none() {
        let elements = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        let (size, given) = (kind.bytes(), rest.len());
        return Err(wrong(format!(
            "{elements} numbers of {size} bytes are announced, and {given} bytes follow"
        )));
    }
    let (big_endian, column_major) = (descriptor.starts_with('>'), layout.is_fortran());
    Ok(Stored { kind: Ok(kind), shape, bytes: rest, big_endian, column_major })
}
