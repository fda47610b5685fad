//! Sums of floats that round.

use super::{Rejection, Verdict, call, rejection, relevant};
use crate::case::{Case, Operation};
use crate::gear::Gear;
use crate::oracle::oracle;
use crate::values::mix;
use collectives::{Result, Sum, World};

/// Sums that round: close to an `f64` reference, the same bits on every run and, for all-reduce, on every
/// rank.
///
/// # Errors
///
/// The first sum that is off, or that differs between ranks or runs.
pub fn bits<G: Gear>(gear: &G) -> Verdict {
    if !gear.operation().reduces() {
        return Ok(0);
    }
    (1..=9).map(|ranks| bits_among(gear, ranks)).sum()
}

fn bits_among<G: Gear>(gear: &G, ranks: usize) -> Verdict {
    let rough = |rank, index| (mix(3, rank, index) as i32) as f32 * 1e-7 + 0.1;
    let cases = relevant(gear, &[Case::new(ranks, 1), Case::new(ranks, 37), Case::new(ranks, 64)], true);
    let run = || {
        World::new(ranks).run(|comm| {
            let results = cases.iter().map(|case| call(gear, comm, case, &rough, &Sum));
            results.collect::<Result<Vec<Vec<f32>>>>()
        })
    };
    let first = run().map_err(|error| rejection(error, &cases))?;
    let second = run().map_err(|error| rejection(error, &cases))?;
    let rejected = |detail| Err(Rejection { check: "bits", detail });
    let to_bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (index, case) in cases.iter().enumerate() {
        let precise = |rank, i| f64::from(rough(rank, i));
        let inputs: Vec<Vec<f64>> = (0..ranks)
            .map(|r| (0..case.input_length(gear.operation(), r)).map(|i| precise(r, i)).collect())
            .collect();
        for rank in 0..ranks {
            let result = &first[rank][index];
            if to_bits(result) != to_bits(&second[rank][index]) {
                return rejected(format!("{case}: rank {rank} got other bits on another run"));
            }
            if gear.operation() == Operation::AllReduce && to_bits(result) != to_bits(&first[0][index]) {
                return rejected(format!("{case}: rank {rank} got other bits than rank 0"));
            }
            // Each of at most P-1 additions rounds by half a unit in the last place of a partial sum.
            let magnitudes: Vec<Vec<f64>> =
                inputs.iter().map(|x| x.iter().map(|v| v.abs()).collect()).collect();
            let expected = oracle(gear.operation(), case, rank, &inputs, &Sum);
            let size = oracle(gear.operation(), case, rank, &magnitudes, &Sum);
            for ((&got, want), size) in result.iter().zip(expected).zip(size) {
                let bound = ranks as f64 * f64::from(f32::EPSILON) * size;
                if (f64::from(got) - want).abs() > bound {
                    return rejected(format!(
                        "{case}: rank {rank} got {got}, {want} within {bound:e} was expected"
                    ));
                }
            }
        }
    }
    Ok(cases.len())
}
