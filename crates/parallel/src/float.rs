//! Numbers that layers compute with, and collectives sum.

/// f32 or f64.
pub trait Float: layers::Float + collectives::Number {}

impl<T: layers::Float + collectives::Number> Float for T {}
