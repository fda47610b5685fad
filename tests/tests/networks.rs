//! Sorting networks: each that can be built sorts, and `verify` tells the truth.

#[path = "networks/drawings.rs"]
mod drawings;
#[path = "networks/mistakes.rs"]
mod mistakes;
#[path = "networks/sizes.rs"]
mod sizes;

use bitonic::network::{Comparator, Error, Kind, MOST_WIRES, Network, Unsorted, Unverified};
use fastrand::Rng;

/// Wires for which everything is tried.
const FEW: usize = 16;

/// Stages of k levels.
fn triangle(k: usize) -> usize {
    k * (k + 1) / 2
}

/// The network with its stages changed.
fn changed(network: &Network, change: impl FnOnce(&mut Vec<Vec<Comparator>>)) -> Network {
    let mut stages = network.stages().to_vec();
    change(&mut stages);
    Network::new(network.wires(), stages).expect("still a network")
}

/// Every network that lacks one comparator.
fn lacking_one(network: &Network) -> impl Iterator<Item = (Comparator, Network)> {
    let places =
        (0..network.depth()).flat_map(|stage| (0..network.stages()[stage].len()).map(move |i| (stage, i)));
    places.map(|(stage, i)| {
        let lacking = network.stages()[stage][i];
        let without = changed(network, |stages| stages[stage].retain(|&comparator| comparator != lacking));
        (lacking, without)
    })
}

/// The definition, on its own: keys through comparators one after the other.
fn naive(network: &Network, input: &[bool]) -> Vec<bool> {
    let mut keys = input.to_vec();
    for stage in network.stages() {
        for comparator in stage {
            let (a, b) = (keys[comparator.low], keys[comparator.high]);
            (keys[comparator.low], keys[comparator.high]) = (a.min(b), a.max(b));
        }
    }
    keys
}

/// The first unsorted input, where inputs come by the number of their ones, then by number (wire 0 has the lowest bit).
fn naive_minimal(network: &Network) -> Option<Unsorted> {
    let mut inputs: Vec<u32> = (0..1 << network.wires()).collect();
    inputs.sort_by_key(|input| (input.count_ones(), *input));
    inputs.into_iter().find_map(|number| {
        let input: Vec<bool> = (0..network.wires()).map(|wire| number >> wire & 1 == 1).collect();
        let output = naive(network, &input);
        (!output.is_sorted()).then_some(Unsorted { input, output })
    })
}

/// Checks that the network is rejected, with a counterexample that is one.
#[track_caller]
fn rejected(network: &Network, what: &str) -> Unsorted {
    let unsorted = match network.verify() {
        Err(Unverified::Unsorted(unsorted)) => unsorted,
        other => panic!("{what}: {other:?}"),
    };
    assert_eq!(naive(network, &unsorted.input), unsorted.output, "{what}");
    assert!(!unsorted.output.is_sorted(), "{what}");
    unsorted
}

fn reverse(comparator: &mut Comparator) {
    std::mem::swap(&mut comparator.low, &mut comparator.high);
}

#[test]
fn every_network_of_few_wires_sorts() {
    for kind in Kind::ALL {
        for wires in 0..=FEW {
            assert_eq!(kind.build(wires).verify(), Ok(1 << wires), "{kind:?} {wires}");
        }
    }
}

#[test]
fn networks_of_24_wires_sort_all_16777216_inputs() {
    for kind in Kind::ALL {
        assert_eq!(kind.build(24).verify(), Ok(16_777_216), "{kind:?}");
    }
}

#[test]
fn networks_of_many_wires_sort_samples() {
    let mut rng = Rng::with_seed(1);
    for kind in Kind::ALL {
        for wires in (17..=130).chain([255, 256, 257, 500]) {
            let network = kind.build(wires);
            for distinct in [2, 5, 1000] {
                let mut keys: Vec<u32> = (0..wires).map(|_| rng.u32(..distinct)).collect();
                let mut expected = keys.clone();
                expected.sort_unstable();
                network.apply(&mut keys);
                assert_eq!(keys, expected, "{kind:?} {wires}");
            }
        }
    }
}

#[test]
fn a_network_of_fewer_wires_is_the_next_power_of_twos_without_the_others() {
    for kind in [Kind::Bitonic, Kind::OddEvenMerge] {
        for wires in 2..=65_usize {
            let mut stages = kind.build(wires.next_power_of_two()).stages().to_vec();
            stages.iter_mut().for_each(|stage| stage.retain(|comparator| comparator.high < wires));
            assert_eq!(kind.build(wires).stages(), stages, "{kind:?} {wires}");
        }
    }
}

/// As -infinity would stay on them.
#[test]
fn wires_may_be_left_out_at_the_low_end_too() {
    for kind in [Kind::Bitonic, Kind::OddEvenMerge] {
        let whole = kind.build(16);
        for absent in 0..=15 {
            let mut stages = whole.stages().to_vec();
            for stage in &mut stages {
                stage.retain(|comparator| comparator.low >= absent);
                for comparator in stage.iter_mut() {
                    (comparator.low, comparator.high) = (comparator.low - absent, comparator.high - absent);
                }
            }
            let network = Network::new(16 - absent, stages).unwrap();
            assert_eq!(network.verify(), Ok(1 << (16 - absent)), "{kind:?} without {absent}");
        }
    }
}

