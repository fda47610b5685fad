//! Section: the attention of one document, cut by tokens among ranks, by every strategy; and what that sends.

use super::Options;
use crate::text::{mark, thousands};
use attention::{Float, Mask, Threads};
use collectives::{Result, RunError, World};
use ndarray::{Array4, Axis};
use parallel::strategy::Sizes;
use parallel::{Placement, SequenceParallelAttention, Strategy};
use std::io::{self, Write};
use testkit::timed::arithmetic::rule::{allowed, greatest_error};

/// T: a prime.
const TOKENS: usize = 509;
/// H and G: of 2, 3, 4 and 7 only 3 divides them.
const HEADS: [usize; 2] = [9, 3];
/// D.
const HEAD_DIM: usize = 32;

/// Runs the section.
pub(super) fn run(out: &mut dyn Write, options: &Options) -> io::Result<bool> {
    let document = Document::random(options.seed);
    let [heads, kv_heads] = HEADS;
    writeln!(
        out,
        "\
A document that is too long for one rank is cut by tokens. But each token looks
at the others, so something has to travel: by all-to-all, in exchange for heads
(Ulysses); or the keys and values, round a ring or to everybody. Here {TOKENS}
tokens, which no number of ranks divides, {heads} query heads on {kv_heads} of keys and values,
which few do, and D = {HEAD_DIM}, with a causal mask, in f32. The difference of the
output from one rank's, and what the busiest rank sends, forward and backward,
as it was counted and as the closed form has it:

  {:>3}  {:<28}{:>11}{:>13}{:>13}",
        "P", "strategy", "difference", "counted", "formula",
    )?;
    let whole = document.on(1, Strategy::Ulysses).map_err(io::Error::other)?.output;
    let allowed = allowed(document.textbook::<f32>()?.view(), document.textbook::<f64>()?.view());
    let wide = whole.mapv(f64::from);
    let mut agree = true;
    for ranks in numbers_of_ranks(options) {
        for strategy in strategies(ranks) {
            let Outcome { output, counted } = document.on(ranks, strategy).map_err(io::Error::other)?;
            let difference = greatest_error(output.view(), wide.view());
            let formula = formula(strategy, ranks).map_err(io::Error::other)?;
            let agrees = difference <= allowed && counted == formula;
            agree &= agrees;
            let most = |sent: &[[u64; 2]]| thousands(sent.iter().map(|sent| sent[1]).max().unwrap_or(0));
            writeln!(
                out,
                "  {ranks:>3}  {:<28}{:>11}{:>11} B{:>11} B{}",
                strategy.name(),
                if difference == 0.0 { "0".into() } else { format!("{difference:.1e}") },
                most(&counted),
                most(&formula),
                mark(agrees),
            )?;
        }
    }
    writeln!(
        out,
        "
A difference of {allowed:.1e} is allowed: twice the error that the textbook's form has
in f32, and a few roundings. Messages and bytes of every rank are compared, not
only the busiest one's. `gears plan` has the formulas, for any sizes."
    )?;
    Ok(agree)
}

/// Those of the tour, and 3.
fn numbers_of_ranks(options: &Options) -> Vec<usize> {
    match options.ranks {
        None => vec![1, 2, 3, 4, 7],
        Some(_) => options.ranks(),
    }
}

/// Each of them, where it isn't the same as another.
fn strategies(ranks: usize) -> Vec<Strategy> {
    let (contiguous, zigzag) = (Placement::Contiguous, Placement::Zigzag);
    let mut strategies = vec![Strategy::Ulysses];
    if ranks > 1 {
        strategies.push(Strategy::Ring { placement: contiguous, both: false });
        strategies.push(Strategy::Ring { placement: zigzag, both: true });
        strategies.push(Strategy::AllGather { placement: Placement::Striped });
    }
    let [heads, _] = HEADS;
    let proper = (2..ranks).find(|&ulysses| ranks.is_multiple_of(ulysses) && ulysses <= heads);
    strategies.extend(proper.map(|ulysses| Strategy::UlyssesRing {
        ulysses,
        placement: zigzag,
        both: false,
    }));
    strategies.retain(|strategy| !matches!(strategy, Strategy::Ulysses if ranks > heads));
    strategies
}

