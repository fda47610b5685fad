//! Attention as the formulas say it, one pair of a query and a key at a time, in f64.
//!
//! ```text
//! s_ij = scale q_i·k_j + what the mask adds          for the pairs that are seen, and for no others
//! p_ij = exp(s_ij) / Σ_j exp(s_ij)                   w_ij = p_ij / (1 - p) if kept, 0 if dropped
//! o_i  = Σ_j w_ij v_j
//!
//! dp_ij = dO_i·v_j / (1 - p) if kept, else 0         dv_j = Σ_i w_ij dO_i
//! ds_ij = p_ij (dp_ij - Σ_j p_ij dp_ij)              dq_i = scale Σ_j ds_ij k_j     dk_j = scale Σ_i ds_ij q_i
//! ```
//!
//! It shares with what it checks only the choice of what is dropped, which is a function of the seed and of
//! nothing else. Who sees whom it reads off the [`Case`] anew: see [`Sight`].

use super::case::Case;
use super::inputs::{Inputs, dropout};
use super::rows::Rows;
use super::sensitive::Sensitive;
use ndarray::{Array3, Array4, ArrayView4, Axis};

/// What attention should be, forward and backward.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// (B, H, Tq, E).
    pub output: Array4<Sensitive>,
    /// (B, H, Tq).
    pub lse: Array3<Sensitive>,
    /// The gradient of the queries, (B, H, Tq, D).
    pub query: Array4<Sensitive>,
    /// Of the keys, (B, G, Tk, D).
    pub key: Array4<Sensitive>,
    /// Of the values, (B, G, Tk, E).
    pub value: Array4<Sensitive>,
}

impl Oracle {
    /// For these inputs.
    pub fn of(case: &Case, inputs: &Inputs<f64>) -> Self {
        let (q, k, v) = (given(&inputs.query), given(&inputs.key), given(&inputs.value));
        let gradient = given(&inputs.gradient);
        let zero = |like: &Rows<Sensitive>| Rows::filled(like.dim(), Sensitive::default());
        let (mut output, mut dq, mut dk, mut dv) = (zero(&gradient), zero(&q), zero(&k), zero(&v));
        let mut all_lse = Array3::default((case.batch, case.heads, case.queries));
        let (sight, scale) = (Sight::of(case, inputs), Sensitive::given(case.scale()));
        for ((b, h, i), lse) in all_lse.indexed_iter_mut() {
            let g = h * case.kv_heads / case.heads; // heads 0, ..., H/G - 1 share the first
            let dims = |x: &Rows<Sensitive>, y: &Rows<Sensitive>, j| -> Sensitive {
                x.at(b, h, i).iter().zip(y.at(b, g, j)).map(|(&x, &y)| x * y).sum()
            };
            let seen: Vec<(usize, Sensitive)> = (0..case.keys)
                .filter_map(|j| Some((j, sight.added(b, h, i, j)?)))
                .map(|(j, added)| (j, scale * dims(&q, &k, j) + added))
                .collect();
            let max = seen.iter().map(|(_, s)| s.value).fold(f64::NEG_INFINITY, f64::max);
            *lse = match seen.is_empty() {
                true => Sensitive { value: f64::NEG_INFINITY, sensitivity: 0.0 },
                false => {
                    seen.iter().map(|&(_, s)| (s - exact(max)).exp()).sum::<Sensitive>().ln() + exact(max)
                }
            };
            let pairs: Vec<Pair> = seen
                .iter()
                .map(|&(j, s)| {
                    let kept = kept(case, b, h, i, j);
                    Pair { j, share: (s - *lse).exp(), kept, d_share: kept * dims(&gradient, &v, j) }
                })
                .collect();
            let delta: Sensitive = pairs.iter().map(|pair| pair.share * pair.d_share).sum();
            for &Pair { j, share, kept, d_share } in &pairs {
                let d_score = scale * share * (d_share - delta);
                add(output.at_mut(b, h, i), share * kept, v.at(b, g, j));
                add(dv.at_mut(b, g, j), share * kept, gradient.at(b, h, i));
                add(dq.at_mut(b, h, i), d_score, k.at(b, g, j));
                add(dk.at_mut(b, g, j), d_score, q.at(b, h, i));
            }
        }
        let [output, query, key, value] = [output, dq, dk, dv].map(Rows::into_array);
        Oracle { output, lse: all_lse, query, key, value }
    }

