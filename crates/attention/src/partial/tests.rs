use super::*;
use crate::Error;
use ndarray::{Array2, Array3, array, s};
use proptest::prelude::*;

fn of(numbers: &[f64]) -> Partial<f64> {
    numbers.iter().copied().fold(Partial::identity(), Partial::push)
}

/// Also what overflows, and what counts for nothing.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -20.0..20.0,
        2 => -2000.0..2000.0,
        1 => Just(f64::NEG_INFINITY),
    ]
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(number(), 0..8)
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-13 * a.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_a_commutative_monoid(a in numbers(), b in numbers(), c in numbers()) {
        let (a, b, c) = (of(&a), of(&b), of(&c));
        prop_assert_eq!(a.merge(Partial::identity()), a);
        prop_assert_eq!(Partial::identity().merge(a), a);
        prop_assert_eq!(a.merge(b), b.merge(a));
        let (left, right) = (a.merge(b).merge(c), a.merge(b.merge(c)));
        prop_assert_eq!(left.max, right.max);
        prop_assert!(near(left.sum, right.sum), "{:?} {:?}", left, right);
    }

    #[test]
    fn parts_say_what_the_whole_says(a in numbers(), b in numbers()) {
        let whole: Vec<f64> = a.iter().chain(&b).copied().collect();
        let merged = of(&a).merge(of(&b));
        // By the definition, relative to the greatest, in the order of the numbers.
        let max = whole.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exp = |x: f64| if max > f64::NEG_INFINITY { (x - max).exp() } else { 0.0 };
        let sum: f64 = whole.iter().copied().map(exp).sum();
        prop_assert_eq!(merged.max, max);
        prop_assert!(near(merged.sum, sum), "{:?} {}", merged, sum);
        prop_assert!(near(merged.log_sum_exp(), max + sum.ln()));
        for x in whole {
            let share = if sum == 0.0 { 0.0 } else { exp(x) / sum };
            prop_assert!(near(merged.share(x), share), "{} of {}", merged.share(x), x);
        }
    }

    /// Attention over some keys, merged with attention over the others, is attention over all of them: with
    /// values of numbers known by their exponentials.
    #[test]
    fn merged_attention_is_that_of_all_keys(here in numbers(), there in numbers()) {
        let attended = |scores: &[f64], first: usize| {
            let all = of(scores);
            let shares = scores.iter().zip(first..).map(|(&score, j)| all.share(score) * (j as f64 + 0.5));
            (shares.sum::<f64>(), all.log_sum_exp())
        };
        let whole: Vec<f64> = here.iter().chain(&there).copied().collect();
        let ((x, a), (y, b)) = (attended(&here, 0), attended(&there, here.len()));
        let (mut output, mut lse) = (array![[x]], array![a]);
        let other = (array![[y]], array![b]);
        merge_attended(output.view_mut(), lse.view_mut(), other.0.view(), other.1.view()).expect("it fits");
        let (right, right_lse) = attended(&whole, 0);
        prop_assert!(near(output[[0, 0]], right), "{} {}", output[[0, 0]], right);
        prop_assert!(near(lse[0], right_lse), "{} {}", lse[0], right_lse);
    }
}

#[test]
fn infinities_and_nan() {
    let inf = f64::INFINITY;
    assert_eq!(of(&[]), Partial::identity());
    assert_eq!(of(&[-inf, -inf]), Partial::identity());
    assert_eq!(of(&[-inf]).merge(of(&[-inf])).log_sum_exp(), -inf);
    assert_eq!(of(&[-inf, -inf]).share(-inf), 0.0);
    assert_eq!(of(&[1.0, -inf]), Partial::of(1.0));
    assert_eq!(of(&[1.0, inf, 2.0, inf]).log_sum_exp(), inf);
    assert!(of(&[1.0, inf]).share(1.0).is_nan());
    for numbers in [[f64::NAN, 1.0, inf], [inf, f64::NAN, 1.0], [-inf, -inf, f64::NAN]] {
        assert!(of(&numbers).log_sum_exp().is_nan(), "{numbers:?}");
        assert!(of(&numbers).share(1.0).is_nan());
    }
    assert!(Partial::of(f64::NAN).share(1.0).is_nan() && Partial::of(f64::NAN).log_sum_exp().is_nan());
    // Numbers at both ends of the range.
    assert_eq!(of(&[f64::MAX, f64::MIN]), Partial::of(f64::MAX));
    assert_eq!(of(&[f64::MIN, f64::MIN]), Partial { max: f64::MIN, sum: 2.0 });
}

