//! What Ulysses holds and sends, for the chapter on it.
//!
//! | generator | what |
//! |---|---|
//! | `ulysses_traffic tokens=32768 heads=32/32/128,9/3/64 ranks=2,4` | MiB that the busiest rank sends forward, for H / G / D |
//! | `ulysses_holds heads=9/3/64 tokens=10 ranks=4` | what each rank has before and after, and elements that it sends |
//! | `ulysses_uneven heads=9/3/64 tokens=32768 ranks=2,3` | who has how many heads, and how far the busiest is from the mean |
//!
//! Elements of 16 bits.

use crate::heads::{number, numbers, settings};
use crate::markdown::table;
use crate::model::significant;
use parallel::Strategy;
use parallel::heads::HeadMap;
use parallel::strategy::{Sent, Sizes};

/// Bytes of an element.
pub(crate) const WIDTH: usize = 2;

/// The table that a region asks for, if it is one of these.
pub(crate) fn generate(arguments: &str) -> Option<Result<String, String>> {
    let (generator, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Some(match generator {
        "ulysses_traffic" => traffic(rest),
        "ulysses_holds" => holds(rest),
        "ulysses_uneven" => uneven(rest),
        _ => return None,
    })
}

/// H / G / D.
pub(crate) fn heads_of(text: &str, tokens: usize) -> Result<Sizes, String> {
    let parts: Vec<usize> = text.split('/').map(number).collect::<Result<_, _>>()?;
    let &[heads, kv_heads, head_dim] = &parts[..] else {
        return Err(format!("expected H/G/D, and got `{text}`"));
    };
    Ok(Sizes { batch: 1, tokens, heads, kv_heads, head_dim })
}

/// So many elements, in MiB.
pub(crate) fn mib(elements: usize) -> String {
    significant((WIDTH * elements) as f64 / f64::from(1 << 20))
}

/// What every rank sends.
pub(crate) fn sent(strategy: Strategy, sizes: &Sizes, ranks: usize) -> Result<Vec<Sent>, String> {
    let cost = |rank| strategy.cost(sizes, ranks, rank).map_err(|error| error.to_string());
    (0..ranks).map(cost).collect()
}

/// `B T D (2H + 2 max(G, P)) / P (P-1)/P`: what each rank sends, if all divides.
fn closed_form(sizes: &Sizes, ranks: usize) -> f64 {
    let &Sizes { batch, tokens, heads, kv_heads, head_dim } = sizes;
    let per_token = 2 * heads + 2 * kv_heads.max(ranks);
    let all = (batch * tokens * head_dim * per_token) as f64;
    all / ranks as f64 * (ranks - 1) as f64 / ranks as f64
}

fn traffic(text: &str) -> Result<String, String> {
    let [tokens, heads, ranks] = settings(text, ["tokens", "heads", "ranks"])?;
    let tokens = number(tokens)?;
    let all: Vec<Sizes> = heads.split(',').map(|heads| heads_of(heads, tokens)).collect::<Result<_, _>>()?;
    let mut rows = vec![vec!["P".to_owned()]];
    for &Sizes { heads, kv_heads, head_dim, .. } in &all {
        rows[0].push(format!("H = {heads}, G = {kv_heads}, D = {head_dim}"));
        rows[0].push("if even".to_owned());
    }
    rows[0].push(format!("Megatron, H D = {}", all[0].heads * all[0].head_dim));
    for ranks in numbers(ranks)? {
        let mut row = vec![ranks.to_string()];
        for sizes in &all {
            if ranks > sizes.heads {
                row.extend(["-".to_owned(), "-".to_owned()]);
                continue;
            }
            let sent = sent(Strategy::Ulysses, sizes, ranks)?;
            row.push(mib(sent.iter().map(|sent| sent.forward.elements).max().unwrap_or(0)));
            row.push(significant(closed_form(sizes, ranks) * WIDTH as f64 / f64::from(1 << 20)));
        }
        let all_tokens = 4 * tokens * all[0].heads * all[0].head_dim;
        row.push(mib(all_tokens * (ranks - 1) / ranks));
        rows.push(row);
    }
    Ok(table(&rows))
}

/// `3..6` as `3 to 5`.
fn named(range: std::ops::Range<usize>) -> String {
    match range.len() {
        0 => "none".to_owned(),
        1 => range.start.to_string(),
        _ => format!("{} to {}", range.start, range.end - 1),
    }
}

fn holds(text: &str) -> Result<String, String> {
    let [heads, tokens, ranks] = settings(text, ["heads", "tokens", "ranks"])?;
    let (tokens, ranks) = (number(tokens)?, number(ranks)?);
    let sizes = heads_of(heads, tokens)?;
    let map = HeadMap::new(sizes.heads, sizes.kv_heads, ranks).map_err(|error| error.to_string())?;
    let head = [
        "rank",
        "its tokens",
        "q before",
        "k, v before",
        "its heads",
        "its k, v heads",
        "q after",
        "k, v after",
        "sends forward",
        "backward",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (rank, sent) in sent(Strategy::Ulysses, &sizes, ranks)?.iter().enumerate() {
        let own = Strategy::Ulysses.tokens(tokens, ranks, rank);
        let run = own.first().map_or(0..0, |&first| first..first + own.len());
        let (own_heads, own_kv) = (map.heads(rank), map.kv_heads(rank));
        let dim = sizes.head_dim;
        rows.push(vec![
            rank.to_string(),
            named(run),
            format!("({}, {}, {dim})", own.len(), sizes.heads),
            format!("({}, {}, {dim})", own.len(), sizes.kv_heads),
            named(own_heads.clone()),
            named(own_kv.clone()),
            format!("({tokens}, {}, {dim})", own_heads.len()),
            format!("({tokens}, {}, {dim})", own_kv.len()),
            sent.forward.elements.to_string(),
            sent.backward.elements.to_string(),
        ]);
    }
    Ok(table(&rows))
}

fn uneven(text: &str) -> Result<String, String> {
    let [heads, tokens, ranks] = settings(text, ["heads", "tokens", "ranks"])?;
    let sizes = heads_of(heads, number(tokens)?)?;
    let head = [
        "P",
        "query heads",
        "key-value heads",
        "busiest computes, of the mean",
        "busiest sends forward",
        "backward",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for ranks in numbers(ranks)? {
        let map = HeadMap::new(sizes.heads, sizes.kv_heads, ranks).map_err(|error| error.to_string())?;
        let counts = |of: &dyn Fn(usize) -> usize| -> Vec<usize> { (0..ranks).map(of).collect() };
        let shown = |counts: &[usize]| counts.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        let own = counts(&|rank| map.heads(rank).len());
        let kv = counts(&|rank| map.kv_heads(rank).len());
        let most = |counts: &[usize]| counts.iter().copied().max().unwrap_or(0) as f64;
        let mean = |counts: &[usize]| counts.iter().sum::<usize>() as f64 / ranks as f64;
        let sent = sent(Strategy::Ulysses, &sizes, ranks)?;
        let [forward, backward]: [Vec<usize>; 2] =
            [|sent: &Sent| sent.forward.elements, |sent: &Sent| sent.backward.elements]
                .map(|of| sent.iter().map(of).collect());
        rows.push(vec![
            ranks.to_string(),
            shown(&own),
            shown(&kv),
            significant(most(&own) / mean(&own)),
            significant(most(&forward) / mean(&forward)),
            significant(most(&backward) / mean(&backward)),
        ]);
    }
    Ok(table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem() {
        for text in [
            "ulysses_traffic tokens=8",
            "ulysses_traffic tokens=8 heads=4/4 ranks=2",
            "ulysses_holds heads=4/4/1 tokens=8 ranks=5",
            "ulysses_uneven heads=4/3/1 tokens=8 ranks=2",
        ] {
            assert!(generate(text).unwrap().is_err(), "{text}");
        }
        assert!(generate("cost barrier").is_none());
    }

    /// Where heads and tokens divide, every rank sends the closed form.
    #[test]
    fn the_closed_form_is_what_even_ranks_send() {
        for (heads, ranks) in [("8/8/4", 4), ("8/4/4", 2), ("8/2/4", 8), ("32/8/2", 16)] {
            let sizes = heads_of(heads, 64).unwrap();
            for sent in sent(Strategy::Ulysses, &sizes, ranks).unwrap() {
                assert_eq!(sent.forward.elements as f64, closed_form(&sizes, ranks), "{heads} on {ranks}");
                assert_eq!(sent.backward.elements, sent.forward.elements);
            }
        }
    }
}
