//! Bad arguments: every attention answers with an error that has both shapes in it, forward and backward,
//! before it computes anything.

use attention::algorithm::Upstream;
use attention::mask::{Part, Places, alibi_slopes};
use attention::{Algorithm, Dropout, Mask, Options};
use ndarray::{Array3, Array4};
use testkit as _; // It has attention compiled: what is linked isn't compiled again.

/// The shapes of the arguments of a call.
#[derive(Clone, Copy)]
struct Shapes {
    query: (usize, usize, usize, usize),
    key: (usize, usize, usize, usize),
    value: (usize, usize, usize, usize),
    gradient: (usize, usize, usize, usize),
    output: (usize, usize, usize, usize),
    lse: (usize, usize, usize),
}

/// Shapes that fit: B = 2, H = 4, G = 2, Tq = 3, Tk = 5, D = 8, E = 6.
const RIGHT: Shapes = Shapes {
    query: (2, 4, 3, 8),
    key: (2, 2, 5, 8),
    value: (2, 2, 5, 6),
    gradient: (2, 4, 3, 6),
    output: (2, 4, 3, 6),
    lse: (2, 4, 3),
};

/// What every algorithm says, forward and backward.
#[track_caller]
fn says(shapes: Shapes, mask: Mask<'_, f64>) -> String {
    let forward = answers(shapes, &mask, |algorithm, [q, k, v], _, options| {
        algorithm.forward(q.view(), k.view(), v.view(), options).map(drop)
    });
    let backward = only_backward(shapes, mask);
    assert_eq!(forward, backward, "forward and backward disagree");
    forward
}

/// What every algorithm says backward.
#[track_caller]
fn only_backward(shapes: Shapes, mask: Mask<'_, f64>) -> String {
    answers(shapes, &mask, |algorithm, [q, k, v], upstream, options| {
        algorithm.backward(q.view(), k.view(), v.view(), upstream, options).map(drop)
    })
}

#[track_caller]
fn answers(
    shapes: Shapes,
    mask: &Mask<'_, f64>,
    call: impl Fn(Algorithm, [&Array4<f64>; 3], Upstream<'_, f64>, &Options<'_, f64>) -> attention::Result<()>,
) -> String {
    let [q, k, v] = [shapes.query, shapes.key, shapes.value].map(Array4::zeros);
    let [gradient, output] = [shapes.gradient, shapes.output].map(Array4::zeros);
    let lse = Array3::zeros(shapes.lse);
    let options = Options::masked(mask.clone());
    let errors: Vec<String> = Algorithm::ALL
        .iter()
        .map(|&algorithm| {
            let upstream = Upstream { gradient: gradient.view(), output: output.view(), lse: lse.view() };
            let answer = call(algorithm, [&q, &k, &v], upstream, &options);
            answer.expect_err("the call is bad").to_string()
        })
        .collect();
    assert!(errors.iter().all(|error| *error == errors[0]), "algorithms disagree: {errors:?}");
    errors[0].clone()
}

#[test]
fn the_right_shapes_are_right() {
    let [q, k, v] = [RIGHT.query, RIGHT.key, RIGHT.value].map(Array4::<f64>::zeros);
    for algorithm in Algorithm::ALL {
        let options = Options::default();
        let attended = algorithm.forward(q.view(), k.view(), v.view(), &options).unwrap();
        let gradient = Array4::zeros(RIGHT.gradient);
        algorithm
            .backward(q.view(), k.view(), v.view(), attended.upstream(gradient.view()), &options)
            .unwrap();
    }
}

#[test]
fn heads_that_cannot_be_shared_out() {
    let (key, value) = ((2, 3, 5, 8), (2, 3, 5, 6));
    assert_eq!(
        says(Shapes { key, value, ..RIGHT }, Mask::none()),
        "the queries are (2, 4, 3, 8) and the keys (2, 3, 5, 8): the 4 query heads can't be shared out evenly among \
         3 key-value heads"
    );
    let (key, value) = ((2, 0, 5, 8), (2, 0, 5, 6));
    assert_eq!(
        says(Shapes { key, value, ..RIGHT }, Mask::none()),
        "the queries are (2, 4, 3, 8) and the keys (2, 0, 5, 8): the 4 query heads can't be shared out evenly among \
         0 key-value heads"
    );
}

#[test]
fn keys_that_do_not_fit_the_queries() {
    let because = "the queries' batch and head dimension";
    assert_eq!(
        says(Shapes { key: (3, 2, 5, 8), ..RIGHT }, Mask::none()),
        format!("key is (3, 2, 5, 8), and (2, 2, 5, 8) was expected: {because}")
    );
    assert_eq!(
        says(Shapes { key: (2, 2, 5, 7), ..RIGHT }, Mask::none()),
        format!("key is (2, 2, 5, 7), and (2, 2, 5, 8) was expected: {because}")
    );
}

#[test]
fn values_that_do_not_fit_the_keys() {
    for value in [(3, 2, 5, 6), (2, 4, 5, 6), (2, 2, 4, 6)] {
        let (b, g, t, e) = value;
        assert_eq!(
            says(Shapes { value, ..RIGHT }, Mask::none()),
            format!(
                "value is ({b}, {g}, {t}, {e}), and (2, 2, 5, 6) was expected: there is one value for each key"
            )
        );
    }
}

