//! Size and depth of each network, against closed forms, the books and recurrences.

use super::*;
use bitonic::network::information_bound;

#[test]
fn size_and_depth_equal_the_closed_forms() {
    for kind in Kind::ALL {
        for wires in (0..=260).chain([511, 512, 513, 1000, 1024]) {
            let network = kind.build(wires);
            assert_eq!(
                (network.size(), network.depth()),
                (kind.size(wires), kind.depth(wires)),
                "{kind:?} {wires}"
            );
            assert_eq!(network.comparators().count(), network.size());
            assert!(network.stages().iter().all(|stage| !stage.is_empty()), "{kind:?} {wires}");
        }
    }
}

/// As books have them, for n = 2^k.
#[test]
fn powers_of_two_have_the_sizes_of_the_books() {
    for k in 1..=20 {
        let n = 1_usize << k;
        for kind in [Kind::Bitonic, Kind::Alternating] {
            assert_eq!(kind.size(n), n * k * (k + 1) / 4, "{kind:?} {n}");
        }
        assert_eq!(4 * (Kind::OddEvenMerge.size(n) + 1), (k * k - k + 4) * n, "{n}");
        for kind in [Kind::Bitonic, Kind::Alternating, Kind::OddEvenMerge] {
            assert_eq!(kind.depth(n), triangle(k), "{kind:?} {n}");
        }
        assert_eq!(Kind::OddEvenTransposition.size(n), n * (n - 1) / 2);
    }
}

/// Other numbers of wires: counted one by one, and by recurrences that don't look like the closed forms.
#[test]
fn other_numbers_of_wires_have_the_sizes_of_their_recurrences() {
    // Batcher's sizes from 1 wire to 16: D. E. Knuth, The Art of Computer Programming 3, section 5.3.4.
    let batcher = [0, 1, 3, 5, 9, 12, 16, 19, 26, 31, 37, 41, 48, 53, 59, 63];
    assert_eq!(std::array::from_fn(|i| Kind::OddEvenMerge.size(i + 1)), batcher);

    // H. W. Lang: the pairs that a merge has at the greatest distance, then both parts.
    fn merge(n: usize) -> usize {
        let distance = n.next_power_of_two() / 2;
        if n < 2 { 0 } else { n - distance + merge(distance) + merge(n - distance) }
    }
    fn sort(n: usize) -> usize {
        if n < 2 { 0 } else { sort(n / 2) + sort(n.div_ceil(2)) + merge(n) }
    }
    for n in 0..=300 {
        assert_eq!(Kind::Alternating.size(n), sort(n), "{n}");
        // A wire with number i is the higher one of k - b comparators for each bit b that is set in i.
        let k = n.next_power_of_two().ilog2() as usize;
        let of_wire = |i: usize| (0..k).filter(|b| i >> b & 1 == 1).map(|b| k - b).sum::<usize>();
        assert_eq!(Kind::Bitonic.size(n), (0..n).map(of_wire).sum::<usize>(), "{n}");
    }
    for n in 1..=300 {
        // The whole of a power of two cut off a wire at a time: what is lost stood on the last one.
        let (more, fewer) = (Kind::Bitonic.build(n), Kind::Bitonic.build(n - 1));
        let on_last = more.comparators().filter(|comparator| comparator.high == n - 1).count();
        if more.depth() == fewer.depth() {
            assert_eq!(more.size() - on_last, fewer.size(), "{n}");
        }
    }
}

#[test]
fn no_network_is_below_the_information_bound() {
    for (n, bound) in [(0, 0), (1, 0), (2, 1), (3, 3), (4, 5), (5, 7), (8, 16), (12, 29), (16, 45)] {
        assert_eq!(information_bound(n).ceil() as usize, bound, "{n}");
    }
    for kind in Kind::ALL {
        for n in 0..=1000 {
            assert!(kind.size(n) as f64 >= information_bound(n) - 1e-6, "{kind:?} {n}");
        }
    }
}

#[test]
fn one_network_alone_has_comparators_of_both_directions() {
    let descending = |kind: Kind, n| kind.build(n).comparators().filter(|c| c.low > c.high).count();
    for n in 0..=40 {
        for kind in [Kind::Bitonic, Kind::OddEvenMerge, Kind::OddEvenTransposition] {
            assert_eq!(descending(kind, n), 0, "{kind:?} {n}");
        }
        assert_eq!(descending(Kind::Alternating, n) > 0, n >= 4, "{n}");
    }
}
