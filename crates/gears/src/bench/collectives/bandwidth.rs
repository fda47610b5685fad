//! Bytes and time to gigabytes per second, by the rules of nccl-tests.
//!
//! *Algorithm bandwidth* is the size of the whole array over the time: it falls with the number of ranks,
//! even on links that are used to the full. *Bus bandwidth* corrects that by what each rank must at least
//! send and take: it can be compared with the speed of a link, and between numbers of ranks.

use testkit::case::Operation;

/// Gigabytes (10^9) per second.
pub(super) fn algorithm_bandwidth(bytes: usize, micros: f64) -> f64 {
    bytes as f64 / micros / 1e3
}

/// Bus bandwidth over algorithm bandwidth.
pub(super) fn bus_factor(operation: Operation, ranks: usize) -> f64 {
    let others = (ranks - 1) as f64 / ranks as f64;
    match operation {
        // What the other ranks contribute must come in, and what they lack must go out.
        Operation::AllReduce => 2.0 * others,
        // Of the whole array all blocks but one's own.
        Operation::ReduceScatter | Operation::AllGather | Operation::AllToAll => others,
        // The whole array goes through one rank.
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors() {
        use Operation::*;
        for (operation, factors) in [
            (AllReduce, [0.0, 1.0, 1.5, 1.75]),
            (ReduceScatter, [0.0, 0.5, 0.75, 0.875]),
            (AllGather, [0.0, 0.5, 0.75, 0.875]),
            (AllToAll, [0.0, 0.5, 0.75, 0.875]),
            (Broadcast, [1.0; 4]),
            (Reduce, [1.0; 4]),
            (Gather, [1.0; 4]),
            (Scatter, [1.0; 4]),
            (Scan, [1.0; 4]),
            (ExclusiveScan, [1.0; 4]),
        ] {
            assert_eq!([1, 2, 4, 8].map(|ranks| bus_factor(operation, ranks)), factors, "{operation:?}");
        }
    }

    #[test]
    fn a_byte_per_nanosecond_is_a_gigabyte_per_second() {
        assert_eq!(algorithm_bandwidth(1_000_000, 1_000.0), 1.0);
    }
}
