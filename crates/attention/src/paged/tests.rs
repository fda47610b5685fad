//! Paged attention against the naive one on keys and values that lie together.

use super::{PagedKeyValues, forward};
use crate::mask::{Part, Places};
use crate::{Dropout, Error, Mask, Options, Threads, naive};
use ndarray::{Array3, Array4, Axis, concatenate, s};

/// Elements that depend on every index, between -1 and 1.
fn tensor(shape: [usize; 4], seed: f64) -> Array4<f64> {
    Array4::from_shape_fn(shape, |(a, b, c, d)| {
        (seed + a as f64 * 1.7 + b as f64 * 2.3 + c as f64 * 0.9 + d as f64 * 3.1).sin()
    })
}

/// Sequences of these lengths, their keys and values dealt out to pages in an order that nobody would guess.
/// What no sequence owns is NaN.
struct Pool {
    keys: Array4<f64>,
    values: Array4<f64>,
    tables: Vec<Vec<usize>>,
    lengths: Vec<usize>,
}

const G: usize = 2;
const D: usize = 5;
const E: usize = 3;

impl Pool {
    fn new(lengths: &[usize], page_size: usize) -> Pool {
        let needed: Vec<usize> = lengths.iter().map(|length| length.div_ceil(page_size)).collect();
        let pages = needed.iter().sum::<usize>() + 1;
        let mut free: Vec<usize> = (0..pages).map(|page| (page * 7 + 3) % pages).collect();
        if pages.is_multiple_of(7) {
            free = (0..pages).rev().collect(); // 7 would visit some pages twice
        }
        let mut pool = Pool {
            keys: Array4::from_elem((pages, G, page_size, D), f64::NAN),
            values: Array4::from_elem((pages, G, page_size, E), f64::NAN),
            tables: Vec::new(),
            lengths: lengths.to_vec(),
        };
        for (b, (&length, needed)) in lengths.iter().zip(needed).enumerate() {
            let table = free.split_off(free.len() - needed);
            let (key, value) = sequence(b, length);
            for j in 0..length {
                let (page, slot) = (table[j / page_size], j % page_size);
                pool.keys.slice_mut(s![page, .., slot, ..]).assign(&key.slice(s![0, .., j, ..]));
                pool.values.slice_mut(s![page, .., slot, ..]).assign(&value.slice(s![0, .., j, ..]));
            }
            pool.tables.push(table);
        }
        pool
    }

    fn view(&self) -> PagedKeyValues<'_, f64> {
        PagedKeyValues {
            keys: self.keys.view(),
            values: self.values.view(),
            tables: self.tables.iter().map(Vec::as_slice).collect(),
            lengths: self.lengths.clone(),
        }
    }
}

/// Keys (1, G, length, D) and values (1, G, length, E) of sequence b.
fn sequence(b: usize, length: usize) -> (Array4<f64>, Array4<f64>) {
    (tensor([1, G, length, D], b as f64), tensor([1, G, length, E], b as f64 + 0.5))
}

/// Each sequence by itself, with its keys together.
fn expected(
    query: &Array4<f64>,
    lengths: &[usize],
    options: &Options<'_, f64>,
) -> (Array4<f64>, Array3<f64>) {
    let (outputs, lses): (Vec<_>, Vec<_>) = lengths
        .iter()
        .enumerate()
        .map(|(b, &length)| {
            let (key, value) = sequence(b, length);
            let offset = length as isize - query.dim().2 as isize;
            let options = Options { mask: options.mask.clone().offset(offset), ..options.clone() };
            let query = query.slice(s![b..=b, .., .., ..]);
            let attended = naive::forward(query, key.view(), value.view(), &options).expect("it fits");
            (attended.output, attended.lse)
        })
        .unzip();
    let outputs: Vec<_> = outputs.iter().map(|output| output.view()).collect();
    let lses: Vec<_> = lses.iter().map(|lse| lse.view()).collect();
    (concatenate(Axis(0), &outputs).expect("one shape"), concatenate(Axis(0), &lses).expect("one shape"))
}

#[test]
fn equal_to_keys_that_lie_together() {
    let masks = [
        Mask::none(),
        Mask::causal(),
        Mask::causal().window(4, 0),
        Mask::causal().alibi(&[0.5, 0.25, 0.125, 0.0625]),
    ];
    for (page_size, queries) in [(1, 1), (3, 1), (16, 1), (16, 4), (64, 1), (600, 7)] {
        for lengths in [[0, 0, 0], [1, 2, 3], [5, 0, 17], [700, 16, 1100]] {
            for mask in &masks {
                let pool = Pool::new(&lengths, page_size);
                let query = tensor([3, 2 * G, queries, D], 9.0);
                let options = Options::masked(mask.clone()).threads(Threads::new(2));
                let got = forward(query.view(), &pool.view(), &options).expect("it fits");
                let (output, lse) = expected(&query, &lengths, &options);
                let close = |a: f64, b: f64| a == b || (a - b).abs() < 1e-12;
                let case = format!("page size {page_size}, {queries} queries, {lengths:?}, {mask:?}");
                assert!(got.output.iter().zip(&output).all(|(&a, &b)| close(a, b)), "{case}");
                assert!(got.lse.iter().zip(&lse).all(|(&a, &b)| close(a, b)), "{case}");
            }
        }
    }
}

