use super::*;
use crate::Error;
use ndarray::Array4;
use std::ops::Range;

/// A mask as the documentation says it, pair by pair, for one document after the other.
#[derive(Clone, Debug, Default)]
struct Definition {
    offset: isize,
    causal: bool,
    window: Option<(usize, usize)>,
    /// Queries and keys of each document.
    documents: Vec<(usize, usize)>,
}

impl Definition {
    fn queries(&self) -> usize {
        self.documents.iter().map(|document| document.0).sum()
    }

    fn keys(&self) -> usize {
        self.documents.iter().map(|document| document.1).sum()
    }

    /// The document of an index and where it stands in it.
    fn within(index: usize, lengths: impl Iterator<Item = usize>) -> (usize, isize) {
        let mut first = 0;
        for (document, length) in lengths.enumerate() {
            if index < first + length {
                return (document, (index - first) as isize);
            }
            first += length;
        }
        unreachable!("{index} is in no document")
    }

    /// How far the key is to the right of the query's position, if they are of the same document.
    fn distance(&self, i: usize, j: usize) -> Option<isize> {
        let (of_query, i) = Definition::within(i, self.documents.iter().map(|document| document.0));
        let (of_key, j) = Definition::within(j, self.documents.iter().map(|document| document.1));
        (of_query == of_key).then_some(j - (i + self.offset))
    }

    fn sees(&self, i: usize, j: usize) -> bool {
        let Some(distance) = self.distance(i, j) else { return false };
        let (left, right) = self.window.unwrap_or((1000, 1000));
        (!self.causal || distance <= 0) && -(left as isize) <= distance && distance <= right as isize
    }

    fn mask(&self) -> Mask<'static, f64> {
        let mask = if self.causal { Mask::causal() } else { Mask::none() };
        let mask = match self.window {
            Some((left, right)) => mask.window(left, right),
            None => mask,
        };
        let mask = mask.offset(self.offset);
        match &self.documents[..] {
            [_] => mask,
            documents => {
                let (queries, keys): (Vec<_>, Vec<_>) = documents.iter().copied().unzip();
                mask.documents(&queries, &keys)
            }
        }
    }

    fn shape(&self) -> Shape {
        Shape {
            batch: 2,
            heads: 3,
            kv_heads: 1,
            queries: self.queries(),
            keys: self.keys(),
            head_dim: 1,
            value_dim: 1,
        }
    }
}

/// All masks that are intervals, for all small sizes.
fn definitions() -> Vec<Definition> {
    let mut all = Vec::new();
    let packed: [&[(usize, usize)]; 5] = [
        &[(3, 3), (2, 2)],
        &[(1, 4), (3, 0), (2, 3)],
        &[(0, 2), (4, 1)],
        &[(2, 5), (0, 0)],
        &[(5, 2), (1, 1)],
    ];
    let single = (0..=6).flat_map(|queries| (0..=6).map(move |keys| vec![(queries, keys)]));
    for documents in single.chain(packed.map(<[_]>::to_vec)) {
        for causal in [false, true] {
            for window in [None, Some((0, 0)), Some((2, 0)), Some((0, 1)), Some((1, 2)), Some((1000, 1))] {
                for offset in [-7, -2, 0, 1, 3, 7] {
                    let documents = documents.clone();
                    all.push(Definition { offset, causal, window, documents });
                }
            }
        }
    }
    all
}

#[test]
fn intervals_are_as_defined() {
    for definition in definitions() {
        let (mask, shape) = (definition.mask(), definition.shape());
        let resolved = mask.resolve(&shape).expect("it fits");
        let head = resolved.head(1, 2);
        for i in 0..shape.queries {
            for j in 0..shape.keys {
                let sees = definition.sees(i, j);
                assert_eq!(head.sees(i, j), sees, "{definition:?}: {i} {j}");
                assert_eq!(head.rows()[i].keys.contains(&j), sees, "{definition:?}: {i} {j}");
                assert_eq!(head.adjusted(i, j, 0.5), if sees { 0.5 } else { f64::NEG_INFINITY });
            }
        }
    }
}

