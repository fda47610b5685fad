//! A case with all that checks ask of it again and again, computed once.

use super::{Case, Inputs, Oracle};

/// A case, its inputs and what attention should make of them.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The case.
    pub case: Case,
    /// Its inputs, in f64.
    pub inputs: Inputs<f64>,
    /// The same numbers in f32.
    pub single: Inputs<f32>,
    /// What is right for both.
    pub oracle: Oracle,
}

impl Trial {
    /// Of this case.
    pub fn new(case: Case) -> Self {
        let inputs = Inputs::of(&case);
        let oracle = Oracle::of(&case, &inputs);
        Trial { single: Inputs::of(&case), inputs, oracle, case }
    }
}