#[test]
fn boolean_masks_biases_and_dropout_go_by_sequence() {
    let lengths = [20, 20];
    let pool = Pool::new(&lengths, 8);
    let query = tensor([2, 2 * G, 3, D], 9.0);
    let bias = tensor([2, 1, 3, 20], 4.0);
    let allowed = bias.mapv(|x| x < 0.5);
    let together = |b: usize| sequence(b, 20);
    let ((k0, v0), (k1, v1)) = (together(0), together(1));
    let key = concatenate![Axis(0), k0, k1];
    let value = concatenate![Axis(0), v0, v1];
    let dropout = Some(Dropout::new(0.3, 7).expect("a probability"));
    let options =
        Options { dropout, ..Options::masked(Mask::none().bias(bias.view()).allowed(allowed.view())) };
    let got = forward(query.view(), &pool.view(), &options).expect("it fits");
    let right = naive::forward(query.view(), key.view(), value.view(), &options).expect("it fits");
    assert!((got.output - right.output).iter().all(|x| x.abs() < 1e-12));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let pool = Pool::new(&[20, 4], 8);
    let query = tensor([2, 4, 1, D], 0.0);
    let message = |key_values: &PagedKeyValues<'_, f64>, query: &Array4<f64>| {
        forward(query.view(), key_values, &Options::default()).expect_err("it doesn't fit").to_string()
    };
    let empty: &[usize] = &[];
    assert_eq!(
        message(&PagedKeyValues { tables: vec![&pool.tables[0], empty], ..pool.view() }, &query),
        "a block table of 0 pages of 8 keys was given for a sequence of 4 keys"
    );
    assert_eq!(
        message(&PagedKeyValues { tables: vec![&pool.tables[0], &[9]], ..pool.view() }, &query),
        "page 9 doesn't exist: there are 5"
    );
    assert_eq!(
        message(&PagedKeyValues { tables: vec![&pool.tables[0]], ..pool.view() }, &query),
        "the list of block tables is (1), and (2) was expected: one for each sequence of the queries"
    );
    assert_eq!(
        message(&PagedKeyValues { lengths: vec![1, 2, 3], ..pool.view() }, &query),
        "the list of lengths is (3), and (2) was expected: one for each sequence of the queries"
    );
    assert_eq!(
        message(&pool.view(), &tensor([2, 4, 1, 6], 0.0)),
        "the pool of keys is (5, 2, 8, 5), and (5, 2, 8, 6) was expected: keys and values are in the same \
         pages, and as long as the queries"
    );
    assert_eq!(
        message(&pool.view(), &tensor([2, 3, 1, D], 0.0)),
        "the queries are (2, 3, 1, 5) and the keys (2, 2, 20, 5): the 3 query heads can't be shared out evenly \
         among 2 key-value heads"
    );
    let none = Array4::zeros((1, 2, 0, D));
    let of_none = |length| PagedKeyValues {
        keys: none.view(),
        values: none.view(),
        tables: vec![&[0], &[0]],
        lengths: vec![0, length],
    };
    assert_eq!(
        message(&of_none(1), &query),
        "a block table of 1 pages of 0 keys was given for a sequence of 1 keys"
    );
    assert!(forward(query.view(), &of_none(0), &Options::default()).is_ok());
    let masked =
        |mask| forward(query.view(), &pool.view(), &Options::masked(mask)).expect_err("it doesn't fit");
    let bias = Array4::zeros((5, 1, 1, 20));
    let error = masked(Mask::none().bias(bias.view())).to_string();
    assert!(error.starts_with("the bias is (5, 1, 1, 20), and (2, 1, 1, 20) was expected"), "{error}");
    let allowed = Array4::from_elem((5, 1, 1, 20), true);
    let error = masked(Mask::none().allowed(allowed.view())).to_string();
    assert!(error.starts_with("the boolean mask is (5, 1, 1, 20), and (2, 1, 1, 20)"), "{error}");
    let part = Part { first_head: 0, heads: 4, queries: Places::All, keys: Places::All };
    let error = masked(Mask::none().part(part)).to_string();
    assert_eq!(error, "the mask is that of a part, and that of the whole was expected");
    let bias = Array4::zeros((1, 1, 1, 20));
    let options = Options::masked(Mask::none().bias(bias.view()));
    let error = forward(query.view(), &pool.view(), &options).expect_err("the second has 4 keys");
    assert!(matches!(error, Error::Shape { argument: "the bias", .. }), "{error}");
}