/// What flash leans on to leave out tiles: for every tile of every interval mask.
#[test]
fn spans_and_coverage_are_as_defined() {
    let ranges = |length: usize| {
        (0..length).flat_map(move |first| (first + 1..=length).map(move |end| first..end)).collect::<Vec<_>>()
    };
    let hull = |seen: &[usize]| match (seen.iter().min(), seen.iter().max()) {
        (Some(&first), Some(&last)) => first..last + 1,
        _ => 0..0,
    };
    for definition in
        definitions().into_iter().filter(|definition| definition.queries() + definition.keys() < 11)
    {
        let (mask, shape) = (definition.mask(), definition.shape());
        let resolved = mask.resolve(&shape).expect("it fits");
        let head = resolved.head(0, 0);
        let any = |queries: Range<usize>, keys: Range<usize>| {
            queries.clone().any(|i| keys.clone().any(|j| definition.sees(i, j)))
        };
        for queries in ranges(shape.queries) {
            let seen: Vec<_> = (0..shape.keys).filter(|&j| any(queries.clone(), j..j + 1)).collect();
            assert_eq!(resolved.span(queries.clone()), hull(&seen), "{definition:?} {queries:?}");
            for keys in ranges(shape.keys) {
                let all = queries.clone().all(|i| keys.clone().all(|j| definition.sees(i, j)));
                let expected = match (any(queries.clone(), keys.clone()), all) {
                    (false, _) => Coverage::Nothing,
                    (true, true) => Coverage::Everything,
                    (true, false) => Coverage::Some,
                };
                assert_eq!(
                    head.coverage(queries.clone(), keys.clone()),
                    expected,
                    "{definition:?} {queries:?} {keys:?}"
                );
            }
        }
        for keys in ranges(shape.keys) {
            let seeing: Vec<_> = (0..shape.queries).filter(|&i| any(i..i + 1, keys.clone())).collect();
            assert_eq!(resolved.span_of_queries(keys.clone()), hull(&seeing), "{definition:?} {keys:?}");
        }
    }
}

const SHAPE: Shape =
    Shape { batch: 2, heads: 3, kv_heads: 1, queries: 4, keys: 5, head_dim: 1, value_dim: 1 };

/// A value for each pair of each head.
fn index(b: usize, h: usize, i: usize, j: usize) -> f64 {
    (((b * 3 + h) * 4 + i) * 5 + j) as f64
}

#[test]
fn parts_combine() {
    let allowed = Array4::from_shape_fn((2, 3, 4, 5), |(b, h, i, j)| index(b, h, i, j) % 3.0 != 0.0);
    let bias = Array4::from_shape_fn((2, 3, 4, 5), |(b, h, i, j)| match index(b, h, i, j) as usize {
        n if n % 5 == 1 => f64::NEG_INFINITY,
        n => n as f64,
    });
    let slopes = [0.5, 0.25, 0.125];
    let mask = Mask::causal().offset(1).alibi(&slopes).allowed(allowed.view()).bias(bias.view());
    let resolved = mask.resolve(&SHAPE).expect("it fits");
    for ((b, h, i, j), &bias) in bias.indexed_iter() {
        let head = resolved.head(b, h);
        let seen = j <= i + 1 && allowed[(b, h, i, j)] && bias > f64::NEG_INFINITY;
        let distance = (i as f64 + 1.0 - j as f64).abs();
        let expected = if seen { 10.0 - slopes[h] * distance + bias } else { f64::NEG_INFINITY };
        assert_eq!(head.sees(i, j), seen);
        assert_eq!(head.adjusted(i, j, 10.0), expected, "{b} {h} {i} {j}");
        match head.coverage(i..i + 1, j..j + 1) {
            Coverage::Nothing => assert!(!seen),
            Coverage::Everything => panic!("something is added"),
            Coverage::Some => {}
        }
    }
}

/// Positions, and so distances, begin anew in each document.
#[test]
fn alibi_in_documents() {
    let mask = Mask::none().documents(&[1, 3], &[2, 3]).offset(1).alibi(&[1.0, 1.0, 1.0]);
    let resolved = mask.resolve(&SHAPE).expect("it fits");
    let head = resolved.head(0, 0);
    assert_eq!([0, 1].map(|j| head.added(0, j)), [-1.0, 0.0]);
    assert_eq!([2, 3, 4].map(|j| head.added(1, j)), [-1.0, 0.0, -1.0]);
    assert_eq!([2, 3, 4].map(|j| head.added(3, j)), [-3.0, -2.0, -1.0]);
}

#[test]
fn an_axis_of_one_is_repeated() {
    for shape in [(1, 1, 1, 1), (2, 1, 1, 5), (1, 3, 4, 1), (1, 1, 4, 5), (2, 3, 1, 5)] {
        let of = |b, h, i, j| index(b % shape.0, h % shape.1, i % shape.2, j % shape.3);
        let bias = Array4::from_shape_fn(shape, |(b, h, i, j)| index(b, h, i, j));
        let even = |x: f64| x % 2.0 == 0.0;
        let allowed = bias.mapv(even);
        let mask = Mask::none().bias(bias.view()).allowed(allowed.view());
        let resolved = mask.resolve(&SHAPE).expect("it fits");
        for (b, h, i, j) in ndarray::indices((2, 3, 4, 5)) {
            let head = resolved.head(b, h);
            assert_eq!(head.added(i, j), of(b, h, i, j));
            assert_eq!(head.sees(i, j), even(of(b, h, i, j)));
        }
    }
}

