//! Scaled dot-product attention: every algorithm, on one thread and on two.

use crate::compare;
use crate::file::Golden;
use attention::{Algorithm, Mask, Options, Threads};
use ndarray::{Array1, Array4};
use serde_json::Value;
use simd::Float;

pub(crate) fn check<T: Float>(golden: &Golden) {
    assert_eq!(golden.kind(), "attention");
    let allowed: Option<Array4<T>> = golden.find("allowed");
    let allowed = allowed.map(|allowed| allowed.mapv(|allowed| !allowed.is_zero()));
    let bias: Option<Array4<T>> = golden.find("bias");
    let slopes: Option<Array1<T>> = golden.find("slopes");

    let causal = golden.parameter("causal", Value::as_bool).expect("yes or no");
    let offset = golden.parameter("offset", Value::as_i64).expect("a number") as isize;
    let mut mask = if causal { Mask::causal() } else { Mask::none() }.offset(offset);
    if let Some((left, right)) = golden.parameter("window", pair) {
        mask = mask.window(left, right);
    }
    if let Some(documents) = golden.parameter("documents", Value::as_array) {
        let pairs = documents.iter().map(|lengths| pair(lengths).expect("queries and keys"));
        let (queries, keys): (Vec<_>, Vec<_>) = pairs.unzip();
        mask = mask.documents(&queries, &keys);
    }
    if let Some(slopes) = &slopes {
        mask = mask.alibi(slopes.as_slice().expect("in order"));
    }
    if let Some(allowed) = &allowed {
        mask = mask.allowed(allowed.view());
    }
    if let Some(bias) = &bias {
        mask = mask.bias(bias.view());
    }
    let scale = golden.parameter("scale", Value::as_f64).map(T::of);

    let tensor = |name| -> Array4<T> { golden.tensor(name) };
    let (query, key, value, gradient) = (tensor("query"), tensor("key"), tensor("value"), tensor("gradient"));
    for algorithm in Algorithm::ALL {
        for threads in [1, 2] {
            let options =
                Options { mask: mask.clone(), scale, dropout: None, threads: Threads::new(threads) };
            let (q, k, v) = (query.view(), key.view(), value.view());
            let attended = algorithm.forward(q, k, v, &options).expect("shapes that fit");
            let upstream = attended.upstream(gradient.view());
            let gradients = algorithm.backward(q, k, v, upstream, &options).expect("shapes that fit");
            let what = format!("{} on {threads} thread(s)", algorithm.name());
            compare(
                golden,
                &what,
                &[
                    ("output", attended.output.view().into_dyn()),
                    ("lse", attended.lse.view().into_dyn()),
                    ("d_query", gradients.query.view().into_dyn()),
                    ("d_key", gradients.key.view().into_dyn()),
                    ("d_value", gradients.value.view().into_dyn()),
                ],
            );
        }
    }
}

fn pair(value: &Value) -> Option<(usize, usize)> {
    let number = |n: usize| Some(value.get(n)?.as_u64()? as usize);
    Some((number(0)?, number(1)?))
}
