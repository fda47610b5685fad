use super::*;
use crate::Mask;
use crate::multi_head::Call;
use crate::multi_head::tests::{SIZES, layer};
use crate::testing::{assert_close, random};
use ndarray::{Array1, Axis, concatenate, s};

const BATCH: usize = 2;

/// A whole sequence in one pass.
fn at_once(layer: &MultiHeadAttention<f64>, x: &Array3<f64>, mask: Mask<'_, f64>) -> Array3<f64> {
    layer.infer(x.view(), &Call { options: Options::masked(mask), ..Call::default() }).unwrap()
}

/// Pieces of 0 to 3 tokens.
fn splits(tokens: usize, rng: &mut fastrand::Rng) -> Vec<std::ops::Range<usize>> {
    let mut splits = Vec::new();
    let mut first = 0;
    while first < tokens {
        let end = tokens.min(first + rng.usize(0..=3));
        splits.push(first..end);
        first = end;
    }
    splits
}

#[test]
fn decoding_is_the_whole_pass() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for (index, sizes) in SIZES.into_iter().enumerate() {
        for mask in
            [Mask::causal(), Mask::causal().window(3, 0), Mask::causal().alibi(&vec![0.3; sizes.heads])]
        {
            let layer = layer(sizes, index % 2 == 0, index % 3 != 0, rng);
            let x: Array3<f64> = random((BATCH, 12, sizes.dim), rng);
            let expected = at_once(&layer, &x, mask.clone());
            let options = Options::masked(mask.offset(7)); // which decoding sets as it must be

            let mut cache = KeyValueCache::new(BATCH, sizes.kv_heads, 12, sizes.head_dim);
            let mut pages = PagedCache::new(20, sizes.kv_heads, 3, sizes.head_dim);
            let sequences = [pages.begin(), pages.begin()];
            for tokens in splits(12, rng) {
                let x = x.slice(s![.., tokens.clone(), ..]);
                let expected = expected.slice(s![.., tokens, ..]);
                let y = layer.decode(x, &mut cache, &options).unwrap();
                assert_close(&y, &expected, 1e-13);
                let y = layer.decode_paged(x, &mut pages, &sequences, &options).unwrap();
                assert_close(&y, &expected, 1e-13);
            }
        }
    }
}

/// A prompt at once, longer than any tile, then token by token; the default of f32.
#[test]
fn a_prompt_and_then_tokens() {
    let rng = &mut fastrand::Rng::with_seed(2);
    let sizes = crate::multi_head::Sizes { dim: 32, heads: 4, kv_heads: 2, head_dim: 16 };
    let layer = MultiHeadAttention::<f32>::random(sizes, true, rng);
    let x: Array3<f32> = random((1, 206, 32), rng);
    let options = Options::masked(Mask::causal());
    let expected = layer.infer(x.view(), &Call { options: options.clone(), ..Call::default() }).unwrap();
    let mut cache = KeyValueCache::new(1, 2, 300, 16);
    let mut pages = PagedCache::new(20, 2, 16, 16);
    let sequence = pages.begin();
    for tokens in [0..200, 200..201, 201..202, 202..206] {
        let (x, expected) = (x.slice(s![.., tokens.clone(), ..]), expected.slice(s![.., tokens, ..]));
        assert_close(&layer.decode(x, &mut cache, &options).unwrap(), &expected, 1e-6);
        assert_close(&layer.decode_paged(x, &mut pages, &[sequence], &options).unwrap(), &expected, 1e-6);
    }
}

/// What was decoded before a truncation has no influence on what is decoded after it, and forks none on each
/// other: not even NaN.
#[test]
fn after_truncate_and_fork() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let sizes = SIZES[1];
    let layer = layer(sizes, true, true, rng);
    let options = Options::masked(Mask::causal());
    let common: Array3<f64> = random((BATCH, 5, 8), rng);
    let refused = Array3::from_elem((BATCH, 4, 8), f64::NAN);
    let (left, right): (Array3<f64>, Array3<f64>) = (random((BATCH, 6, 8), rng), random((BATCH, 3, 8), rng));
    let expected = |rest: &Array3<f64>| {
        let whole = concatenate(Axis(1), &[common.view(), rest.view()]).unwrap();
        at_once(&layer, &whole, Mask::causal()).slice(s![.., 5.., ..]).to_owned()
    };

    let mut cache = KeyValueCache::new(BATCH, sizes.kv_heads, 11, sizes.head_dim);
    layer.decode(common.view(), &mut cache, &options).unwrap();
    layer.decode(refused.view(), &mut cache, &options).unwrap();
    cache.truncate(5).unwrap();
    let mut fork = cache.fork();
    assert_close(&layer.decode(left.view(), &mut cache, &options).unwrap(), &expected(&left), 1e-13);
    assert_close(&layer.decode(right.view(), &mut fork, &options).unwrap(), &expected(&right), 1e-13);

    let mut pages = PagedCache::new(15, sizes.kv_heads, 3, sizes.head_dim);
    let one = [pages.begin(), pages.begin()];
    layer.decode_paged(common.view(), &mut pages, &one, &options).unwrap();
    layer.decode_paged(refused.view(), &mut pages, &one, &options).unwrap();
    one.iter().for_each(|&sequence| pages.truncate(sequence, 5).unwrap());
    let other = one.map(|sequence| pages.fork(sequence).unwrap());
    assert_close(
        &layer.decode_paged(left.view(), &mut pages, &one, &options).unwrap(),
        &expected(&left),
        1e-13,
    );
    let y = layer.decode_paged(right.view(), &mut pages, &other, &options).unwrap();
    assert_close(&y, &expected(&right), 1e-13);
}