#[test]
fn dimensions_of_zero() {
    assert_eq!(
        says(Shapes { query: (2, 4, 3, 0), key: (2, 2, 5, 0), ..RIGHT }, Mask::none()),
        "the head dimension is 0, and at least 1 was expected"
    );
    let (value, output) = ((2, 2, 5, 0), (2, 4, 3, 0));
    assert_eq!(
        says(Shapes { value, output, gradient: output, ..RIGHT }, Mask::none()),
        "the value dimension is 0, and at least 1 was expected"
    );
}

#[test]
fn what_a_backward_pass_is_given() {
    let because = "(B, H, Tq, E), as the queries and values say";
    assert_eq!(
        only_backward(Shapes { gradient: (2, 4, 3, 8), ..RIGHT }, Mask::none()),
        format!("the gradient of the output is (2, 4, 3, 8), and (2, 4, 3, 6) was expected: {because}")
    );
    assert_eq!(
        only_backward(Shapes { output: (2, 4, 5, 6), ..RIGHT }, Mask::none()),
        format!("the output is (2, 4, 5, 6), and (2, 4, 3, 6) was expected: {because}")
    );
    assert_eq!(
        only_backward(Shapes { lse: (2, 2, 3), ..RIGHT }, Mask::none()),
        "the log-sum-exp is (2, 2, 3), and (2, 4, 3) was expected: (B, H, Tq), as the queries say"
    );
}

#[test]
fn masks_of_the_wrong_shape() {
    let because = "a mask has the shape of the scores, or 1 for an axis along which it is the same";
    let allowed = Array4::from_elem((2, 4, 5, 3), true);
    assert_eq!(
        says(RIGHT, Mask::none().allowed(allowed.view())),
        format!("the boolean mask is (2, 4, 5, 3), and (2, 4, 3, 5) was expected: {because}")
    );
    // Heads of keys aren't heads of queries.
    let bias = Array4::zeros((2, 2, 3, 5));
    assert_eq!(
        says(RIGHT, Mask::causal().bias(bias.view())),
        format!("the bias is (2, 2, 3, 5), and (2, 4, 3, 5) was expected: {because}")
    );
}

#[test]
fn documents_of_other_lengths() {
    let because =
        "the documents' lengths add up to the sequence's, and there are as many of queries as of keys";
    assert_eq!(
        says(RIGHT, Mask::none().documents(&[1, 1], &[2, 3])),
        format!("the documents' queries is (2), and (3) was expected: {because}")
    );
    assert_eq!(
        says(RIGHT, Mask::none().documents(&[1, 2], &[2, 4])),
        format!("the documents' keys is (6), and (5) was expected: {because}")
    );
    assert_eq!(
        says(RIGHT, Mask::none().documents(&[1, 2], &[2, 2, 1])),
        format!("the documents of the keys is (3), and (2) was expected: {because}")
    );
}

#[test]
fn slopes_of_other_heads() {
    assert_eq!(
        says(RIGHT, Mask::none().alibi(&alibi_slopes(2))),
        "the slopes is (2), and (4) was expected: one slope for each query head"
    );
}

#[test]
fn probabilities_that_are_none() {
    for (probability, given) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN"), (1.5, "1.5")] {
        let error = Dropout::new(probability, 0).unwrap_err();
        let expected = format!("the probability to drop is {given}, and 0 <= p < 1 was expected");
        assert_eq!(error.to_string(), expected);
    }
}

/// A part says which heads, queries and keys it is; what can't be is an error.
#[test]
fn a_part_that_is_none() {
    let places = |at: &'static [usize], of| Places::Some { at, of };
    let part = |first_head, queries, keys| {
        says(RIGHT, Mask::none().part(Part { first_head, heads: 8, queries, keys }))
    };
    let (queries, keys) = (places(&[7, 0, 3], 8), places(&[0, 2, 4, 5, 7], 8));
    assert_eq!(part(5, queries, keys), "the last query head of the part, 8 doesn't exist: there are 8");
    let error = part(4, places(&[0, 1], 8), keys);
    assert!(error.starts_with("the places of the queries is (2), and (3) was expected"), "{error}");
    let error = part(4, queries, places(&[0, 2, 4, 5], 8));
    assert!(error.starts_with("the places of the keys is (4), and (5) was expected"), "{error}");
    assert_eq!(part(4, places(&[7, 8, 3], 8), keys), "the place 8 doesn't exist: there are 8");
    let error = part(4, queries, places(&[0, 4, 2, 5, 7], 8));
    assert_eq!(error, "the place of a key is 2 after 4, and a later one was expected");

    // Masks are those of the whole, not of the part.
    let whole = Part { first_head: 4, heads: 8, queries, keys };
    let error = says(RIGHT, Mask::none().alibi(&[0.5; 4]).part(whole));
    assert!(error.starts_with("the slopes is (4), and (8) was expected"), "{error}");
    let allowed = Array4::from_elem((1, 1, 3, 5), true);
    let error = says(RIGHT, Mask::none().allowed(allowed.view()).part(whole));
    assert!(error.starts_with("the boolean mask is (1, 1, 3, 5), and (2, 8, 8, 8) was expected"), "{error}");
}
