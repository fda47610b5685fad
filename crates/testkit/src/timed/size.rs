//! What a size means, by the rule of nccl-tests: the bytes of the whole array that a rank puts in or gets
//! out, whichever is longer.

use crate::case::{Case, Operation};

/// The blocks of which that array consists.
fn blocks(operation: Operation, ranks: usize) -> usize {
    use Operation::{AllGather, AllToAll, Gather, ReduceScatter, Scatter};
    match operation {
        AllGather | ReduceScatter | AllToAll | Gather | Scatter => ranks,
        _ => 1,
    }
}

/// A call of about this size: rounded down to whole elements in each block, but to no fewer than one.
pub fn case(operation: Operation, ranks: usize, bytes: usize, element_bytes: usize) -> Case {
    let length = match operation {
        Operation::Barrier => 0,
        _ => Ord::max(bytes / element_bytes / blocks(operation, ranks), 1),
    };
    Case::new(ranks, length)
}

/// The size of a call on equal blocks; none for a barrier.
pub fn bytes(operation: Operation, case: &Case, element_bytes: usize) -> Option<usize> {
    match operation {
        Operation::Barrier => None,
        _ => Some(case.length * blocks(operation, case.ranks) * element_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_input_and_output() {
        for operation in Operation::ALL {
            for ranks in 1..=5 {
                let case = case(operation, ranks, 1000, 4);
                let rank = case.root;
                let (input, output) =
                    (case.input_length(operation, rank), case.output_length(operation, rank));
                let size = bytes(operation, &case, 4);
                assert_eq!(size.unwrap_or(0), 4 * Ord::max(input, output), "{operation:?}, P = {ranks}");
                assert!(size.is_none_or(|size| size <= 1000 && size > 1000 - 4 * ranks));
            }
        }
    }

    #[test]
    fn never_less_than_an_element_a_block() {
        assert_eq!(case(Operation::Scatter, 8, 8, 4), Case::new(8, 1));
        assert_eq!(case(Operation::Scan, 8, 8, 16), Case::new(8, 1));
        assert_eq!(case(Operation::Barrier, 8, 8, 4), Case::new(8, 0));
    }
}
