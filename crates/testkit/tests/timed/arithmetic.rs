//! Arithmetic on one rank, by every algorithm.

use ::attention::softmax::Algorithm as Softmax;
use ::attention::{Algorithm, Shape, Threads};
use layers::multi_head::Sizes;
use testkit::timed::arithmetic::dtype::{F32, F64};
use testkit::timed::arithmetic::{Pass, attention, multi_head, softmax};

#[test]
fn softmax() {
    for &algorithm in Softmax::ALL {
        for (rows, columns) in [(1, 1), (3, 200), (120, 7)] {
            let setting = softmax::Setting { algorithm, rows, columns, threads: Threads::new(2) };
            for dtype in [F32, F64] {
                assert_eq!((dtype.softmax)(setting).wrong(), 0, "{setting:?}");
            }
        }
    }
}

#[test]
fn attention() {
    for (algorithm, pass, causal) in calls() {
        for queries in [1, 130] {
            let shape =
                Shape { batch: 1, heads: 2, kv_heads: 1, queries, keys: 150, head_dim: 8, value_dim: 5 };
            let setting = attention::Setting { algorithm, pass, shape, causal, threads: Threads::ONE };
            for dtype in [F32, F64] {
                assert_eq!((dtype.attention)(setting).expect("sizes").wrong(), 0, "{setting:?}");
            }
        }
    }
}

#[test]
fn attention_with_projections() {
    for (algorithm, pass, causal) in calls() {
        let sizes = Sizes { dim: 24, heads: 4, kv_heads: 2, head_dim: 5 };
        let threads = Threads::new(2);
        let setting = multi_head::Setting { algorithm, pass, batch: 2, sequence: 70, sizes, causal, threads };
        for dtype in [F32, F64] {
            assert_eq!((dtype.multi_head)(setting).expect("sizes").wrong(), 0, "{setting:?}");
        }
    }
}

/// Every algorithm, every pass, without and with a causal mask.
fn calls() -> impl Iterator<Item = (Algorithm, Pass, bool)> {
    let passes = Algorithm::ALL.iter().flat_map(|&algorithm| Pass::ALL.map(|pass| (algorithm, pass)));
    passes.flat_map(|(algorithm, pass)| [false, true].map(|causal| (algorithm, pass, causal)))
}
