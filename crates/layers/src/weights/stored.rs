//! A tensor as it stands in a file.

use super::Error;
use crate::Float;
use half::{bf16, f16};
use ndarray::ArrayViewMutD;

/// The types that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
}

/// A tensor as it stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Stored<'a> {
    /// `Err`: the name of a type that can't be read.
    pub(super) kind: Result<Kind, String>,
    pub(super) shape: Vec<usize>,
    /// As many as type and shape say.
    pub(super) bytes: &'a [u8],
    /// The highest byte of a number comes first.
    pub(super) big_endian: bool,
    /// The first index runs fastest.
    pub(super) column_major: bool,
}

impl Kind {
    pub(super) fn bytes(self) -> usize {
        match self {
            Kind::F16 | Kind::Bf16 => 2,
            Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::F16 => "f16",
            Kind::Bf16 => "bf16",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
        }
    }
}

impl Stored<'_> {
    /// That it can be loaded into a parameter of T of this shape.
    pub(super) fn check<T: Float>(&self, name: &str, expected: &[usize]) -> Result<(), Error> {
        let wrong_type = |found: &str| {
            let expected = match size_of::<T>() {
                4 => "f16, bf16 or f32",
                _ => "f16, bf16, f32 or f64",
            };
            Err(Error::Type { name: name.into(), found: found.into(), expected })
        };
        match &self.kind {
            Err(found) => wrong_type(found),
            Ok(kind) if kind.bytes() > size_of::<T>() => wrong_type(kind.name()),
            Ok(_) if self.shape != expected => Err(Error::Shape {
                name: name.into(),
                shape: self.shape.clone(),
                expected: expected.to_vec(),
            }),
            Ok(_) => Ok(()),
        }
    }

    /// Writes its numbers to an array of its shape. It was checked.
    pub(super) fn write_to<T: Float>(&self, values: ArrayViewMutD<'_, T>) {
        match self.kind {
            Ok(Kind::F16) => self.write(values, |bytes| cast(f16::from_le_bytes(bytes).to_f32())),
            Ok(Kind::Bf16) => self.write(values, |bytes| cast(bf16::from_le_bytes(bytes).to_f32())),
            Ok(Kind::F32) => self.write(values, |bytes| cast(f32::from_le_bytes(bytes))),
            Ok(Kind::F64) => self.write(values, |bytes| cast(f64::from_le_bytes(bytes))),
            Err(_) => unreachable!("it was checked"),
        }
    }

    fn write<T: Float, const N: usize>(&self, values: ArrayViewMutD<'_, T>, number: impl Fn([u8; N]) -> T) {
        let values = if self.column_major { values.reversed_axes() } else { values };
        for (value, &bytes) in values.into_iter().zip(self.bytes.as_chunks::<N>().0) {
            let mut bytes = bytes;
            if self.big_endian {
                bytes.reverse();
            }
            *value = number(bytes);
        }
    }
}

/// To the same type, bit for bit; or to a wider one.
fn cast<T: Float>(x: impl num_traits::ToPrimitive) -> T {
    T::from(x).expect("a float of any type can be made of any other")
}
