//! Training on several ranks against training on one.

use super::super::agreement::tolerance;
use super::super::digits::CSV;
use super::*;

fn training(ranks: usize, algorithm: AllReduce, batch_size: usize) -> Training {
    Training { algorithm, ranks, epochs: 2, batch_size, seed: 5 }
}

/// The first digits of the file.
fn few(samples: usize) -> Digits {
    let lines: Vec<&str> = CSV.lines().take(samples).collect();
    Digits::parse(&lines.join("\n")).unwrap()
}

fn run(training: Training, digits: &Digits) -> Trained {
    training.run(digits, |_| ()).unwrap()
}

#[test]
fn every_algorithm_trains_like_one_rank() {
    // The last batch is smaller; or there is but one; or ranks find no sample in a batch. Few steps: with
    // tiny batches and this learning rate, training soon magnifies any difference.
    for (samples, batch_size) in [(7, 1), (13, 2), (50, 16), (50, 50), (50, 60)] {
        let digits = few(samples);
        let alone = run(training(1, AllReduce::ReduceBroadcast, batch_size), &digits);
        assert_eq!(alone.steps, 2 * samples.div_ceil(batch_size));
        for &algorithm in AllReduce::ALL {
            let trained = run(training(3, algorithm, batch_size), &digits);
            let difference = trained.difference(&alone);
            assert!(trained.identical(), "{algorithm}, B = {batch_size}");
            assert!(difference <= tolerance(&alone), "{algorithm}, B = {batch_size}: {difference}");
            for (a, b) in alone.losses.iter().zip(&trained.losses) {
                assert!((a - b).abs() < 1e-5, "{algorithm}, B = {batch_size}: losses {a}, {b}");
            }
            for (rank, sent) in trained.sent.iter().enumerate() {
                assert_eq!((sent.messages, sent.bytes), trained.expected(rank), "{algorithm}, rank {rank}");
            }
        }
    }
}

#[test]
fn more_ranks_than_samples_in_a_batch() {
    let digits = few(11);
    let alone = run(training(1, AllReduce::Ring, 4), &digits);
    let trained = run(training(9, AllReduce::Ring, 4), &digits);
    assert!(trained.identical());
    assert!(trained.difference(&alone) <= tolerance(&alone));
}

#[test]
fn losing_one_sample_is_far_outside_the_tolerance() {
    let (all, but_one) = (few(50), few(49));
    let a = run(training(1, AllReduce::Ring, 16), &all);
    let b = run(training(1, AllReduce::Ring, 16), &but_one);
    let (difference, tolerance) = (b.difference(&a), tolerance(&a));
    assert!(difference > 10.0 * tolerance, "{difference}, tolerance {tolerance}");
}

#[test]
fn differing_bits_are_found() {
    let mut trained = run(training(2, AllReduce::Ring, 8), &few(8));
    assert!(trained.identical());
    trained.weights[1][WEIGHTS - 1] = trained.weights[1][WEIGHTS - 1].next_up();
    assert!(!trained.identical());
    let other = trained.clone();
    trained.weights[0][7] = f32::NAN;
    assert!(trained.difference(&other).is_nan());
}