    /// Output, log-sum-exp (B, H, Tq, 1), and the gradients of queries, keys and values.
    pub fn tensors(&self) -> [ArrayView4<'_, Sensitive>; 5] {
        [
            self.output.view(),
            self.lse.view().insert_axis(Axis(3)),
            self.query.view(),
            self.key.view(),
            self.value.view(),
        ]
    }
}

/// A query and a key that it sees.
struct Pair {
    j: usize,
    share: Sensitive,
    /// What dropout multiplies the share by.
    kept: Sensitive,
    /// The gradient of the share before dropout.
    d_share: Sensitive,
}

fn add(sums: &mut [Sensitive], factor: Sensitive, row: &[Sensitive]) {
    for (sum, &element) in sums.iter_mut().zip(row) {
        *sum = *sum + factor * element;
    }
}

fn given(x: &Array4<f64>) -> Rows<Sensitive> {
    Rows::of(x.mapv(Sensitive::given).view())
}

/// What is subtracted here is added again there, whatever its last bits.
fn exact(value: f64) -> Sensitive {
    Sensitive { value, sensitivity: 0.0 }
}

fn kept(case: &Case, b: usize, h: usize, i: usize, j: usize) -> Sensitive {
    Sensitive::given(match dropout(case) {
        None => 1.0,
        Some(dropout) if dropout.row(b, h, i).keeps(j) => 1.0 / (1.0 - dropout.probability()),
        Some(_) => 0.0,
    })
}

/// Who sees whom, from the statement in a [`Case`]: each query and each key has a document and a place in it.
pub struct Sight<'a> {
    case: &'a Case,
    inputs: &'a Inputs<f64>,
    /// For each query, its document and its place in it.
    queries: Vec<(usize, isize)>,
    /// For each key.
    keys: Vec<(usize, isize)>,
}

impl<'a> Sight<'a> {
    /// Of this case, whose masks are these.
    pub fn of(case: &'a Case, inputs: &'a Inputs<f64>) -> Self {
        let whole = [(case.queries, case.keys)];
        let documents = case.mask.documents.as_deref().unwrap_or(&whole);
        let place = |length: fn(&(usize, usize)) -> usize| {
            let lengths = documents.iter().map(length).enumerate();
            lengths.flat_map(|(document, length)| (0..length as isize).map(move |n| (document, n))).collect()
        };
        Sight { case, inputs, queries: place(|d| d.0), keys: place(|d| d.1) }
    }

    /// What is added to the score of this pair, if it is seen.
    pub fn added(&self, b: usize, h: usize, i: usize, j: usize) -> Option<Sensitive> {
        let mask = &self.case.mask;
        let ((document, i_in_it), (document_of_key, j_in_it)) = (self.queries[i], self.keys[j]);
        let ahead = j_in_it - (i_in_it + mask.offset); // how far the key is to the right of the query
        let in_window = |(left, right): (usize, usize)| -(left as isize) <= ahead && ahead <= right as isize;
        let visible = document == document_of_key
            && (!mask.causal || ahead <= 0)
            && mask.window.is_none_or(in_window)
            && self.inputs.allowed.as_ref().is_none_or(|allowed| at(allowed.view(), b, h, i, j));
        let slope = self.inputs.slopes.as_ref().map_or(0.0, |slopes| slopes[h]);
        let alibi = Sensitive::given(-slope * ahead.abs() as f64);
        let bias = self.inputs.bias.as_ref().map_or(0.0, |bias| at(bias.view(), b, h, i, j));
        (visible && bias != f64::NEG_INFINITY).then(|| alibi + Sensitive::given(bias))
    }
}

/// An axis of 1 stands for all.
fn at<T: Copy>(mask: ArrayView4<'_, T>, b: usize, h: usize, i: usize, j: usize) -> T {
    let place = [b, h, i, j];
    mask[std::array::from_fn::<usize, 4, _>(|axis| place[axis].min(mask.shape()[axis] - 1))]
}
