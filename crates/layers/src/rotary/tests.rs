use super::*;
use crate::testing::{assert_close, random};
use ndarray::{Array4, array, s};

const CONVENTIONS: [Convention; 2] = [Convention::Interleaved, Convention::HalfSplit];

fn rotary(dims: usize, convention: Convention) -> Rotary<f64> {
    Rotary::new(&Frequencies::new(dims, 100.0).unwrap(), convention, 200)
}

fn rotated(rotary: &Rotary<f64>, x: &Array4<f64>, positions: Positions<'_>) -> Array4<f64> {
    let mut x = x.clone();
    rotary.rotate(x.view_mut(), positions, Threads::new(2)).unwrap();
    x
}

/// Where elements a and b of point i stand.
fn point(convention: Convention, dims: usize, i: usize) -> (usize, usize) {
    match convention {
        Convention::Interleaved => (2 * i, 2 * i + 1),
        Convention::HalfSplit => (i, i + dims / 2),
    }
}

/// By complex numbers, in polar form: the angle is added.
fn reference(convention: Convention, dims: usize, x: &Array4<f64>, position: usize) -> Array4<f64> {
    let mut y = x.clone();
    for ((b, h, t, d), _) in x.indexed_iter() {
        if d < dims / 2 {
            let (i, j) = point(convention, dims, d);
            let (re, im) = (x[(b, h, t, i)], x[(b, h, t, j)]);
            let angle = im.atan2(re) + (position + t) as f64 * 100_f64.powf(-2.0 * d as f64 / dims as f64);
            (y[(b, h, t, i)], y[(b, h, t, j)]) = (re.hypot(im) * angle.cos(), re.hypot(im) * angle.sin());
        }
    }
    y
}

#[test]
fn is_the_definition() {
    let rng = &mut fastrand::Rng::with_seed(1);
    for convention in CONVENTIONS {
        for (shape, dims) in [
            ((2, 3, 5, 8), 8),
            ((1, 2, 4, 7), 4),
            ((1, 1, 1, 2), 2),
            ((1, 1, 3, 5), 0),
            ((1, 2, 130, 64), 64),
        ] {
            for position in [0, 11] {
                let x = random(shape, rng);
                let got = rotated(&rotary(dims, convention), &x, Positions::From(position));
                assert_close(&got, &reference(convention, dims, &x, position), 1e-13);
            }
        }
    }
}

#[test]
fn dot_products_depend_on_the_difference_of_positions() {
    let rng = &mut fastrand::Rng::with_seed(2);
    for convention in CONVENTIONS {
        let rotary = rotary(6, convention);
        let (q, k): (Array4<f64>, Array4<f64>) = (random((1, 1, 1, 8), rng), random((1, 1, 1, 8), rng));
        let dot = |p, s| {
            let (q, k) = (rotated(&rotary, &q, Positions::From(p)), rotated(&rotary, &k, Positions::From(s)));
            (q * k).sum()
        };
        for (p, s) in [(0, 0), (5, 3), (3, 5), (90, 7)] {
            assert!((dot(p, s) - dot(p + 100, s + 100)).abs() < 1e-12);
        }
        assert!((dot(5, 3) - dot(6, 3)).abs() > 1e-3);
    }
}

#[test]
fn the_conventions_differ_in_the_order_of_elements_alone() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let x: Array4<f64> = random((2, 2, 5, 10), rng);
    // Element `from[d]` of the interleaved order is element d of the half-split one.
    let from: Vec<usize> = (0..10).map(|d| if d < 8 { 2 * (d % 4) + d / 4 } else { d }).collect();
    let reordered = x.select(Axis(3), &from);
    let half_split = rotated(&rotary(8, Convention::HalfSplit), &reordered, Positions::From(2));
    let interleaved = rotated(&rotary(8, Convention::Interleaved), &x, Positions::From(2));
    assert_eq!(half_split, interleaved.select(Axis(3), &from));
    assert_ne!(half_split, rotated(&rotary(8, Convention::Interleaved), &reordered, Positions::From(2)));
}

