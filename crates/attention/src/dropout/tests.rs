use super::*;

const KEYS: usize = 1000;

fn kept(dropout: Dropout, place: (usize, usize, usize)) -> Vec<bool> {
    let row = dropout.row(place.0, place.1, place.2);
    (0..KEYS).map(|key| row.keeps(key)).collect()
}

fn dropout(probability: f64, seed: u64) -> Dropout {
    Dropout::new(probability, seed).expect("a probability")
}

/// In how many of so many trials something is so, if it is so with this probability: within five standard
/// deviations.
fn is_about(count: usize, trials: usize, probability: f64) -> bool {
    let deviation = (trials as f64 * probability * (1.0 - probability)).sqrt();
    (count as f64 - trials as f64 * probability).abs() <= 5.0 * deviation
}

#[test]
fn as_many_are_dropped_as_asked() {
    for probability in [0.0, 0.01, 0.1, 0.5, 0.9, 0.999] {
        let dropout = dropout(probability, 3);
        let rows = (0..200).map(|i| kept(dropout, (i % 2, i % 5, i)));
        let count = rows.flatten().filter(|&kept| !kept).count();
        assert!(is_about(count, 200 * KEYS, probability), "{count} of {} for {probability}", 200 * KEYS);
    }
}

/// The expected share stays what it was.
#[test]
fn what_is_kept_makes_up_for_what_is_dropped() {
    for probability in [0.0, 0.25, 0.5] {
        let dropout = dropout(probability, 0);
        assert_eq!(dropout.probability(), probability);
        assert_eq!(dropout.scale() * (1.0 - probability), 1.0);
    }
}

/// Where one share is dropped says nothing of its neighbours: along keys, queries, heads, the batch and the
/// seed. Were they the same, all would agree, and of independent ones with p = 1/2 half do.
#[test]
fn neighbours_are_independent() {
    let mut agreements = [0; 5];
    let mut trials = 0;
    for i in 0..200 {
        let here = kept(dropout(0.5, 7), (1, 2, i));
        let others = [
            here.iter().copied().cycle().skip(1).take(KEYS).collect(),
            kept(dropout(0.5, 7), (1, 2, i + 1)),
            kept(dropout(0.5, 7), (1, 3, i)),
            kept(dropout(0.5, 7), (2, 2, i)),
            kept(dropout(0.5, 8), (1, 2, i)),
        ];
        for (agreements, other) in agreements.iter_mut().zip(&others) {
            *agreements += here.iter().zip(other).filter(|(here, other)| here == other).count();
        }
        trials += KEYS;
    }
    for agreements in agreements {
        assert!(is_about(agreements, trials, 0.5), "{agreements} of {trials}");
    }
    // Batch entry, head and query aren't interchangeable.
    assert_ne!(kept(dropout(0.5, 7), (1, 2, 3)), kept(dropout(0.5, 7), (3, 2, 1)));
    assert_ne!(kept(dropout(0.5, 7), (1, 2, 3)), kept(dropout(0.5, 7), (2, 1, 3)));
}

#[test]
fn the_choice_is_a_function_of_the_place() {
    assert_eq!(kept(dropout(0.3, 1), (4, 5, 6)), kept(dropout(0.3, 1), (4, 5, 6)));
    // What is dropped with a small probability is dropped with a greater one too.
    let (few, many) = (kept(dropout(0.1, 1), (0, 0, 0)), kept(dropout(0.6, 1), (0, 0, 0)));
    assert!(few.iter().zip(many).all(|(few, many)| *few || !many));
}

#[test]
fn what_is_no_probability_is_an_error() {
    for probability in [1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
        let refused = Dropout::new(probability, 0).expect_err("no probability");
        let expected = format!("the probability to drop is {probability}, and 0 <= p < 1 was expected");
        assert_eq!(refused.to_string(), expected);
    }
}