/// EasyContext 14: the formula with log(1 + exp(b - a)) is infinite here.
#[test]
fn a_merge_of_distant_sums_does_not_overflow() {
    for (a, b) in [(0.0_f32, 1000.0), (1000.0, 0.0), (-1000.0, 1000.0), (-1000.0, -3000.0)] {
        let (mut output, mut lse) = (array![[1.0]], array![a]);
        merge_attended(output.view_mut(), lse.view_mut(), array![[2.0]].view(), array![b].view())
            .expect("it fits");
        assert_eq!((output[[0, 0]], lse[0]), if a > b { (1.0, a) } else { (2.0, b) });
    }
}

/// A query that sees none of some keys takes nothing from there, not even what isn't a number.
#[test]
fn an_output_without_keys_is_not_looked_at() {
    let none = f64::NEG_INFINITY;
    let nan = f64::NAN;
    // Keys here alone, there alone, nowhere, and on both sides.
    let mut output = array![[1.0, 2.0], [nan, nan], [nan, 5.0], [3.0, 3.0]];
    let mut lse = array![0.5, none, none, 7.0];
    let others = array![[nan, nan], [3.0, 4.0], [f64::INFINITY, 6.0], [5.0, 7.0]];
    let other_lse = array![none, 0.25, none, 7.0];
    merge_attended(output.view_mut(), lse.view_mut(), others.view(), other_lse.view()).expect("it fits");
    assert_eq!(output, array![[1.0, 2.0], [3.0, 4.0], [0.0, 0.0], [4.0, 5.0]]);
    assert_eq!(lse, array![0.5, 0.25, none, 7.0 + 2_f64.ln()]);
}

#[test]
fn any_number_of_axes_and_any_strides() {
    let mut output = Array3::from_shape_fn((2, 3, 4), |(a, b, c)| (a * 12 + b * 4 + c) as f64);
    let others = output.mapv(|x| x + 100.0);
    let lse = Array2::from_shape_fn((3, 2), |(b, a)| (b + 5 * a) as f64);
    let mut merged = lse.t().to_owned();
    let before = output.clone();
    merge_attended(
        output.slice_mut(s![..;-1, .., ..]),
        merged.slice_mut(s![..;-1, ..]),
        others.slice(s![..;-1, .., ..]),
        lse.t().slice(s![..;-1, ..]),
    )
    .expect("it fits");
    for ((index, &x), &before) in output.indexed_iter().zip(&before) {
        assert!(near(x, before + 50.0), "{index:?}: {x}");
        assert!(near(merged[[index.0, index.1]], lse[[index.1, index.0]] + 2_f64.ln()));
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors_with_both() {
    let refused = |output: (usize, usize), lse: usize, others: (usize, usize), other_lse: usize| {
        let mut merged = Array2::<f32>::zeros(output);
        let refused = merge_attended(
            merged.view_mut(),
            ndarray::Array1::zeros(lse).view_mut(),
            Array2::ones(others).view(),
            ndarray::Array1::zeros(other_lse).view(),
        );
        assert_eq!(merged, Array2::zeros(output));
        match refused {
            Err(Error::Shape { shape, expected, .. }) => (shape, expected),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused((2, 3), 3, (2, 3), 2), (vec![3], vec![2]));
    assert_eq!(refused((2, 3), 2, (2, 4), 2), (vec![2, 4], vec![2, 3]));
    assert_eq!(refused((2, 3), 2, (2, 3), 1), (vec![1], vec![2]));
    let zero = || ndarray::ArrayD::<f32>::zeros(vec![]);
    let refused = merge_attended(zero().view_mut(), zero().view_mut(), zero().view(), zero().view());
    assert_eq!(refused.unwrap_err().to_string(), "axis 0 doesn't exist: there are 0");
}
