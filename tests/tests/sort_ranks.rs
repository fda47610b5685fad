//! Sorting across ranks: equal to the standard library's sort of all keys, blocks as long as before, traffic as
//! the formula says. A new way is one line in `RankSort::ALL`.

#[path = "sort_ranks/failures.rs"]
mod failures;
#[path = "sort_ranks/mutants.rs"]
mod mutants;
#[path = "sort_ranks/traffic.rs"]
mod traffic;

use bitonic::Direction;
use bitonic::network::Kind;
use bitonic::ranks::{self, RankSort};
use collectives::{Communicator, Element, Result, World};
use proptest::prelude::*;
use testkit::sorting::sample::oracle;
use testkit::sorting::{Input, Pattern, Sample};

/// Anything that claims to sort across ranks.
trait Gear: Sync {
    fn sort<K: Sample + Element>(
        &self,
        comm: &Communicator,
        block: &mut [K],
        direction: Direction,
    ) -> Result<()>;
}

impl Gear for RankSort {
    fn sort<K: Sample + Element>(
        &self,
        comm: &Communicator,
        block: &mut [K],
        direction: Direction,
    ) -> Result<()> {
        RankSort::sort(*self, comm, block, direction)
    }
}

/// The plain form.
struct Chosen;

impl Gear for Chosen {
    fn sort<K: Sample + Element>(
        &self,
        comm: &Communicator,
        block: &mut [K],
        direction: Direction,
    ) -> Result<()> {
        ranks::sort(comm, block, direction)
    }
}

/// A block of each rank.
type Blocks<K> = Vec<Vec<K>>;

/// What is wrong with the first case that comes out wrong. All cases run in one world.
fn problem<K: Sample + Element>(
    gear: &impl Gear,
    ranks: usize,
    cases: &[(Blocks<K>, Direction)],
) -> Option<String> {
    let run = World::new(ranks).quiet(true).run(|comm| {
        let sorted = cases.iter().map(|(blocks, direction)| {
            let mut block = blocks[comm.rank()].clone();
            gear.sort(comm, &mut block, *direction)?;
            Ok(block)
        });
        sorted.collect::<Result<Vec<_>>>()
    });
    let sorted = match run {
        Ok(sorted) => sorted,
        Err(error) => return Some(format!("{error:?}")),
    };
    cases.iter().enumerate().find_map(|(case, (blocks, direction))| {
        let found: Blocks<K> = sorted.iter().map(|sorted| sorted[case].clone()).collect();
        if !found.iter().map(Vec::len).eq(blocks.iter().map(Vec::len)) {
            return Some(format!("blocks have other lengths: {blocks:?} became {found:?}"));
        }
        let expected = oracle(&blocks.concat(), *direction);
        let same = found.concat().iter().map(|key| key.bits()).eq(expected.iter().map(|key| key.bits()));
        (!same).then(|| format!("{} by {blocks:?} became {found:?}", direction.name()))
    })
}

#[track_caller]
fn assert_sorts<K: Sample + Element>(
    name: &str,
    gear: &impl Gear,
    ranks: usize,
    cases: &[(Blocks<K>, Direction)],
) {
    if let Some(problem) = problem(gear, ranks, cases) {
        panic!("{name} on {ranks} ranks: {}", problem.chars().take(2000).collect::<String>());
    }
}

/// All vectors of so many numbers up to `most`.
fn all_vectors(numbers: usize, most: usize) -> impl Iterator<Item = Vec<usize>> {
    let digits = move |mut number: usize| {
        let digit = |_| {
            let digit = number % (most + 1);
            number /= most + 1;
            digit
        };
        (0..numbers).map(digit).collect()
    };
    (0..(most + 1).pow(numbers as u32)).map(digits)
}