#[test]
fn positions_are_those_of_the_whole_sequence() {
    let rng = &mut fastrand::Rng::with_seed(4);
    let rotary = rotary(8, Convention::HalfSplit);
    let x: Array4<f64> = random((2, 3, 150, 8), rng);
    let whole = rotated(&rotary, &x, Positions::default());
    // A slice of the sequence.
    let slice = x.slice(s![.., .., 7..140, ..]).to_owned();
    let expected = whole.slice(s![.., .., 7..140, ..]);
    assert_eq!(rotated(&rotary, &slice, Positions::From(7)), expected);
    // Tokens picked out and out of order, as a rank may hold them.
    let picked = [149, 3, 3, 70];
    let some = x.select(Axis(2), &picked);
    let expected = whole.select(Axis(2), &picked);
    assert_eq!(rotated(&rotary, &some, Positions::Each(&picked)), expected);
    // Each sequence its own.
    let each = array![[0, 1, 2, 3], [60, 61, 62, 63]];
    let mut some = Array4::zeros((2, 3, 4, 8));
    let mut expected = some.clone();
    for (b, first) in [0, 60].into_iter().enumerate() {
        some.slice_mut(s![b, .., .., ..]).assign(&x.slice(s![b, .., first..first + 4, ..]));
        expected.slice_mut(s![b, .., .., ..]).assign(&whole.slice(s![b, .., first..first + 4, ..]));
    }
    assert_eq!(rotated(&rotary, &some, Positions::PerSequence(each.view())), expected);
}

#[test]
fn the_backward_pass_is_the_adjoint_and_the_inverse() {
    let rng = &mut fastrand::Rng::with_seed(5);
    for convention in CONVENTIONS {
        let rotary = rotary(6, convention);
        let (x, g): (Array4<f64>, Array4<f64>) = (random((2, 2, 70, 9), rng), random((2, 2, 70, 9), rng));
        let mut back = g.clone();
        rotary.rotate_back(back.view_mut(), Positions::From(9), Threads::ONE).unwrap();
        // A rotation is linear: <g, R x> = <Rᵀ g, x>, exactly for any x, and no differences are needed.
        let (left, right) = ((rotated(&rotary, &x, Positions::From(9)) * &g).sum(), (&x * &back).sum());
        assert!((left - right).abs() < 1e-11, "{left} {right}");
        assert_close(&rotated(&rotary, &back, Positions::From(9)), &g, 1e-14);
    }
}

#[test]
fn any_strides() {
    let rng = &mut fastrand::Rng::with_seed(6);
    for convention in CONVENTIONS {
        let rotary = rotary(6, convention);
        let x: Array4<f64> = random((2, 3, 5, 8), rng);
        let expected = rotated(&rotary, &x, Positions::From(1));
        for order in [[0, 2, 1, 3], [3, 2, 1, 0]] {
            // The same array, lying otherwise in memory.
            let mut other = x.view().permuted_axes(order).as_standard_layout().into_owned();
            rotary.rotate(other.view_mut().permuted_axes(order), Positions::From(1), Threads::ONE).unwrap();
            assert_eq!(other.permuted_axes(order), expected);
        }
    }
}

#[test]
fn angles_are_exact_far_out() {
    let frequencies = Frequencies::new(8, 10_000.0).unwrap();
    let rotary = Rotary::<f32>::new(&frequencies, Convention::HalfSplit, 100_001);
    for (point, theta) in frequencies.of_points().iter().enumerate() {
        assert_eq!(rotary.cos[(100_000, point)], (100_000.0 * theta).cos() as f32);
        assert_eq!(rotary.sin[(100_000, point)], (100_000.0 * theta).sin() as f32);
    }
}

