//! Section: a sorting network, drawn and proven; the sorts that are made of it; and the same network with a rank on
//! each wire.

use super::Options;
use crate::text::{mark, thousands};
use bitonic::network::{Drawing, Kind, Network, Unverified};
use bitonic::ranks::RankSort;
use bitonic::{Algorithm, Direction};
use collectives::{Counts, Layout, RunError, World};
use std::io::{self, Write};
use std::time::Instant;

/// Wires of the network that is drawn.
const WIRES: usize = 7;
/// Keys that are sorted: a prime.
const KEYS: usize = 100_003;

/// The rungs, and what each adds.
const RUNGS: [(Algorithm, &str); 5] = [
    (Algorithm::Recursive, "sort the halves, then merge"),
    (Algorithm::Iterative, "the same comparators in three loops"),
    (Algorithm::Blocked, "a block in the cache is finished first"),
    (Algorithm::Simd, "vectors of keys, several stages a load"),
    (Algorithm::Parallel, "the same on all cores"),
];

/// The ways across ranks that are shown.
const WAYS: [RankSort; 3] =
    [RankSort::Network(Kind::Bitonic), RankSort::Network(Kind::OddEvenTransposition), RankSort::SampleSort];

/// Runs the section.
pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let proven = network(out, options.seed)?;
    let keys = keys(options.seed);
    let sorted = ladder(out, &keys)?;
    let across = across_ranks(out, options, &keys)?;
    Ok(proven && sorted && across)
}

/// A small network, and a smaller one that is none.
fn network(out: &mut dyn Write, seed: u64) -> io::Result<bool> {
    let network = Kind::Bitonic.build(WIRES);
    let mut keys: Vec<usize> = (1..=WIRES).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut keys);
    writeln!(
        out,
        "\
A sorting network compares the same places in the same order, whatever the keys
are. Here is the bitonic one for {WIRES} keys, which run along the wires from left to
right; the smaller key of a comparator leaves at its upper end (doubled lines:
the keys changed places):

{}",
        indented(&Drawing::of(&network).with_input(&keys).text()),
    )?;
    // The last level merges two sorted halves; without its last stage neighbours may still be the wrong way round.
    let mut stages = network.stages().to_vec();
    stages.pop();
    let cut = Network::new(WIRES, stages).map_err(io::Error::other)?;
    let sorts = network.verify();
    let fails = cut.verify();
    writeln!(
        out,
        "\
It has {} comparators in {} stages. That it sorts needn't be tried on all {}
orders of {WIRES} keys: if it sorts every input of zeros and ones, it sorts everything
(the 0-1 principle). And without its last stage it doesn't, as that finds out:
",
        network.size(),
        network.depth(),
        thousands((1..=WIRES as u64).product()),
    )?;
    let verdict = |verified: &Result<u64, Unverified>| match verified {
        Ok(inputs) => format!("all {inputs} inputs come out sorted"),
        Err(unverified) => unverified.to_string(),
    };
    let agree = [sorts == Ok(1 << WIRES), matches!(fails, Err(Unverified::Unsorted(_)))];
    writeln!(out, "  {:<24}{}{}", "the network", verdict(&sorts), mark(agree[0]))?;
    writeln!(out, "  {:<24}{}{}", "without the last stage", verdict(&fails), mark(agree[1]))?;
    Ok(agree == [true; 2])
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// Any bits: infinities, both zeros and NaNs among them.
fn keys(seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..KEYS).map(|_| f32::from_bits(random.u32(..))).collect()
}

fn bits(keys: &[f32]) -> Vec<u32> {
    keys.iter().map(|key| key.to_bits()).collect()
}

/// Every rung, against the standard library.
fn ladder(out: &mut dyn Write, keys: &[f32]) -> io::Result<bool> {
    writeln!(
        out,
        "
A fixed order of comparisons can be compiled without a branch, done for many
keys at once in vector instructions, and divided among cores. The price is more
of them than a sort needs: about n lg n (lg n + 1)/4. Here of {} f32 of
any bits, NaNs among them, and the result against the standard library's:

  {:<13}{:>9}   {:<42}as std",
        thousands(KEYS as u64),
        "rung",
        "time",
        "",
    )?;
    let mut expected = keys.to_vec();
    let start = Instant::now();
    expected.sort_unstable_by(f32::total_cmp);
    let time = start.elapsed();
    let milliseconds = |time: std::time::Duration| format!("{:.2} ms", 1e3 * time.as_secs_f64());
    let mut agree = true;
    for (algorithm, idea) in RUNGS {
        let mut sorted = keys.to_vec();
        let start = Instant::now();
        algorithm.sort(&mut sorted, Direction::Ascending);
        let time = milliseconds(start.elapsed());
        let agrees = bits(&sorted) == bits(&expected);
        agree &= agrees;
        let same = if agrees { "yes" } else { "NO" };
        writeln!(out, "  {:<13}{time:>9}   {idea:<42}{same}{}", algorithm.name(), mark(agrees))?;
    }
    writeln!(out, "  {:<13}{:>9}   sort_unstable_by(f32::total_cmp)", "std", milliseconds(time))?;
    Ok(agree)
}

