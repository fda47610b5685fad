//! The types that arithmetic is written for, by name: all that is timed is compiled here, once, and not in every program
//! that measures.

use super::Work;
use super::attention::{self, Attention};
use super::multi_head::{self, MultiHead};
use super::product::{self, By, Product};
use super::softmax::{self, Softmax};
use crate::parallel::OnRanks;
use crate::timed::parallel::{self, Measured};
use crate::timed::start::Repeat;
use ::attention::Threads;
use ::parallel::Float;

/// An element type that is known by its name only when the program runs.
#[derive(Clone, Copy, Debug)]
pub struct Dtype {
    /// As in Rust.
    pub name: &'static str,
    /// [`Product::new`] for this type.
    pub product: fn(By, product::Sizes) -> Box<dyn Work>,
    /// [`Softmax::new`] for this type.
    pub softmax: fn(softmax::Setting) -> Box<dyn Work>,
    /// [`Attention::new`] for this type.
    pub attention: fn(attention::Setting) -> ::attention::Result<Box<dyn Work>>,
    /// [`MultiHead::new`] for this type.
    pub multi_head: fn(multi_head::Setting) -> layers::Result<Box<dyn Work>>,
    /// [`parallel::measure`] for this type.
    pub on_ranks: fn(attention::Setting, OnRanks, Option<Threads>, Repeat) -> ::parallel::Result<Measured>,
}

impl Dtype {
    const fn of<T: Float>() -> Self {
        Self {
            name: <T as simd::Float>::NAME,
            product: |by, sizes| Box::new(Product::<T>::new(by, sizes)),
            softmax: |setting| Box::new(Softmax::<T>::new(setting)),
            attention: |setting| Ok(Box::new(Attention::<T>::new(setting)?)),
            multi_head: |setting| Ok(Box::new(MultiHead::<T>::new(setting)?)),
            on_ranks: |setting, on, alone, repeat| {
                parallel::measure(&Attention::<T>::new(setting)?, on, alone, repeat)
            },
        }
    }
}

/// `f32`.
pub static F32: Dtype = Dtype::of::<f32>();

/// `f64`.
pub static F64: Dtype = Dtype::of::<f64>();
