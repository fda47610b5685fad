//! Softmax of each row of a matrix, into a given output.

use super::{Amount, Work, numbers, rule};
use attention::softmax::Algorithm;
use matmul::Threads;
use ndarray::{Array2, Axis, s};
use simd::Float;
use std::ops::Range;

/// Which softmax to time.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Who computes it.
    pub algorithm: Algorithm,
    /// Rows of the matrix.
    pub rows: usize,
    /// Numbers of a row, whose shares sum to 1.
    pub columns: usize,
    /// How many threads it may use.
    pub threads: Threads,
}

impl Setting {
    /// Those that are read and those that are written.
    pub fn numbers(&self) -> f64 {
        2.0 * self.rows as f64 * self.columns as f64
    }
}

/// One softmax.
#[derive(Clone, Debug)]
pub struct Softmax<T> {
    setting: Setting,
    input: Array2<T>,
    out: Array2<T>,
}

impl<T: Float> Softmax<T> {
    /// Of random numbers.
    pub fn new(setting: Setting) -> Self {
        let shape = (setting.rows, setting.columns);
        Self { setting, input: Array2::from_shape_simple_fn(shape, numbers(1)), out: Array2::zeros(shape) }
    }

    /// The textbook's shares of these rows, in the precision of `U`.
    fn plain<U: Float>(&self, rows: Range<usize>) -> Array2<U> {
        let mut shares = self.input.slice(s![rows, ..]).mapv(|x| U::of(x.as_f64()));
        for mut row in shares.rows_mut() {
            let max = row.fold(U::neg_infinity(), |max, &x| max.max(x));
            row.mapv_inplace(|x| (x - max).exp());
            let sum = row.iter().copied().sum::<U>();
            row.mapv_inplace(|x| x / sum);
        }
        shares
    }
}

impl<T: Float> Work for Softmax<T> {
    fn call(&mut self) {
        let Setting { algorithm, threads, .. } = self.setting;
        algorithm
            .softmax_into(self.input.view(), Axis(1), self.out.view_mut(), threads)
            .expect("both have one shape");
        std::hint::black_box(&mut self.out);
    }

    fn wrong(&mut self) -> usize {
        self.call();
        let wrong_in = |rows: Range<usize>| {
            let (plain, exact) = (self.plain::<T>(rows.clone()), self.plain::<f64>(rows.clone()));
            rule::wrong(self.out.slice(s![rows, ..]), plain.view(), exact.view())
        };
        rule::sample(self.setting.rows).into_iter().map(wrong_in).sum()
    }

    fn amount(&self) -> Amount {
        Amount::Bytes(self.setting.numbers() * size_of::<T>() as f64)
    }

    fn result_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_have_other_shares() {
        let setting = Setting { algorithm: Algorithm::Shifted, rows: 2, columns: 50, threads: Threads::ONE };
        let mut softmax = Softmax::<f32>::new(setting);
        softmax.call();
        softmax.input[(1, 49)] += 0.5;
        let (plain, exact) = (softmax.plain::<f32>(0..2), softmax.plain::<f64>(0..2));
        assert_eq!(rule::wrong(softmax.out.view(), plain.view(), exact.view()), 50);
    }
}
