//! The matrix product: the seam, against what could have been behind it.

use super::{Amount, Work, numbers, rule};
use matmul::{Threads, Write, product_into};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, s};
use simd::Float;

/// Who computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The crate `matmul`, on so many threads: the seam over the crate `gemm`.
    Seam(Threads),
    /// ndarray's own product, on one thread.
    Ndarray,
}

impl By {
    /// As in the name of a bench.
    pub fn name(self) -> &'static str {
        match self {
            By::Seam(_) => "gemm",
            By::Ndarray => "ndarray",
        }
    }
}

/// The sizes of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Terms of each sum.
    pub k: usize,
}

impl Sizes {
    /// Floating-point operations: a multiplication and an addition for each term.
    pub fn flops(self) -> f64 {
        2.0 * self.m as f64 * self.n as f64 * self.k as f64
    }
}

/// The product whose speed others are compared with: big enough to be as fast as products become, and its three
/// matrices, 1 MiB each in f32, are near. (On an AMD EPYC (Zen 5), 2026-11, those that attention is made of, of
/// 1024 x 1024 x 64, 1024 x 64 x 1024 and 128 x 64 x 64, are within 5% of it.)
pub const YARDSTICK: Sizes = Sizes { m: 512, n: 512, k: 512 };

/// One product, into a given output.
#[derive(Clone, Debug)]
pub struct Product<T> {
    by: By,
    sizes: Sizes,
    a: Array2<T>,   // (m, k)
    b: Array2<T>,   // (k, n)
    out: Array2<T>, // (m, n)
}

impl<T: Float> Product<T> {
    /// Of random matrices of these sizes.
    pub fn new(by: By, sizes: Sizes) -> Self {
        let Sizes { m, n, k } = sizes;
        Self {
            by,
            sizes,
            a: Array2::from_shape_simple_fn((m, k), numbers(1)),
            b: Array2::from_shape_simple_fn((k, n), numbers(2)),
            out: Array2::zeros((m, n)),
        }
    }
}

impl<T: Float> Work for Product<T> {
    fn call(&mut self) {
        match self.by {
            By::Seam(threads) => {
                product_into(self.out.view_mut(), self.a.view(), self.b.view(), Write::Replace, threads)
                    .expect("the sizes fit");
            }
            By::Ndarray => general_mat_mul(T::one(), &self.a, &self.b, T::zero(), &mut self.out),
        }
        std::hint::black_box(&mut self.out);
    }

    /// The plain form is a loop over the terms.
    fn wrong(&mut self) -> usize {
        self.call();
        let wrong_in = |rows: std::ops::Range<usize>| {
            let (a, out) = (self.a.slice(s![rows.clone(), ..]), self.out.slice(s![rows, ..]));
            let terms = |(i, j)| a.row(i).into_iter().zip(self.b.column(j));
            let plain = Array2::from_shape_fn(out.dim(), |ij| terms(ij).map(|(&a, &b)| a * b).sum::<T>());
            let exact = Array2::from_shape_fn(out.dim(), |ij| {
                terms(ij).map(|(a, b)| a.as_f64() * b.as_f64()).sum::<f64>()
            });
            rule::wrong(out, plain.view(), exact.view())
        };
        rule::sample(self.a.nrows()).into_iter().map(wrong_in).sum()
    }

    fn amount(&self) -> Amount {
        Amount::Flops(self.sizes.flops())
    }

    fn result_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<T: Float>(sizes: Sizes) -> [Product<T>; 3] {
        [By::Seam(Threads::ONE), By::Seam(Threads::new(2)), By::Ndarray].map(|by| Product::new(by, sizes))
    }

    #[test]
    fn right_whoever_computes_it() {
        for sizes in [Sizes { m: 3, n: 4, k: 5 }, Sizes { m: 120, n: 70, k: 64 }] {
            for mut product in all::<f32>(sizes) {
                assert_eq!(product.wrong(), 0, "{:?}, {sizes:?}", product.by);
            }
            for mut product in all::<f64>(sizes) {
                assert_eq!(product.wrong(), 0, "{:?}, {sizes:?}", product.by);
            }
        }
    }

    #[test]
    fn another_product_is_wrong() {
        let [mut product, ..] = all::<f32>(Sizes { m: 120, n: 70, k: 64 });
        product.wrong();
        let mut other = product.clone();
        other.a[(119, 3)] += 0.1;
        other.call();
        assert_eq!(rule::wrong(other.out.view(), product.out.view(), product.out.mapv(f64::from).view()), 70);
    }

    #[test]
    fn an_addition_and_a_multiplication_a_term() {
        let product = Product::<f64>::new(By::Ndarray, Sizes { m: 3, n: 4, k: 5 });
        assert_eq!(product.amount(), Amount::Flops(120.0));
    }
}
