//! What is sent equals the closed form.

use super::{Rejection, Verdict, call, rejection, relevant, small_cases};
use crate::case::Case;
use crate::gear::Gear;
use crate::values::{Fill, composition, element};
use collectives::{Sum, World};

/// Messages and bytes of every rank, and rounds, equal the closed form: ranks 1..=16, lengths 0..=3P+1 and
/// a large odd one.
///
/// # Errors
///
/// The first count that differs.
pub fn counts<G: Gear>(gear: &G) -> Verdict {
    (1..=16).map(|ranks| counts_among(gear, ranks)).sum()
}

fn counts_among<G: Gear>(gear: &G, ranks: usize) -> Verdict {
    const LARGE: usize = 1009;
    let mut cases = small_cases(ranks, 3 * ranks + 1);
    let roots_that_matter = |case: &Case| case.root <= 1 || case.length.is_multiple_of(5);
    cases.retain(roots_that_matter);
    for uneven in [false, true] {
        cases.extend([0, ranks - 1].map(|root| Case { ranks, length: LARGE, uneven, root }));
    }
    let mut passed = 0;
    for commutes in [true, false] {
        let cases = relevant(gear, &cases, commutes);
        if !commutes && !gear.operation().reduces() {
            break;
        }
        let run = World::new(ranks).counting(true).run(|comm| {
            let mut counted = Vec::with_capacity(cases.len());
            for case in &cases {
                comm.reset_traffic();
                let input = |rank, index| element::<u64>(Fill::Small, 2, rank, index);
                match commutes {
                    true => call(gear, comm, case, &input, &Sum)?,
                    false => call(gear, comm, case, &input, &composition())?,
                };
                counted.push(comm.traffic().expect("the world counts").total);
            }
            Ok(counted)
        });
        let counted = run.map_err(|error| rejection(error, &cases))?;
        for (index, case) in cases.iter().enumerate() {
            let rounds = counted.iter().map(|of_rank| of_rank[index].rounds).max();
            for (rank, of_rank) in counted.iter().enumerate() {
                let cost = gear.cost(case, rank, commutes);
                let bytes = 8 * cost.elements as u64;
                let expected = (cost.messages as u64, bytes, Some(cost.rounds as u64));
                let found = (of_rank[index].messages, of_rank[index].bytes, rounds);
                if found != expected {
                    let detail = format!(
                        "{case}, commutes: {commutes}: rank {rank} sent (messages, bytes, rounds) {found:?}, the \
                         closed form says {expected:?}"
                    );
                    return Err(Rejection { check: "counts", detail });
                }
            }
        }
        passed += cases.len();
    }
    Ok(passed)
}