#[test]
fn scaling() {
    let plain = Frequencies::new(16, 10_000.0).unwrap();
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
    let scaled = |scaling| plain.clone().scaled(scaling).unwrap().of_points().to_vec();

    // Linear: a position 4 times as far is turned as far.
    let linear = scaled(Scaling::Linear { factor: 4.0 });
    plain.of_points().iter().zip(&linear).for_each(|(&plain, &linear)| close(linear * 4.0, plain));

    // NTK-aware: the frequencies of a larger base.
    let ntk = scaled(Scaling::NtkAware { factor: 4.0 });
    let of_base = Frequencies::new(16, 10_000.0 * 4_f64.powf(16.0 / 14.0)).unwrap();
    ntk.iter().zip(of_base.of_points()).for_each(|(&ntk, &base)| close(ntk, base));
    close(ntk[0], 1.0);
    close(ntk[7] * 4.0, plain.of_points()[7]);

    // Llama 3.1 with its own values, head dimension 128: the first frequencies stay, the last are divided by
    // 8, and point 32, of wavelength 4443, is 28.13% of the way from the slow ones to the fast ones (by hand:
    // (8192 / 4442.88 - 1) / 3).
    let llama = Frequencies::new(128, 500_000.0).unwrap();
    let scaling = Scaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context: 8192,
    };
    let scaled = llama.clone().scaled(scaling).unwrap();
    for (i, (&was, &is)) in llama.of_points().iter().zip(scaled.of_points()).enumerate() {
        match i {
            0..=28 => assert_eq!(is, was),
            35.. => close(is * 8.0, was),
            _ => assert!(was / 8.0 < is && is < was),
        }
    }
    let share = (8192.0 / (std::f64::consts::TAU * 500_000_f64.sqrt()) - 1.0) / 3.0;
    assert!((share - 0.2813).abs() < 1e-4, "{share}");
    close(scaled.of_points()[32], llama.of_points()[32] * (share + (1.0 - share) / 8.0));
}

#[test]
fn what_makes_no_sense() {
    let error = |result: Result<Frequencies>| result.unwrap_err().to_string();
    assert_eq!(
        error(Frequencies::new(5, 10.0)),
        "the number of rotated elements is 5, and an even number was expected"
    );
    assert!(error(Frequencies::new(4, 0.0)).starts_with("the base is 0"));
    assert!(error(Frequencies::new(4, f64::NAN)).starts_with("the base is NaN"));
    let plain = || Frequencies::new(2, 10.0).unwrap();
    assert!(error(plain().scaled(Scaling::Linear { factor: 0.0 })).starts_with("the scaling factor is 0"));
    assert!(error(plain().scaled(Scaling::NtkAware { factor: 2.0 })).contains("at least 4"));
    let scaling = Scaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 4.0,
        high_frequency_factor: 4.0,
        original_context: 100,
    };
    assert!(error(plain().scaled(scaling)).starts_with("the high-frequency factor is 4"));

    let rotary = rotary(6, Convention::HalfSplit);
    let mut x = Array4::zeros((1, 2, 3, 4));
    let error = |x: &mut Array4<f64>, positions: Positions<'_>| {
        rotary.rotate(x.view_mut(), positions, Threads::ONE).unwrap_err().to_string()
    };
    let message = error(&mut x, Positions::From(0));
    assert!(message.starts_with("x is (1, 2, 3, 4), and (1, 2, 3, 6) was expected"), "{message}");
    let mut x = Array4::zeros((1, 2, 3, 6));
    assert_eq!(error(&mut x, Positions::From(198)), "position 200 doesn't exist: there are 200");
    assert_eq!(error(&mut x, Positions::Each(&[0, 300, 1])), "position 300 doesn't exist: there are 200");
    let message = error(&mut x, Positions::Each(&[0, 1]));
    assert!(message.starts_with("the array of positions is (2), and (3) was expected"), "{message}");
    let message = error(&mut x, Positions::PerSequence(array![[0, 1]].view()));
    assert!(message.contains("(1, 2), and (1, 3) was expected"), "{message}");
    assert!(
        rotary.rotate(Array4::zeros((1, 2, 0, 6)).view_mut(), Positions::From(900), Threads::ONE).is_ok()
    );
}
