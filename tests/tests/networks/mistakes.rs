//! Mistakes that one makes with sorting networks: each is rejected, with an input that shows it.

use super::*;

/// How many comparators of each network can be left out one at a time, from 0 wires to 16. Of most networks every
/// single one is needed; only the bitonic one in one direction, cut off between powers of two, has some to spare.
const NOT_NEEDED: [(Kind, [usize; FEW + 1]); 4] = [
    (Kind::Bitonic, [0, 0, 0, 0, 0, 1, 2, 0, 0, 5, 5, 4, 6, 1, 2, 0, 0]),
    (Kind::Alternating, [0; FEW + 1]),
    (Kind::OddEvenMerge, [0; FEW + 1]),
    (Kind::OddEvenTransposition, [0; FEW + 1]),
];

/// And how many can be turned over.
const MAY_BE_REVERSED: [(Kind, [usize; FEW + 1]); 4] = [
    (Kind::Bitonic, [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 0, 1, 0, 0]),
    (Kind::Alternating, [0; FEW + 1]),
    (Kind::OddEvenMerge, [0; FEW + 1]),
    (Kind::OddEvenTransposition, [0; FEW + 1]),
];

#[test]
fn a_missing_comparator_is_rejected_where_it_is_needed() {
    for (kind, not_needed) in NOT_NEEDED {
        for (wires, not_needed) in not_needed.into_iter().enumerate() {
            let network = kind.build(wires);
            let accepted = lacking_one(&network).filter(|(lacking, network)| match network.verify() {
                Ok(_) => true,
                Err(_) => {
                    rejected(network, &format!("{kind:?} {wires} without {lacking:?}"));
                    false
                }
            });
            assert_eq!(accepted.count(), not_needed, "{kind:?} {wires}");
        }
    }
}

#[test]
fn a_reversed_comparator_is_rejected_where_its_direction_matters() {
    for (kind, may_be_reversed) in MAY_BE_REVERSED {
        for (wires, may_be_reversed) in may_be_reversed.into_iter().enumerate() {
            let network = kind.build(wires);
            let mut accepted = 0;
            for stage in 0..network.depth() {
                for i in 0..network.stages()[stage].len() {
                    let reversed = changed(&network, |stages| reverse(&mut stages[stage][i]));
                    match reversed.verify() {
                        Ok(_) => accepted += 1,
                        Err(_) => drop(rejected(&reversed, &format!("{kind:?} {wires}: {stage}, {i}"))),
                    }
                }
            }
            assert_eq!(accepted, may_be_reversed, "{kind:?} {wires}");
        }
    }
}

#[test]
fn a_missing_stage_is_rejected() {
    for kind in Kind::ALL {
        for wires in 2..=FEW {
            let network = kind.build(wires);
            for stage in 0..network.depth() {
                let missing = changed(&network, |stages| drop(stages.remove(stage)));
                rejected(&missing, &format!("{kind:?} {wires} without stage {stage}"));
            }
        }
    }
}

/// A block of the alternating network that is sorted the other way, on any level.
#[test]
fn a_block_of_the_wrong_direction_is_rejected() {
    let (wires, levels) = (16, 4);
    let network = Kind::Alternating.build(wires);
    for level in 1..=levels {
        for block in 0..wires >> level {
            let wrong = changed(&network, |stages| {
                for comparator in stages[triangle(level - 1)..triangle(level)].iter_mut().flatten() {
                    if comparator.low >> level == block {
                        reverse(comparator);
                    }
                }
            });
            assert_ne!(wrong, network);
            rejected(&wrong, &format!("level {level}, block {block}"));
        }
        // The direction changes one comparator too late: the first of the second block has that of the first.
        let late = changed(&network, |stages| {
            let edge = 1 << level;
            let first = stages[triangle(level - 1)]
                .iter_mut()
                .find(|comparator| comparator.low.min(comparator.high) == edge);
            first.into_iter().for_each(reverse);
        });
        if level < levels {
            rejected(&late, &format!("level {level}, an edge too late"));
        }
    }
}

/// The one-direction network lives by its flips: with half-cleaners in their place it merges rising and rising.
#[test]
fn half_cleaners_in_place_of_flips_are_rejected() {
    for level in 2..=4 {
        let network = changed(&Kind::Bitonic.build(16), |stages| {
            for comparator in &mut stages[triangle(level - 1)] {
                comparator.high = comparator.low + (1 << (level - 1));
            }
        });
        rejected(&network, &format!("level {level}"));
    }
}

/// The network of the power of two below, as if the rest weren't there.
#[test]
fn what_is_cut_off_at_a_power_of_two_is_rejected() {
    for kind in Kind::ALL {
        for wires in (3..=17_usize).filter(|wires| !wires.is_power_of_two()) {
            let below = kind.build(wires.next_power_of_two() / 2);
            let cut_off = Network::new(wires, below.stages().to_vec()).unwrap();
            rejected(&cut_off, &format!("{kind:?} {wires}"));
        }
    }
}

/// Halves of n/2, rounded down, as a well-known collection of algorithms has them: if n is odd somewhere on the way, a
/// key is never looked at.
#[test]
fn halves_rounded_down_are_rejected() {
    fn merge(stages: &mut Vec<Vec<Comparator>>, first: usize, wires: usize, rising: bool) {
        if wires > 1 {
            let half = wires / 2;
            for low in first..first + half {
                let mut comparator = Comparator { low, high: low + half };
                if !rising {
                    reverse(&mut comparator);
                }
                stages.push(vec![comparator]);
            }
            merge(stages, first, half, rising);
            merge(stages, first + half, half, rising);
        }
    }
    fn sort(stages: &mut Vec<Vec<Comparator>>, first: usize, wires: usize, rising: bool) {
        if wires > 1 {
            sort(stages, first, wires / 2, true);
            sort(stages, first + wires / 2, wires / 2, false);
            merge(stages, first, wires, rising);
        }
    }
    for wires in 0..=17_usize {
        let mut stages = Vec::new();
        sort(&mut stages, 0, wires, true);
        let network = Network::new(wires, stages).unwrap();
        match wires.is_power_of_two() || wires == 0 {
            true => assert_eq!(network.verify(), Ok(1 << wires), "{wires}"),
            false => drop(rejected(&network, &format!("{wires}"))),
        }
    }
}

/// Where wires are absent at the high end, the first half must fall and the second rise: a hill, and +infinity behind
/// it, isn't bitonic.
#[test]
fn a_hill_may_not_be_cut_off() {
    for wires in 2..=17_usize {
        // The textbook's: the first half rises. Mirrored, so that a network that falls becomes one that rises.
        let hill = changed(&Kind::Alternating.build(wires.next_power_of_two()), |stages| {
            let last = wires.next_power_of_two() - 1;
            for comparator in stages.iter_mut().flatten() {
                *comparator = Comparator { low: last - comparator.high, high: last - comparator.low };
            }
        });
        assert!(wires > FEW || hill.verify().is_ok(), "{wires}");
        let mut stages = hill.stages().to_vec();
        stages.iter_mut().for_each(|stage| stage.retain(|c| c.low.max(c.high) < wires));
        let cut_off = Network::new(wires, stages).unwrap();
        match wires.is_power_of_two() {
            true => assert!(cut_off.verify().is_ok(), "{wires}"),
            false => drop(rejected(&cut_off, &format!("{wires}"))),
        }
    }
}
