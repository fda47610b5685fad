//! The code in the notes: every plain `rust` fence is compiled and run as a doctest of this library.
//!
//! The suite itself is in `tests/`. `tests/notes` holds the rest of the notes against the source, and that
//! every note is listed here.

/// The number of the line that ends in the comment `// mark`: what an error that names this place must say.
///
/// # Panics
///
/// If there is no such line, or more than one.
pub fn line_of(source: &str, mark: &str) -> u32 {
    let end = format!("// {mark}");
    let lines: Vec<usize> =
        (1..).zip(source.lines()).filter(|(_, line)| line.ends_with(&end)).map(|(n, _)| n).collect();
    let [line] = lines[..] else { panic!("the mark `{mark}` is on lines {lines:?}") };
    line as u32
}

#[cfg(doctest)]
#[doc = include_str!("../../notes/README.md")]
struct Notes;

#[cfg(doctest)]
#[doc = include_str!("../../notes/01-ranks-and-messages.md")]
struct RanksAndMessages;

#[cfg(doctest)]
#[doc = include_str!("../../notes/02-barriers.md")]
struct Barriers;

#[cfg(doctest)]
#[doc = include_str!("../../notes/03-trees.md")]
struct Trees;

#[cfg(doctest)]
#[doc = include_str!("../../notes/04-the-ring.md")]
struct TheRing;

#[cfg(doctest)]
#[doc = include_str!("../../notes/05-halving-and-doubling.md")]
struct HalvingAndDoubling;

#[cfg(doctest)]
#[doc = include_str!("../../notes/06-all-to-all.md")]
struct AllToAll;

#[cfg(doctest)]
#[doc = include_str!("../../notes/07-what-it-costs.md")]
struct WhatItCosts;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../ARCHITECTURE.md")]
struct Architecture;

#[cfg(doctest)]
#[doc = include_str!("../../notes/08-when-ranks-disagree.md")]
struct WhenRanksDisagree;

#[cfg(doctest)]
#[doc = include_str!("../../notes/09-the-mailbox.md")]
struct TheMailbox;

#[cfg(doctest)]
#[doc = include_str!("../../notes/10-softmax.md")]
struct Softmax;

#[cfg(doctest)]
#[doc = include_str!("../../notes/11-attention.md")]
struct Attention;

#[cfg(doctest)]
#[doc = include_str!("../../notes/12-flash.md")]
struct Flash;

#[cfg(doctest)]
#[doc = include_str!("../../notes/13-heads.md")]
struct Heads;

#[cfg(doctest)]
#[doc = include_str!("../../notes/14-positions.md")]
struct Positions;

#[cfg(doctest)]
#[doc = include_str!("../../notes/15-decoding.md")]
struct Decoding;

#[cfg(doctest)]
#[doc = include_str!("../../notes/16-ulysses.md")]
struct Ulysses;

#[cfg(doctest)]
#[doc = include_str!("../../notes/17-tensor-and-sequence-parallel.md")]
struct TensorAndSequenceParallel;

#[cfg(doctest)]
#[doc = include_str!("../../notes/18-ring-attention.md")]
struct RingAttention;

#[cfg(doctest)]
#[doc = include_str!("../../notes/19-two-dimensions.md")]
struct TwoDimensions;

#[cfg(doctest)]
#[doc = include_str!("../../notes/20-which-one-when.md")]
struct WhichOneWhen;

#[cfg(doctest)]
#[doc = include_str!("../../notes/21-why-bitonic-sort-works.md")]
struct WhyBitonicSortWorks;

#[cfg(doctest)]
#[doc = include_str!("../../notes/22-counting-comparators.md")]
struct CountingComparators;

#[cfg(doctest)]
#[doc = include_str!("../../notes/23-from-network-to-vector-instructions.md")]
struct FromNetworkToVectorInstructions;

#[cfg(doctest)]
#[doc = include_str!("../../notes/24-sorting-across-ranks.md")]
struct SortingAcrossRanks;

#[cfg(doctest)]
#[doc = include_str!("../../notes/25-how-fast-can-it-be.md")]
struct HowFastCanItBe;

#[cfg(doctest)]
#[doc = include_str!("../../notes/measured/attention-time-and-memory.md")]
struct AttentionTimeAndMemoryMeasured;

#[cfg(doctest)]
#[doc = include_str!("../../notes/measured/attention-across-ranks.md")]
struct AttentionAcrossRanksMeasured;

#[cfg(doctest)]
#[doc = include_str!("../../notes/measured/sorting.md")]
struct SortingMeasured;

#[cfg(doctest)]
#[doc = include_str!("../../notes/measured/collectives.md")]
struct CollectivesMeasured;