/// A tile that a boolean mask hides is left out, and one that it shows is whole.
#[test]
fn coverage_by_a_boolean_mask() {
    let allowed = Array4::from_shape_fn((1, 1, 4, 5), |(.., i, j)| i < 2 && j < 3);
    let mask = Mask::<f32>::none().allowed(allowed.view());
    let resolved = mask.resolve(&SHAPE).expect("it fits");
    let head = resolved.head(1, 1);
    assert_eq!(head.coverage(0..2, 0..3), Coverage::Everything);
    assert_eq!(head.coverage(0..2, 2..4), Coverage::Some);
    assert_eq!(head.coverage(0..2, 3..5), Coverage::Nothing);
    assert_eq!(head.coverage(2..4, 0..3), Coverage::Nothing);
    assert!(head.is_pairwise());
    assert!(!Mask::<f32>::causal().resolve(&SHAPE).expect("it fits").head(0, 0).is_pairwise());
}

#[test]
fn slopes_are_those_of_the_paper() {
    assert_eq!(alibi_slopes::<f64>(8), [1, 2, 3, 4, 5, 6, 7, 8].map(|h| 0.5_f64.powi(h)));
    // 12 heads: the eight of 8, then every other of 16, which begin with the root of a half.
    let of_12 = alibi_slopes::<f64>(12);
    assert_eq!(of_12[..8], alibi_slopes::<f64>(8));
    for (slope, power) in of_12[8..].iter().zip([0.5, 1.5, 2.5, 3.5]) {
        assert!((slope - 0.5_f64.powf(power)).abs() < 1e-15);
    }
    assert_eq!(alibi_slopes::<f32>(1), [1.0 / 256.0]);
    assert_eq!(alibi_slopes::<f32>(0), []);
}

#[test]
fn a_window_without_end() {
    let mask = Mask::<f32>::none().window(usize::MAX, 0).offset(-1);
    let causal = Mask::<f32>::causal().offset(-1);
    let rows = |mask: &Mask<'_, f32>| mask.resolve(&SHAPE).expect("it fits").rows().to_vec();
    assert_eq!(rows(&mask), rows(&causal));
    assert_eq!(rows(&Mask::none().window(usize::MAX, usize::MAX)), rows(&Mask::none()));
}

/// Offsets and lengths as large as there are.
#[test]
fn extremes_do_not_wrap() {
    let shape = Shape { batch: 1, heads: 2, kv_heads: 1, queries: 3, keys: 4, head_dim: 1, value_dim: 1 };
    for (offset, seen) in [(isize::MAX, 0..4), (isize::MIN, 0..0)] {
        let mask = Mask::<f64>::causal().offset(offset).alibi(&[0.5; 2]);
        let resolved = mask.resolve(&shape).expect("it fits");
        for (i, row) in resolved.rows().iter().enumerate() {
            assert_eq!(row.keys, seen, "query {i} at {offset}");
            assert!(resolved.head(0, 0).added(i, 0).is_finite());
        }
    }
    let mask = Mask::<f64>::none().documents(&[usize::MAX, 4], &[1, 3]);
    let error = mask.resolve(&shape).expect_err("they are more than 3").to_string();
    assert!(error.starts_with("the documents' queries is (18446744073709551615), and (3) was"), "{error}");
}

#[test]
fn a_mask_of_nothing() {
    assert!(Mask::<f32>::none().is_none() && Mask::<f32>::default().offset(3).is_none());
    let flags = Array4::from_elem((1, 1, 1, 1), true);
    let bias = Array4::zeros((1, 1, 1, 1));
    let masks = [
        Mask::<f32>::causal(),
        Mask::none().window(1, 1),
        Mask::none().documents(&[1], &[1]),
        Mask::none().alibi(&[1.0]),
        Mask::none().allowed(flags.view()),
        Mask::none().bias(bias.view()),
    ];
    assert!(masks.iter().all(|mask| !mask.is_none()));
}

#[test]
fn what_does_not_fit_is_an_error_with_both() {
    let refused = |mask: Mask<'_, f32>| match mask.resolve(&SHAPE) {
        Err(Error::Shape { shape, expected, .. }) => (shape, expected),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Mask::none().alibi(&[1.0; 2])), (vec![2], vec![3]));
    assert_eq!(refused(Mask::none().documents(&[3, 2], &[3, 2])), (vec![5], vec![4]));
    assert_eq!(refused(Mask::none().documents(&[2, 2], &[2, 2])), (vec![4], vec![5]));
    assert_eq!(refused(Mask::none().documents(&[4], &[2, 3])), (vec![2], vec![1]));
    for shape in [(2, 3, 5, 4), (2, 2, 4, 5), (0, 3, 4, 5), (2, 3, 4, 4)] {
        let both = (vec![shape.0, shape.1, shape.2, shape.3], vec![2, 3, 4, 5]);
        assert_eq!(refused(Mask::none().allowed(Array4::from_elem(shape, true).view())), both);
        assert_eq!(refused(Mask::none().bias(Array4::zeros(shape).view())), both);
    }
}