/// `verify` against the definition, on random networks, of which some sort.
#[test]
fn verify_says_what_the_definition_says() {
    let mut rng = Rng::with_seed(2);
    let (mut sorting, mut not) = (0, 0);
    for round in 0..1500 {
        let wires = 1 + round % 10;
        let mut stages = vec![Vec::new(); rng.usize(..=3 * wires)];
        for stage in &mut stages {
            let mut free: Vec<usize> = (0..wires).collect();
            rng.shuffle(&mut free);
            for pair in free.chunks_exact(2) {
                // Mostly ascending: else hardly any would sort.
                let (low, high) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                let ascending = Comparator { low, high };
                stage.push(if rng.u32(..20) == 0 { Comparator { low: high, high: low } } else { ascending });
            }
        }
        let network = Network::new(wires, stages).unwrap();
        let expected = match naive_minimal(&network) {
            None => Ok(1 << wires),
            Some(unsorted) => Err(Unverified::Unsorted(unsorted)),
        };
        *(if expected.is_ok() { &mut sorting } else { &mut not }) += 1;
        assert_eq!(network.verify(), expected);
    }
    assert!(sorting > 200 && not > 200, "{sorting} sort, {not} don't");
}

/// Where one word isn't enough for all inputs, and those of several threads must be compared.
#[test]
fn the_counterexample_is_minimal_on_many_wires_too() {
    // Only inputs with ones on wires 3 and 17 alone come out wrong.
    let network = changed(&Kind::OddEvenMerge.build(20), |stages| {
        stages.push(vec![Comparator { low: 19, high: 18 }]);
    });
    let unsorted = rejected(&network, "neighbours turned over");
    let ones = |keys: &[bool]| (0..20).filter(|&wire| keys[wire]).collect::<Vec<_>>();
    assert_eq!((ones(&unsorted.input), ones(&unsorted.output)), (vec![0], vec![18]));

    // A bubble that carries the greatest key down: sorts nothing else.
    let bubble = (1..20).map(|high| vec![Comparator { low: high - 1, high }]).collect();
    let unsorted = rejected(&Network::new(20, bubble).unwrap(), "a bubble");
    assert_eq!((ones(&unsorted.input), ones(&unsorted.output)), (vec![0, 1], vec![0, 19]));

    let mut minimal = 0;
    for (lacking, network) in lacking_one(&Kind::Bitonic.build(12)) {
        if let Err(Unverified::Unsorted(unsorted)) = network.verify() {
            assert_eq!(Some(unsorted), naive_minimal(&network), "without {lacking:?}");
            minimal += 1;
        }
    }
    assert_eq!(minimal, 54 - 6);
}

#[test]
fn too_many_wires_are_refused_and_not_tried() {
    let network = Kind::OddEvenTransposition.build(MOST_WIRES + 1);
    let refused = network.verify().unwrap_err();
    assert_eq!(refused, Unverified::TooManyWires { wires: 29 });
    assert_eq!(refused.to_string(), "29 wires have 2^29 inputs, which are tried for 28 wires at most");
}

#[test]
fn what_is_no_network_is_refused() {
    let compare = |low, high| Comparator { low, high };
    for (stages, error, text) in [
        (
            vec![vec![compare(0, 1)], vec![compare(1, 3)]],
            Error::NoSuchWire { stage: 1, wire: 3, wires: 3 },
            "stage 1 compares wire 3, but there are 3, counted from 0",
        ),
        (
            vec![vec![compare(7, 1)]],
            Error::NoSuchWire { stage: 0, wire: 7, wires: 3 },
            "stage 0 compares wire 7, but there are 3, counted from 0",
        ),
        (
            vec![vec![], vec![], vec![compare(2, 2)]],
            Error::SameWire { stage: 2, wire: 2 },
            "stage 2 compares wire 2 with itself",
        ),
        (
            vec![vec![compare(0, 1), compare(2, 1)]],
            Error::WireTwice { stage: 0, wire: 1 },
            "stage 0 has two comparators on wire 1",
        ),
        (
            vec![vec![compare(0, 1)], vec![compare(0, 1), compare(0, 1)]],
            Error::WireTwice { stage: 1, wire: 0 },
            "stage 1 has two comparators on wire 0",
        ),
    ] {
        let refused = Network::new(3, stages).unwrap_err();
        assert_eq!((refused, refused.to_string().as_str()), (error, text));
    }
    // The same wires in one stage after the other are fine, and so is a stage without comparators.
    assert!(Network::new(2, vec![vec![compare(0, 1)], vec![], vec![compare(1, 0)]]).is_ok());
    assert!(Network::new(0, vec![]).is_ok());
}

#[test]
#[should_panic(expected = "there must be one key for each wire")]
fn a_key_too_many() {
    Kind::Bitonic.build(4).apply(&mut [1, 2, 3, 4, 5]);
}
