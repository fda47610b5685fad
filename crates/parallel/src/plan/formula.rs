//! Closed forms, for people: what a rank sends where everything divides.

use super::{Layer, Way};
use crate::Strategy;
use crate::tensor::Keep;

/// A closed form, and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// In the letters B batch, T tokens, H query and G key-value heads, D head dimension, P ranks, and for a
    /// mesh U and R, its ranks along the axes of Ulysses and of the ring.
    pub text: String,
    /// Elements.
    pub elements: f64,
}

/// The expression as text, and its value: what is read is what is computed.
macro_rules! formula {
    ($expression:expr) => {
        Formula { text: readable(stringify!($expression)), elements: $expression }
    };
}

/// What a rank sends forward and backward in one layer.
#[expect(non_snake_case, reason = "the letters of the formulas")]
pub(super) fn of(layer: &Layer, way: Way, ranks: usize) -> [Formula; 2] {
    let layers::multi_head::Sizes { dim, heads, kv_heads, head_dim } = layer.block.attention;
    let [B, T, H, G, D, P, dim] =
        [layer.batch, layer.tokens, heads, kv_heads, head_dim, ranks, dim].map(|size| size as f64);
    match way {
        // Where key-value heads are fewer than ranks each rank has one.
        Way::Tokens(Strategy::Ulysses) => match ranks <= kv_heads {
            true => twice(formula!(B * T * D * (2.0 * H + 2.0 * G) / P * (P - 1.0) / P)),
            false => twice(formula!(B * T * D * (2.0 * H + 2.0 * P) / P * (P - 1.0) / P)),
        },
        Way::Tokens(Strategy::Ring { .. } | Strategy::AllGather { .. }) => {
            [formula!(2.0 * B * T * G * D * (P - 1.0) / P), formula!(4.0 * B * T * G * D * (P - 1.0) / P)]
        }
        Way::Tokens(Strategy::UlyssesRing { ulysses, .. }) => {
            let [U, R] = [ulysses as f64, P / ulysses as f64];
            match ulysses <= kv_heads {
                true => [
                    formula!(
                        B * T * D * ((2.0 * H + 2.0 * G) / P * (U - 1.0) / U + 2.0 * G / U * (R - 1.0) / R)
                    ),
                    formula!(
                        B * T * D * ((2.0 * H + 2.0 * G) / P * (U - 1.0) / U + 4.0 * G / U * (R - 1.0) / R)
                    ),
                ],
                false => [
                    formula!(B * T * D * ((2.0 * H + 2.0 * U) / P * (U - 1.0) / U + 2.0 * (R - 1.0) / R)),
                    formula!(B * T * D * ((2.0 * H + 2.0 * U) / P * (U - 1.0) / U + 4.0 * (R - 1.0) / R)),
                ],
            }
        }
        Way::Tensor | Way::TensorSequence(Keep::Whole) => twice(formula!(4.0 * B * T * dim * (P - 1.0) / P)),
        Way::TensorSequence(Keep::Shard) => {
            [formula!(4.0 * B * T * dim * (P - 1.0) / P), formula!(6.0 * B * T * dim * (P - 1.0) / P)]
        }
    }
}

fn twice(formula: Formula) -> [Formula; 2] {
    [formula.clone(), formula]
}

/// `2.0 * B * (P - 1.0) / P` as `2 B (P-1)/P`.
fn readable(expression: &str) -> String {
    let words: Vec<&str> = expression.split_whitespace().collect();
    words.join(" ").replace(".0", "").replace(" * ", " ").replace(" - ", "-").replace(" / ", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_computed() {
        let (a, b) = (3.0, 4.0);
        let formula = formula!(2.0 * a * (b - 1.0) / b + a);
        assert_eq!(formula, Formula { text: "2 a (b-1)/b + a".into(), elements: 7.5 });
    }
}
