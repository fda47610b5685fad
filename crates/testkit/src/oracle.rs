//! What the result should be, computed the obvious way from everybody's input.

use crate::case::{Case, Operation};
use collectives::{Element, Reduction};

/// What rank `rank` should hold after the operation; `inputs[r]` is what rank r put in, and `rank`'s own
/// input is what an in-place operation leaves where there is nothing to write.
pub fn oracle<T: Element>(
    operation: Operation,
    case: &Case,
    rank: usize,
    inputs: &[Vec<T>],
    op: &dyn Reduction<T>,
) -> Vec<T> {
    let combined = |ranks: std::ops::Range<usize>| {
        let contributions = ranks.len();
        let mut ranks = ranks.map(|r| inputs[r].clone());
        let first = ranks.next().expect("at least one rank");
        let mut sum = ranks.fold(first, |sum, x| sum.iter().zip(x).map(|(&a, b)| op.apply(a, b)).collect());
        op.finish(&mut sum, contributions);
        sum
    };
    let nothing_unless_root = |result: Vec<T>| if rank == case.root { result } else { Vec::new() };
    match operation {
        Operation::Barrier => Vec::new(),
        Operation::Broadcast => inputs[case.root].clone(),
        Operation::Reduce => nothing_unless_root(combined(0..case.ranks)),
        Operation::AllReduce => combined(0..case.ranks),
        Operation::ReduceScatter => {
            let before: usize = (0..rank).map(|r| case.count(r)).sum();
            combined(0..case.ranks)[before..][..case.count(rank)].to_vec()
        }
        Operation::Gather => nothing_unless_root(inputs.concat()),
        Operation::AllGather => inputs.concat(),
        Operation::Scatter => {
            let before: usize = (0..rank).map(|r| case.count(r)).sum();
            inputs[case.root][before..][..case.count(rank)].to_vec()
        }
        Operation::AllToAll => {
            let mut output = Vec::new();
            for (from, input) in inputs.iter().enumerate() {
                let before: usize = (0..rank).map(|to| case.pair_count(from, to)).sum();
                output.extend(&input[before..][..case.pair_count(from, rank)]);
            }
            output
        }
        Operation::Scan => combined(0..rank + 1),
        Operation::ExclusiveScan if rank > 0 => combined(0..rank),
        Operation::ExclusiveScan => match op.identity() {
            Some(identity) => vec![identity; case.length],
            None => inputs[0].clone(),
        },
    }
}
