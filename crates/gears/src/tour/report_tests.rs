//! A wrong count or a wrong weight must be seen.

use super::super::agreement;
use super::super::digits::{CSV, Digits};
use super::super::train::Training;
use super::*;

/// Two runs of a good training, too short to be accurate, and digits to test with.
fn runs(ranks: usize) -> (Vec<Trained>, Digits) {
    let lines: Vec<&str> = CSV.lines().take(20).collect();
    let digits = Digits::parse(&lines.join("\n")).unwrap();
    let algorithms = [AllReduce::ReduceBroadcast, AllReduce::Ring];
    let run = |algorithm| {
        let training = Training { algorithm, ranks, epochs: 20, batch_size: 10, seed: 0 };
        training.run(&digits, |_| ()).unwrap()
    };
    (algorithms.map(run).to_vec(), digits)
}

#[test]
fn a_wrong_count_is_marked() {
    for ranks in [2, 12] {
        let (mut runs, _) = runs(ranks);
        let mut out = Vec::new();
        assert!(report(&mut out, &runs).unwrap());
        assert!(!String::from_utf8(out).unwrap().contains("DISAGREES"));

        let rank = ranks * 3 / 4; // of 12 ranks, one in the part that is left out
        runs[1].sent[rank].bytes += 4;
        let mut out = Vec::new();
        assert!(!report(&mut out, &runs).unwrap());
        let text = String::from_utf8(out).unwrap();
        let marked: Vec<&str> = text.lines().filter(|line| line.ends_with("DISAGREES")).collect();
        assert_eq!(marked.len(), 1, "{text}");
        assert!(marked[0].trim_start().starts_with(&format!("{rank} ")), "{text}");
    }
}

#[test]
fn a_wrong_weight_is_marked() {
    let (good, digits) = runs(2);
    let report = |runs: &[Trained]| agreement::report(&mut Vec::new(), runs, &digits).unwrap();
    assert!(report(&good), "the digits that it learned from are read right");

    let mut one_rank = good.clone();
    one_rank[1].weights[1][0] = one_rank[1].weights[1][0].next_up();
    assert!(!report(&one_rank));

    let mut all_ranks = good.clone();
    all_ranks[1].weights.iter_mut().for_each(|weights| weights[0] += 0.01);
    assert!(!report(&all_ranks));

    let mut nothing_learned = good;
    nothing_learned.iter_mut().flat_map(|run| &mut run.weights).for_each(|weights| weights.fill(0.0));
    assert!(!report(&nothing_learned));
}