/// Every vector of lengths up to `most`, with every block of zeros and ones: as blocks are sorted first, only
/// how many zeros there are matters. By the 0-1 principle this *proves* networks for these lengths.
fn all_zeros_and_ones(ranks: usize, most: usize) -> Vec<(Blocks<u8>, Direction)> {
    let mut cases = Vec::new();
    for lengths in all_vectors(ranks, most) {
        for zeros in all_vectors(ranks, most) {
            if zeros.iter().zip(&lengths).all(|(zeros, length)| zeros <= length) {
                let block = |(&zeros, &length): (&usize, &usize)| {
                    // The ones first, so that there is something to sort.
                    (0..length).map(|i| u8::from(i < length - zeros)).collect()
                };
                let blocks = zeros.iter().zip(&lengths).map(block).collect();
                cases.push((blocks, Direction::ALL[cases.len() % 2]));
            }
        }
    }
    cases
}

#[test]
fn all_zeros_and_ones_in_blocks_of_all_small_lengths() {
    let mut sorted = 0;
    for (ranks, most) in [(1, 6), (2, 5), (3, 3), (4, 2), (5, 1), (6, 1), (7, 1), (8, 1)] {
        let cases = all_zeros_and_ones(ranks, most);
        // Eight threads take their time, so not all of them there.
        for way in RankSort::ALL.into_iter().step_by(if ranks < 8 { 1 } else { 4 }) {
            assert_sorts(way.name(), &way, ranks, &cases);
            sorted += cases.len();
        }
    }
    println!("{sorted} sorts");
    assert_eq!(sorted, 5 * (28 + 21 * 21 + 1000 + 1296 + 243 + 729 + 2187) + 2 * 6561);
}

/// Keys of a pattern, cut into blocks.
fn blocks<K: Sample>(input: &Input, lengths: &[usize]) -> Blocks<K> {
    let keys: Vec<K> = Input { length: lengths.iter().sum(), ..*input }.keys();
    let mut rest = &keys[..];
    let cut = |&length: &usize| {
        let (block, others) = rest.split_at(length);
        rest = others;
        block.to_vec()
    };
    lengths.iter().map(cut).collect()
}

/// Lengths to sort with: equal, front-loaded, with gaps, all on one rank, and what a division leaves over.
fn shapes(ranks: usize, size: usize) -> Vec<Vec<usize>> {
    let of = |length: &dyn Fn(usize) -> usize| (0..ranks).map(length).collect::<Vec<_>>();
    vec![
        of(&|_| size),
        of(&|rank| size + usize::from(rank < ranks / 2)),
        of(&|rank| size + usize::from(rank >= ranks / 2)),
        of(&|rank| if rank + 1 < ranks { size } else { size / 3 }),
        of(&|rank| (rank % 2) * size),
        of(&|rank| if rank == ranks - 1 { size } else { 0 }),
        of(&|rank| (rank * 7 + 3) % (size + 1)),
    ]
}

fn every_pattern_of<K: Sample + Element>() {
    for ranks in 1..=8 {
        let mut cases = Vec::new();
        for (shape, lengths) in shapes(ranks, 37).iter().enumerate() {
            for (n, pattern) in Pattern::ALL.into_iter().enumerate() {
                let input = Input { pattern, length: 0, seed: (ranks * 100 + shape) as u64 };
                cases.push((blocks::<K>(&input, lengths), Direction::ALL[(n + shape) % 2]));
            }
        }
        for way in RankSort::ALL {
            assert_sorts(&format!("{} of {}", way.name(), K::NAME), &way, ranks, &cases);
        }
        assert_sorts("the plain form", &Chosen, ranks, &cases);
    }
}

/// Random, sorted, reversed, organ pipe, few unique, all equal, saw, one out of place, and special values: the
/// ends of each type, NaNs of both signs with payloads, both zeros, infinities. On 1 to 8 ranks, in blocks of
/// all shapes.
macro_rules! every_pattern {
    ($($key:ident)*) => {$(
        #[test]
        fn $key() {
            super::every_pattern_of::<$key>();
        }
    )*};
}

mod every_pattern {
    every_pattern!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);
}

/// Blocks of several pieces, and, for sample sort, with keys between the samples.
#[test]
fn long_blocks() {
    for ranks in [2, 3, 5] {
        let mut cases = Vec::new();
        for (n, lengths) in shapes(ranks, 4500).iter().enumerate() {
            for pattern in [Pattern::Random, Pattern::FewUnique] {
                let input = Input { pattern, length: 0, seed: n as u64 };
                cases.push((blocks::<u128>(&input, lengths), Direction::ALL[n % 2]));
            }
        }
        for way in RankSort::ALL {
            assert_sorts(way.name(), &way, ranks, &cases);
        }
        assert_sorts("the plain form", &Chosen, ranks, &cases);
    }
}

