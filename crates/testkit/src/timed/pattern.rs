//! Inputs whose results are known without combining whole buffers.
//!
//! The elements fall into 256 *kinds*, by a hash of their index; what rank r puts in at index i is
//! `values[r][kind(i)]`. So the sum over ranks at index i depends on kind(i) alone, and a table of 256
//! sums, taken the obvious way, holds every element of the result: one look-up an element, whatever P is. A
//! chunk that is missing, misplaced or counted twice shows at nearly every element.

use crate::case::{Case, Operation};
use crate::values::{Value, mix};
use collectives::{Number, Reduction, Sum};
use std::ops::Range;

const KINDS: usize = 256;

/// Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3): the top 8 bits of a product.
fn kind(index: usize) -> usize {
    ((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize
}

/// What all ranks put in, and what each should get out.
#[derive(Clone, Debug)]
pub struct Pattern<T> {
    operation: Operation,
    case: Case,
    /// `values[r][k]`: what rank r puts in where the kind is k.
    values: Vec<Vec<T>>,
}

impl<T: Value + Number> Pattern<T> {
    /// For equal blocks. Sums of up to 256 ranks are exact in every type, in any order.
    pub fn new(operation: Operation, case: &Case) -> Self {
        // bf16 counts exactly up to 256, the least of all floats. Integers wrap, which is exact too.
        let highest = (256 / Ord::max(case.ranks, 1)).clamp(1, 8) as u64;
        let value = |rank, kind| {
            let bits = mix(0, rank, kind);
            match operation.reduces() {
                true => T::small((bits % (highest + 1)) as u8),
                false => T::any(bits),
            }
        };
        let values = (0..case.ranks).map(|rank| (0..KINDS).map(|kind| value(rank, kind)).collect());
        Self { operation, case: *case, values: values.collect() }
    }

    /// Writes what the rank puts in.
    pub fn fill(&self, rank: usize, input: &mut [T]) {
        for (index, x) in input.iter_mut().enumerate() {
            *x = self.values[rank][kind(index)];
        }
    }

    /// How many elements of the rank's output are not what they should be.
    pub fn wrong(&self, rank: usize, output: &[T]) -> usize {
        let n = self.case.length;
        let all = 0..self.case.ranks;
        let whole = |table: &[T]| wrong(output, table, 0);
        match self.operation {
            Operation::Barrier => 0,
            Operation::Broadcast => whole(&self.values[self.case.root]),
            Operation::Scatter => wrong(output, &self.values[self.case.root], rank * n),
            Operation::Gather if rank != self.case.root => 0,
            Operation::Gather | Operation::AllGather => {
                all.map(|from| wrong(&output[from * n..][..n], &self.values[from], 0)).sum()
            }
            Operation::AllToAll => {
                all.map(|from| wrong(&output[from * n..][..n], &self.values[from], rank * n)).sum()
            }
            Operation::Reduce if rank != self.case.root => 0,
            Operation::Reduce | Operation::AllReduce => whole(&self.sums(all)),
            Operation::ReduceScatter => wrong(output, &self.sums(all), rank * n),
            Operation::Scan => whole(&self.sums(0..rank + 1)),
            Operation::ExclusiveScan => whole(&self.sums(0..rank)),
        }
    }

    /// The sum over some ranks, for each kind.
    fn sums(&self, ranks: Range<usize>) -> Vec<T> {
        let sum = |kind| {
            self.values[ranks.clone()].iter().fold(T::ZERO, |sum, values| Sum.apply(sum, values[kind]))
        };
        (0..KINDS).map(sum).collect()
    }
}

/// How many of `output` differ from what their kinds say; its first element has index `first` where it
/// comes from.
fn wrong<T: PartialEq>(output: &[T], table: &[T], first: usize) -> usize {
    output.iter().enumerate().filter(|(i, x)| **x != table[kind(first + i)]).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::oracle;

    #[test]
    fn agrees_with_the_oracle() {
        for operation in Operation::ALL {
            for ranks in 1..=5 {
                for length in [0, 1, 7, 300] {
                    let case = Case { root: ranks / 2, ..Case::new(ranks, length) };
                    let pattern = Pattern::<f32>::new(operation, &case);
                    let inputs: Vec<_> = (0..ranks)
                        .map(|rank| {
                            let mut input = vec![0.0; case.input_length(operation, rank)];
                            pattern.fill(rank, &mut input);
                            input
                        })
                        .collect();
                    for rank in 0..ranks {
                        let mut output = oracle(operation, &case, rank, &inputs, &Sum);
                        assert_eq!(pattern.wrong(rank, &output), 0, "{operation:?}, {case}, rank {rank}");
                        if let Some(x) = output.last_mut() {
                            *x += 1.0;
                            assert_eq!(pattern.wrong(rank, &output), 1, "{operation:?}, {case}, rank {rank}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn sums_are_exact_in_the_narrowest_float() {
        use half::bf16;
        let pattern = Pattern::<bf16>::new(Operation::AllReduce, &Case::new(256, 1));
        for kind in 0..KINDS {
            let sum: f32 = pattern.values.iter().map(|values| values[kind].to_f32()).sum();
            assert_eq!(bf16::from_f32(sum).to_f32(), sum);
            assert!(sum <= 256.0);
        }
    }

    #[test]
    fn a_shifted_chunk_is_wrong_nearly_everywhere() {
        let pattern = Pattern::<u32>::new(Operation::Broadcast, &Case::new(2, 1000));
        let mut sent = vec![0; 1000];
        pattern.fill(0, &mut sent);
        for shift in [1, 2, 8, 100, 256, 500] {
            let mut shifted = sent.clone();
            shifted.rotate_left(shift);
            assert!(pattern.wrong(1, &shifted) > 900, "{shift}");
        }
    }
}
