//! The layer by the formulas, a sequence at a time, with ndarray's products and the naive attention.

use super::Setting;
use attention::algorithm::{Attended, Gradients};
use attention::naive;
use layers::multi_head::Sizes;
use layers::{Float, Linear};
use ndarray::{Array1, Array2, Array3, Array4, ArrayD, ArrayView2, ArrayView3, Axis, s};

/// What the layer should give, in the precision of `U`.
#[derive(Clone, Debug)]
pub(super) struct Textbook<U> {
    /// The output, (B, T, dim).
    pub(super) y: Array3<U>,
    /// The gradient of the input, (B, T, dim).
    pub(super) dx: Array3<U>,
    /// The gradients of the fused projections, of their bias, of Wo, and of its bias.
    pub(super) parameters: [ArrayD<U>; 4],
}

impl<U: Float> Textbook<U> {
    /// Forward and backward.
    pub(super) fn of<T: Float>(
        setting: &Setting,
        inputs: &Linear<T>,
        output: &Linear<T>,
        x: ArrayView3<'_, T>,
        gradient: ArrayView3<'_, T>,
    ) -> Self {
        let convert = |x: T| U::of(x.as_f64());
        let weight = |linear: &Linear<T>| linear.weight.mapv(convert);
        let bias =
            |linear: &Linear<T>| linear.bias.as_ref().map(|bias| bias.mapv(convert)).unwrap_or_default();
        let (w_in, b_in, w_out, b_out) = (weight(inputs), bias(inputs), weight(output), bias(output));
        let (mut dw_in, mut db_in) = (Array2::zeros(w_in.dim()), Array1::zeros(b_in.dim()));
        let (mut dw_out, mut db_out) = (Array2::zeros(w_out.dim()), Array1::zeros(b_out.dim()));
        let (mut y, mut dx) = (Array3::zeros(x.dim()), Array3::zeros(x.dim()));
        let options = setting.call::<U>().options;

        for b in 0..setting.batch {
            let x = x.index_axis(Axis(0), b).mapv(convert); // (T, dim)
            let dy = gradient.index_axis(Axis(0), b).mapv(convert);

            let projected = heads(setting, (x.dot(&w_in.t()) + &b_in).view()); // (1, H + 2 G, T, D)
            let [q, k, v] = parts(&setting.sizes).map(|part| projected.slice(s![.., part, .., ..]));
            let attended = naive::forward(q, k, v, &options).expect("the sizes fit");
            let together = tokens(&attended); // (T, H D)
            y.index_axis_mut(Axis(0), b).assign(&(together.dot(&w_out.t()) + &b_out));

            let d_together = dy.dot(&w_out);
            dw_out += &dy.t().dot(&together);
            db_out += &dy.sum_axis(Axis(0));
            let d_attended = heads(setting, d_together.view()); // (1, H, T, D)
            let upstream = attended.upstream(d_attended.view());
            let d_heads = naive::backward(q, k, v, upstream, &options).expect("the sizes fit");
            let d_projected = side_by_side(&d_heads); // (T, (H + 2 G) D)
            dx.index_axis_mut(Axis(0), b).assign(&d_projected.dot(&w_in));
            dw_in += &d_projected.t().dot(&x);
            db_in += &d_projected.sum_axis(Axis(0));
        }
        let parameters = [dw_in.into_dyn(), db_in.into_dyn(), dw_out.into_dyn(), db_out.into_dyn()];
        Self { y, dx, parameters }
    }
}

/// Which heads are queries, keys and values.
fn parts(sizes: &Sizes) -> [std::ops::Range<usize>; 3] {
    let &Sizes { heads, kv_heads, .. } = sizes;
    [0..heads, heads..heads + kv_heads, heads + kv_heads..heads + 2 * kv_heads]
}

/// (T, n D) to (1, n, T, D).
fn heads<U: Float>(setting: &Setting, rows: ArrayView2<'_, U>) -> Array4<U> {
    let head_dim = setting.sizes.head_dim;
    let count = rows.ncols() / head_dim;
    Array4::from_shape_fn((1, count, rows.nrows(), head_dim), |(_, n, t, d)| rows[(t, n * head_dim + d)])
}

/// (1, H, T, D) to (T, H D).
fn tokens<U: Float>(attended: &Attended<U>) -> Array2<U> {
    flat(&attended.output)
}

/// The gradients of q, k and v: (T, (H + 2 G) D).
fn side_by_side<U: Float>(gradients: &Gradients<U>) -> Array2<U> {
    let all = [&gradients.query, &gradients.key, &gradients.value].map(flat);
    ndarray::concatenate(Axis(1), &all.each_ref().map(|part| part.view())).expect("all have T rows")
}

/// (1, n, T, D) to (T, n D).
fn flat<U: Float>(heads: &Array4<U>) -> Array2<U> {
    let (_, count, tokens, head_dim) = heads.dim();
    Array2::from_shape_fn((tokens, count * head_dim), |(t, i)| heads[(0, i / head_dim, t, i % head_dim)])
}