/// Where every send waits for its receiver, nothing leans on messages being buffered.
#[test]
fn in_a_strict_world() {
    for ranks in 1..=6 {
        for (n, lengths) in shapes(ranks, 20).iter().enumerate() {
            let input = Input { pattern: Pattern::Random, length: 0, seed: n as u64 };
            let blocks: Blocks<i16> = blocks(&input, lengths);
            for way in RankSort::ALL {
                let run = World::new(ranks).strict(true).run(|comm| {
                    let mut block = blocks[comm.rank()].clone();
                    way.sort(comm, &mut block, Direction::Ascending)?;
                    Ok(block)
                });
                assert_eq!(run.unwrap().concat(), oracle(&blocks.concat(), Direction::Ascending));
            }
        }
    }
}

/// On a communicator of some of the ranks, and twice.
#[test]
fn on_a_part_of_the_ranks() {
    let sorted = World::new(5).run(|comm| {
        let part =
            comm.split(Some(comm.rank() as u32 % 2), -(comm.rank() as i64))?.expect("all have a color");
        let mut block = [10 * comm.rank(), 7, 20 - comm.rank()];
        RankSort::SampleSort.sort(&part, &mut block, Direction::Ascending)?;
        RankSort::Network(Kind::Bitonic).sort(&part, &mut block, Direction::Descending)?;
        Ok(block)
    });
    let [zero, one, two, three, four] = sorted.unwrap().try_into().expect("five ranks");
    // By their keys, the parts are ranks 4, 2, 0 and 3, 1.
    assert_eq!([four, two, zero].concat(), [40, 20, 20, 18, 16, 7, 7, 7, 0]);
    assert_eq!([three, one].concat(), [30, 19, 17, 10, 7, 7]);
}

fn any_case<K: Sample>() -> impl Strategy<Value = (Blocks<K>, Direction)> {
    let lengths = prop_oneof![
        prop::collection::vec(0..=40_usize, 1..=8),
        prop::collection::vec(prop_oneof![Just(0_usize), 0..=600_usize], 1..=8),
    ];
    let pattern = prop::sample::select(Pattern::ALL.to_vec());
    (lengths, pattern, any::<u64>(), prop::sample::select(Direction::ALL.to_vec())).prop_map(
        |(lengths, pattern, seed, direction)| {
            (blocks(&Input { pattern, length: 0, seed }, &lengths), direction)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_blocks_of_bytes(case in any_case::<u8>(), way in prop::sample::select(RankSort::ALL.to_vec())) {
        prop_assert_eq!(problem(&way, case.0.len(), &[case]), None);
    }

    #[test]
    fn any_blocks_of_floats(case in any_case::<f64>(), way in prop::sample::select(RankSort::ALL.to_vec())) {
        prop_assert_eq!(problem(&way, case.0.len(), &[case]), None);
    }

    #[test]
    fn any_blocks_of_integers(case in any_case::<u32>()) {
        prop_assert_eq!(problem(&Chosen, case.0.len(), &[case]), None);
    }
}

/// The plain form: few messages for short blocks, few keys for long ones.
#[test]
fn what_is_chosen() {
    let bitonic = RankSort::Network(Kind::Bitonic);
    assert_eq!(RankSort::choose(&[1 << 20; 2], 4), bitonic);
    assert_eq!(RankSort::choose(&[100; 16], 4), bitonic);
    assert_eq!(RankSort::choose(&[1 << 20; 3], 4), RankSort::SampleSort);
    assert_eq!(RankSort::choose(&[1 << 14, 0, 0], 4), RankSort::SampleSort);
    assert_eq!(RankSort::choose(&[], 4), bitonic);
}

#[test]
fn names_tell_ways_apart() {
    let names: std::collections::BTreeSet<_> = RankSort::ALL.iter().map(|way| way.name()).collect();
    assert_eq!(names.len(), RankSort::ALL.len());
}
