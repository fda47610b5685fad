//! The virtual clock against the cost functions and the literature.

use super::{Machine, crossover, rungs, times};

/// With latency alone, time is rounds.
#[test]
fn the_clock_counts_rounds() {
    let machine = Machine { latency: 1.0, byte: 0.0, reduced_byte: 0.0 };
    for operation in ["barrier", "broadcast", "reduce", "all_reduce", "gather", "scatter", "all_gather"]
        .into_iter()
        .chain(["reduce_scatter", "all_to_all", "scan", "exclusive_scan"])
    {
        for rung in rungs(operation).unwrap() {
            for ranks in (1..=9).filter(|&ranks| rung.works_for(ranks)) {
                let rounds = rung.totals(ranks, 16 * ranks).rounds as f64;
                assert_eq!(
                    machine.time(&rung, ranks, 16 * ranks),
                    rounds,
                    "{operation}/{} P = {ranks}",
                    rung.name
                );
            }
        }
    }
}

/// The closed forms of the literature (Thakur, Rabenseifner, Gropp 2005) for n bytes.
#[test]
fn the_clock_agrees_with_the_literature() {
    let (a, b, g) = (5e-6, 2e-10, 7e-11);
    let machine = Machine { latency: a, byte: b, reduced_byte: g };
    let length = 5040; // P divides it, and a power of two of P's
    let n = length as f64 * 4.0;
    for ranks in [2_usize, 4, 8, 16, 3, 6] {
        let p = ranks as f64;
        let (log, share) = (p.log2(), (p - 1.0) / p);
        let floor = log.floor();
        let acting = floor.exp2();
        let part = (acting - 1.0) / acting;
        let ring = 2.0 * (p - 1.0) * a + 2.0 * n * share * b + n * share * g;
        for (operation, name, any_ranks, expected) in [
            ("all_reduce", "ring", true, ring),
            ("all_reduce", "recursive_doubling", false, log * (a + n * b + n * g)),
            ("all_reduce", "halving_doubling", false, 2.0 * log * a + 2.0 * n * share * b + n * share * g),
            ("all_reduce", "reduce_broadcast", true, (p - 1.0) * (2.0 * a + 2.0 * n * b + n * g)),
            ("reduce_scatter", "ring", true, (p - 1.0) * a + n * share * (b + g)),
            ("reduce_scatter", "pairwise", true, (p - 1.0) * a + n * share * (b + g)),
            ("reduce_scatter", "recursive_halving", false, log * a + n * share * (b + g)),
            ("all_gather", "ring", true, (p - 1.0) * a + n * share * b),
            ("all_gather", "bruck", true, log.ceil() * a + n * share * b),
            ("broadcast", "binomial", true, log.ceil() * (a + n * b)),
            ("all_to_all", "pairwise", true, (p - 1.0) * a + n * share * b),
            ("all_to_all", "bruck", false, log * (a + n / 2.0 * b)),
            ("barrier", "dissemination", true, log.ceil() * a),
        ] {
            if any_ranks || ranks.is_power_of_two() {
                close(machine, operation, name, ranks, length, expected);
            }
        }
        if !ranks.is_power_of_two() {
            let folded = (2.0 * floor + 2.0) * a + (2.0 * part + 2.0) * n * b + n * (1.0 + part) * g;
            close(machine, "all_reduce", "halving_doubling", ranks, length, folded);
        }
    }
}

fn close(machine: Machine, operation: &str, name: &str, ranks: usize, length: usize, expected: f64) {
    let ladder = rungs(operation).unwrap();
    let rung = ladder.iter().find(|rung| rung.name == name).unwrap();
    let time = machine.time(rung, ranks, length);
    let message = format!("{operation}/{name} P = {ranks}: {time} s, expected {expected} s");
    assert!((time - expected).abs() <= 1e-6 * expected, "{message}");
}

#[test]
fn bad_settings_are_problems() {
    for settings in [&["ranks=0"][..], &["ranks=4", "a=2"], &["ranks=4", "z=2us"], &["sizes=8"], &["x"]] {
        assert!(times("all_reduce", settings).is_err(), "{settings:?}");
    }
    assert!(crossover("all_reduce", ["ring", "rings"], &["ranks=4"]).is_err());
}