/// On every number of ranks: the result, and what was sent.
fn across_ranks(out: &mut dyn Write, options: &Options, keys: &[f32]) -> io::Result<bool> {
    writeln!(
        out,
        "
And each wire may be a rank with a block of the keys. Then a comparator is two
ranks that exchange their blocks; one keeps the smaller half, the other the
greater. What the busiest rank sends is known before any key is seen. Sample
sort looks at the keys first and sends most of them once; how many, they decide:

  {:>3}  {:<24}{:>16}{:>24}",
        "P", "way", "messages", "bytes",
    )?;
    writeln!(
        out,
        "  {:>3}  {:<22}{:>9}{:>9}{:>12}{:>14}",
        "", "", "counted", "formula", "counted", "formula"
    )?;
    let mut expected = keys.to_vec();
    expected.sort_unstable_by(f32::total_cmp);
    let mut agree = true;
    for ranks in options.ranks() {
        let layout = Layout::even(KEYS, ranks);
        let lengths: Vec<usize> = (0..ranks).map(|rank| layout.len(rank)).collect();
        for way in WAYS {
            let Outcome { sorted, counted } = sort(way, &layout, keys).map_err(io::Error::other)?;
            let agrees = bits(&sorted) == bits(&expected) && is_as_formula(way, &lengths, &counted);
            agree &= agrees;
            let formula = (0..ranks).map(|rank| way.cost(&lengths, rank, size_of::<f32>()));
            let (messages, bytes) = formula
                .map(|sent| (sent.messages as u64, (8 * sent.words + 4 * sent.keys.end()) as u64))
                .fold((0, 0), |most, sent| (most.0.max(sent.0), most.1.max(sent.1)));
            let most = |of: fn(&Counts) -> u64| thousands(counted.iter().map(of).max().unwrap_or(0));
            let at_most = if way == RankSort::SampleSort && ranks > 1 { "<= " } else { "" };
            writeln!(
                out,
                "  {ranks:>3}  {:<22}{:>9}{:>9}{:>12}{:>14}{}",
                way.name(),
                most(|counts| counts.messages),
                thousands(messages),
                most(|counts| counts.bytes),
                format!("{at_most}{}", thousands(bytes)),
                mark(agrees),
            )?;
        }
    }
    writeln!(
        out,
        "
Messages and bytes of every rank are compared, and the rounds; and the blocks,
one after the other, with the standard library's sort. `gears network` draws and
proves any network, `gears bench sort` measures."
    )?;
    Ok(agree)
}

/// What the ranks have in the end, and what each sent.
struct Outcome {
    sorted: Vec<f32>,
    counted: Vec<Counts>,
}

fn sort(way: RankSort, layout: &Layout, keys: &[f32]) -> Result<Outcome, RunError> {
    let blocks = World::new(layout.parts()).counting(true).run(|comm| {
        let mut block = keys[layout.block(comm.rank())].to_vec();
        way.sort(comm, &mut block, Direction::Ascending)?;
        Ok((block, comm.traffic().map(|traffic| traffic.total).unwrap_or_default()))
    })?;
    let (sorted, counted): (Vec<_>, _) = blocks.into_iter().unzip();
    Ok(Outcome { sorted: sorted.concat(), counted })
}

/// Whether every rank sent what the formula says.
fn is_as_formula(way: RankSort, lengths: &[usize], counted: &[Counts]) -> bool {
    let rounds = counted.iter().map(|counts| counts.rounds).max();
    counted.iter().enumerate().all(|(rank, counts)| {
        let sent = way.cost(lengths, rank, size_of::<f32>());
        counts.messages == sent.messages as u64
            && sent.allows(counts.bytes as usize, size_of::<f32>())
            && rounds == Some(sent.rounds as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_agrees_and_fits_80_columns() {
        let mut out = Vec::new();
        assert!(run(&mut out, &Options { ranks: None, seed: 1 }).expect("it runs"));
        let text = String::from_utf8(out).expect("text");
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
        }
        assert!(text.contains("  all 128 inputs come out sorted\n"), "{text}");
        assert!(text.contains(" comes out as ") && text.contains("\n    7  sample-sort "), "{text}");
    }

    #[test]
    fn many_ranks_fit_too() {
        let mut out = Vec::new();
        assert!(across_ranks(&mut out, &Options { ranks: Some(16), seed: 1 }, &keys(1)).expect("it runs"));
        let text = String::from_utf8(out).expect("text");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    /// One message or one key more, or less, of one rank is seen.
    #[test]
    fn what_is_sent_is_compared() {
        let (layout, lengths) = (Layout::even(KEYS, 3), [33_335, 33_334, 33_334]);
        for way in WAYS {
            let counted = sort(way, &layout, &keys(2)).expect("it runs").counted;
            assert!(is_as_formula(way, &lengths, &counted), "{}", way.name());
            let mut other = counted.clone();
            other[2].messages += 1;
            assert!(!is_as_formula(way, &lengths, &other), "{}", way.name());
            let mut other = counted.clone();
            other[1].bytes += if way == RankSort::SampleSort { 1 } else { 4 };
            assert!(!is_as_formula(way, &lengths, &other), "{}", way.name());
            let mut other = counted;
            other.iter_mut().for_each(|counts| counts.rounds += 1);
            assert!(!is_as_formula(way, &lengths, &other), "{}", way.name());
        }
    }
}