#[test]
fn sequences_of_different_lengths_in_one_batch() {
    let rng = &mut fastrand::Rng::with_seed(4);
    let sizes = SIZES[3];
    let layer = layer(sizes, true, true, rng);
    let options = Options::masked(Mask::causal());
    let mut pages = PagedCache::new(30, sizes.kv_heads, 2, sizes.head_dim);
    let lengths = [7, 0, 4];
    let xs = lengths.map(|length| random::<f64, _>((1, length + 2, sizes.dim), rng));
    let sequences = lengths.map(|_| pages.begin());
    for ((x, length), sequence) in xs.iter().zip(lengths).zip(sequences) {
        let prompt = x.slice(s![.., ..length, ..]);
        layer.decode_paged(prompt, &mut pages, &[sequence], &options).unwrap();
    }
    for step in 0..2 {
        let new: Vec<_> = xs
            .iter()
            .zip(lengths)
            .map(|(x, length)| x.slice(s![.., length + step..length + step + 1, ..]))
            .collect();
        let y = layer
            .decode_paged(concatenate(Axis(0), &new).unwrap().view(), &mut pages, &sequences, &options)
            .unwrap();
        for ((x, length), y) in xs.iter().zip(lengths).zip(y.outer_iter()) {
            let expected = at_once(&layer, x, Mask::causal());
            assert_close(&y, &expected.slice(s![0, length + step..length + step + 1, ..]), 1e-13);
        }
    }
}

#[test]
fn what_is_refused_leaves_the_cache_as_it_was() {
    let rng = &mut fastrand::Rng::with_seed(5);
    let sizes = SIZES[1];
    let layer = layer(sizes, true, true, rng);
    let options = Options::masked(Mask::causal());
    let mut cache = KeyValueCache::new(1, sizes.kv_heads, 4, sizes.head_dim);
    let mut pages = PagedCache::new(2, sizes.kv_heads, 2, sizes.head_dim);
    let sequence = pages.begin();
    let x: Array3<f64> = random((1, 3, 8), rng);
    layer.decode(x.view(), &mut cache, &options).unwrap();
    layer.decode_paged(x.view(), &mut pages, &[sequence], &options).unwrap();
    let before = (cache.keys().to_owned(), pages.table(sequence).unwrap().to_vec());

    let two = x.slice(s![.., ..2, ..]);
    let error = layer.decode(two, &mut cache, &options).unwrap_err();
    assert_eq!(error.to_string(), "the cache holds 3 of 4 tokens, and 2 more don't fit");
    let error = layer.decode_paged(two, &mut pages, &[sequence], &options).unwrap_err();
    assert_eq!(error.to_string(), "1 more pages are needed, and 0 of 2 are free");
    // A mask that doesn't fit is found after the keys were added, and they are taken out again.
    let one = x.slice(s![.., ..1, ..]);
    let wrong = Options::masked(Mask::causal().alibi(&[1.0]));
    assert!(layer.decode(one, &mut cache, &wrong).is_err());
    assert!(layer.decode_paged(one, &mut pages, &[sequence], &wrong).is_err());
    let mut crooked = layer.clone();
    crooked.output.bias = Some(Array1::zeros(7));
    assert!(crooked.decode(one, &mut cache, &options).is_err());
    assert!(crooked.decode_paged(one, &mut pages, &[sequence], &options).is_err());
    let message = layer.decode_paged(one, &mut pages, &[sequence; 2], &options).unwrap_err().to_string();
    assert!(message.starts_with("x is (1, 1, 8), and (2, 1, 8) was expected"), "{message}");
    assert_eq!((cache.keys().to_owned(), pages.table(sequence).unwrap().to_vec()), before);
    assert_eq!((cache.len(), pages.len(sequence).unwrap()), (3, 3));
}