/// Messages and bytes that each rank sends, forward and backward together.
fn formula(strategy: Strategy, ranks: usize) -> parallel::Result<Vec<[u64; 2]>> {
    let [heads, kv_heads] = HEADS;
    let sizes = Sizes { batch: 1, tokens: TOKENS, heads, kv_heads, head_dim: HEAD_DIM };
    (0..ranks)
        .map(|rank| {
            let sent = strategy.cost(&sizes, ranks, rank)?;
            let both = sent.forward.then(sent.backward);
            Ok([both.messages as u64, (both.elements * size_of::<f32>()) as u64])
        })
        .collect()
}

/// Query, key, value, (1, heads, T, D), and the gradient of the output.
struct Document([Array4<f32>; 4]);

/// What the ranks found, put together, and what each sent: messages and bytes.
struct Outcome {
    output: Array4<f32>,
    counted: Vec<[u64; 2]>,
}

impl Document {
    /// Numbers between -2 and 2.
    fn random(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let [heads, kv_heads] = HEADS;
        Self([heads, kv_heads, kv_heads, heads].map(|heads| {
            Array4::from_shape_simple_fn((1, heads, TOKENS, HEAD_DIM), || 4.0 * random.f32() - 2.0)
        }))
    }

    /// The output by the textbook's form.
    fn textbook<T: Float>(&self) -> io::Result<Array4<T>> {
        let [query, key, value, _] = self.0.each_ref().map(|x| x.mapv(|x| T::of(x.into())));
        let options = attention::Options::masked(Mask::causal()).threads(Threads::ONE);
        let attended = attention::naive::forward(query.view(), key.view(), value.view(), &options);
        Ok(attended.map_err(io::Error::other)?.output)
    }

    /// Forward and backward on so many ranks.
    fn on(&self, ranks: usize, strategy: Strategy) -> Result<Outcome, RunError> {
        let options = attention::Options::masked(Mask::causal()).threads(Threads::ONE);
        let parts = World::new(ranks).counting(true).run(|comm| {
            let attention = SequenceParallelAttention::new(comm, strategy)?;
            let own = attention.tokens(TOKENS);
            let [query, key, value, gradient] =
                self.0.each_ref().map(|x| x.select(Axis(2), &own).into_shared()); // (1, heads, T_r, D)
            comm.reset_traffic();
            let (output, saved) = attention.forward(TOKENS, query, key, value, &options)?;
            attention.backward(&saved, gradient.view(), &options)?;
            let sent = comm.traffic().map(|traffic| traffic.total).unwrap_or_default();
            Ok((own, output, [sent.messages, sent.bytes]))
        })?;
        let mut output = Array4::zeros(self.0[0].dim());
        let mut counted = Vec::new();
        for (own, part, sent) in parts {
            for (&token, part) in own.iter().zip(part.axis_iter(Axis(2))) {
                output.index_axis_mut(Axis(2), token).assign(&part);
            }
            counted.push(sent);
        }
        Ok(Outcome { output, counted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ranks: Option<usize>) -> String {
        let mut out = Vec::new();
        assert!(run(&mut out, &Options { ranks, seed: 1 }).expect("it runs"));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_section_agrees_and_fits_80_columns() {
        let text = text(None);
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
        }
        let rows = text.lines().filter(|line| line.ends_with(" B")).count();
        assert_eq!(rows, 1 + 4 + 4 + 5 + 4, "{text}");
        assert!(text.contains("    4  ulysses 2 x ring (zigzag)  "), "{text}");
    }

    #[test]
    fn ulysses_is_left_out_where_heads_are_too_few() {
        let text = text(Some(10));
        assert!(!text.contains("   10  ulysses   ") && text.contains("   10  ulysses 2 x ring"), "{text}");
    }

    /// The gradient counts too, and so does every rank.
    #[test]
    fn another_strategy_sends_something_else() {
        let ulysses = formula(Strategy::Ulysses, 4).expect("it fits");
        let counted = Document::random(0).on(4, Strategy::Ulysses).expect("it runs").counted;
        assert_eq!(counted, ulysses);
        let ring =
            formula(Strategy::Ring { placement: Placement::Contiguous, both: false }, 4).expect("it fits");
        assert_ne!(counted, ring);
        assert!(counted.iter().any(|sent| sent[1] != counted[0][1]), "heads and tokens are uneven");
    }
}
