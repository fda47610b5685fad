//! Arithmetic, on one thread.
//!
//! ```text
//! matmul/gemm/f32/128x64x64                   m x n x k: rows and columns of the result, terms of a sum
//! matmul/ndarray/f32/128x64x64                the same by ndarray: why the crate `gemm` is behind the seam
//! softmax/online/f32/1024x1024                rows x columns
//! attention/flash/f32/B1H8D64/2048            2048 tokens
//! attention/flash/f32/B1H8D64-causal/2048     of which each sees only those before it
//! attention/split/f32/B1H8D64Q1/4096          one query, as in decoding
//! attention_backward/flash/f32/B1H8D64/2048   the backward pass alone
//! ```

use attention::{Algorithm, Shape, softmax};
use matmul::Threads;
use simd::Float;
use testkit::timed::arithmetic::attention::{Attention, Setting};
use testkit::timed::arithmetic::product::{By, Product, Sizes};
use testkit::timed::arithmetic::softmax::{self as rows, Softmax};
use testkit::timed::arithmetic::{Amount, Pass, Work};

/// The type of the elements.
pub type Dtype = f32;

/// B, H and D of the attentions.
const HEADS: (usize, usize, usize) = (1, 8, 64);

/// Lengths of the sequence: scores that fit in the first cache, in the second, and in none.
const LENGTHS: [usize; 3] = [64, 512, 2048];

/// Keys where there is one query, as in decoding.
const CACHED: usize = 4096;

/// Rows and columns of softmax: what a few heads have in decoding, and a sequence.
const ROWS: [(usize, usize); 2] = [(32, 128), (1024, 1024)];

/// The products that attention is made of: of a tile, of a sequence; and one that is as fast as any.
const PRODUCTS: [(usize, usize, usize); 5] =
    [(128, 64, 64), (64, 64, 128), (1024, 1024, 64), (1024, 64, 1024), (512, 512, 512)];

/// One benchmark.
pub struct Benchmark {
    /// The operation.
    pub group: &'static str,
    /// What follows it in its identifier.
    pub name: String,
    /// What there is to do.
    pub amount: Amount,
    /// Makes what is to be timed.
    pub work: Box<dyn Fn() -> Box<dyn Work>>,
}

/// All benchmarks, those of an operation together.
pub fn benchmarks() -> Vec<Benchmark> {
    [matmul(), softmax(), attention(Pass::Forward), attention(Pass::Backward)].into_iter().flatten().collect()
}

fn matmul() -> Vec<Benchmark> {
    let mut benchmarks = Vec::new();
    for (m, n, k) in PRODUCTS {
        let sizes = Sizes { m, n, k };
        for by in [By::Ndarray, By::Seam(Threads::ONE)] {
            benchmarks.push(Benchmark {
                group: "matmul",
                name: format!("{}/{}/{m}x{n}x{k}", by.name(), Dtype::NAME),
                amount: Amount::Flops(sizes.flops()),
                work: Box::new(move || Box::new(Product::<Dtype>::new(by, sizes))),
            });
        }
    }
    benchmarks
}

fn softmax() -> Vec<Benchmark> {
    let mut benchmarks = Vec::new();
    for (rows, columns) in ROWS {
        for &algorithm in softmax::Algorithm::ALL {
            let setting = rows::Setting { algorithm, rows, columns, threads: Threads::ONE };
            benchmarks.push(Benchmark {
                group: "softmax",
                name: format!("{}/{}/{rows}x{columns}", algorithm.name(), Dtype::NAME),
                amount: Amount::Bytes(setting.numbers() * size_of::<Dtype>() as f64),
                work: Box::new(move || Box::new(Softmax::<Dtype>::new(setting))),
            });
        }
    }
    benchmarks
}

fn attention(pass: Pass) -> Vec<Benchmark> {
    let mut benchmarks = Vec::new();
    // Not `split`, which is for few queries.
    for algorithm in [Algorithm::Naive, Algorithm::Blocked, Algorithm::Flash] {
        for keys in LENGTHS {
            benchmarks.extend([false, true].map(|causal| attention_of(algorithm, pass, keys, keys, causal)));
        }
    }
    if pass == Pass::Forward {
        benchmarks
            .extend(Algorithm::ALL.iter().map(|&algorithm| attention_of(algorithm, pass, 1, CACHED, false)));
    }
    benchmarks
}

fn attention_of(algorithm: Algorithm, pass: Pass, queries: usize, keys: usize, causal: bool) -> Benchmark {
    let (batch, heads, head_dim) = HEADS;
    let shape = Shape { batch, heads, kv_heads: heads, queries, keys, head_dim, value_dim: head_dim };
    let setting = Setting { algorithm, pass, shape, causal, threads: Threads::ONE };
    let which = match (queries == keys, causal) {
        (true, false) => String::new(),
        (true, true) => "-causal".to_owned(),
        (false, _) => format!("Q{queries}"),
    };
    Benchmark {
        group: if pass == Pass::Forward { "attention" } else { "attention_backward" },
        name: format!("{}/{}/B{batch}H{heads}D{head_dim}{which}/{keys}", algorithm.name(), Dtype::NAME),
        amount: Amount::Flops(setting.flops()),
        work: Box::new(move || Box::new(Attention::<Dtype>::new(setting).expect("good sizes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<String> =
            benchmarks().into_iter().map(|b| format!("{}/{}", b.group, b.name)).collect();
        for name in
            ["matmul/gemm/f32/128x64x64", "softmax/online/f32/32x128", "attention/flash/f32/B1H8D64/2048"]
        {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
